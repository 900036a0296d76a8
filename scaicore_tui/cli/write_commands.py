"""Define the commands that write, and their options; the work is done in `commands`."""

from __future__ import annotations

from typing import Annotated

import typer

from scaicore_tui.cli.arguments import (
    AnyExecution,
    BreakpointId,
    CheckpointId,
    Json,
    OptionId,
    Since,
    Where,
    Yes,
)
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.runner import run
from scaicore_tui.cli.shared_options import takes_common
from scaicore_tui.errors import UsageError


@takes_common
def resolve(
    common: Common,
    checkpoint_id: CheckpointId,
    option: OptionId,
    comment: Annotated[str | None, typer.Option(metavar="TEXT", help="Comment to send with the answer.")] = None,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Answer a checkpoint and wait until its run continues.

    It asks for confirmation on a terminal. Without a terminal it requires `--yes`.
    """
    from scaicore_tui.cli.commands import write

    return run(write.resolve(common, checkpoint_id, option, comment, yes, json))


@takes_common
def continue_(common: Common, checkpoint_id: BreakpointId, yes: Yes = False, json: Json = False) -> int:
    """Continue a breakpoint and wait until its run continues."""
    from scaicore_tui.cli.commands import write

    return run(write.continue_(common, checkpoint_id, yes, json))


@takes_common
def replay(
    common: Common,
    execution: AnyExecution = None,
    source: Annotated[
        str | None, typer.Option("--input", metavar="FILE|-", help="File with another input (JSON), or - for stdin.")
    ] = None,
    entity: Annotated[str | None, typer.Option(metavar="ID", help="Entity to invoke the Core for.")] = None,
    where: Where = "",
    since: Since = None,
    limit: Annotated[
        int | None, typer.Option("--max", metavar="N", help="With --where: at most this many, the newest ones.", min=1)
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Time for the end of a replay, after the response. [30]", min=0),
    ] = None,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Invoke a run's Core again, or those of many runs.

    A single run can be given another input (`--input`). With `--where` and `--max` it replays the newest runs that
    match, one by one with their captured inputs, and prints a verdict on each: fixed, alike (equal outputs), output
    differs, same error (the same node and the same error but for numbers, ids, paths and quoted values), other error,
    waits for a person, unknown, or not sent. It asks once for all. Runs that have not ended and runs without a
    captured input are skipped. Each is sent once: a lost response is looked up, and if no run is found, the others are
    not sent. The exit code is 0 if all are fixed or alike, and 1 if a replay has another verdict; 7 if an outcome is
    unknown, that of the error if one was not sent, 8 if one has not ended in time.
    """
    if where or limit is not None or since is not None:
        _check_many(execution, source, entity, where, limit)
        from scaicore_tui.cli.commands.replay_many import BatchRequest, replay_many

        return run(replay_many(common, BatchRequest(where, since, limit or 1, yes, json, timeout)))
    if execution is None:
        raise UsageError("name a run, or select runs with --where QUERY --max N")
    from scaicore_tui.cli.commands import write

    return run(write.replay(common, execution, source, entity, yes, json, timeout))


def _check_many(execution: str | None, source: str | None, entity: str | None, where: str, limit: int | None) -> None:
    """Check the options of a replay of many runs. Raises UsageError."""
    if execution is not None:
        raise UsageError("name one run, or select runs with --where: not both", effect="nothing was sent")
    if source is not None or entity is not None:
        raise UsageError("--input and --entity are for one run: --where replays captured inputs")
    if not where:
        raise UsageError("--max and --since need --where", hint="such as --where status:failed")
    if limit is None:
        raise UsageError("--where needs --max N: the newest N runs that match are replayed", effect="nothing was sent")
