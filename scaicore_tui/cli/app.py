"""The commands and their flags: the contract that scripts rely on. Each does its work in a module of its own."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer

from scaicore_tui.cli.arguments import (
    AnyExecution,
    BreakpointId,
    CheckpointId,
    Execution,
    ForSeconds,
    IdleSeconds,
    Json,
    JsonLines,
    OfExecution,
    OptionId,
    SchemaName,
    Seconds,
    State,
    Status,
    Yes,
)
from scaicore_tui.cli.common import takes_common
from scaicore_tui.cli.config_app import config_app
from scaicore_tui.cli.flags import Common
from scaicore_tui.cli.help import Command, Group
from scaicore_tui.cli.opening import DEMO_RATE, DEMO_SEED, open_app, open_demo
from scaicore_tui.cli.running import run
from scaicore_tui.cli.seconds import seconds

app = typer.Typer(
    cls=Group,
    help="A keyboard-driven terminal debugger for live ScaiCore runs. Without a command it opens the app.",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(config_app, name="config")

command = partial(app.command, cls=Command)
TIME: Any = {"metavar": "TIME", "parser": seconds}


@app.callback(invoke_without_command=True)
@takes_common
def root(
    common: Common, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> int | None:
    """A keyboard-driven terminal debugger for live ScaiCore runs. Without a command it opens the app."""
    if version:
        from scaicore_tui import __version__
        from scaicore_tui.cli import output

        output.line(f"scaicore-tui {__version__}")
        return 0
    return open_app(common)


@command()
@takes_common
def demo(
    common: Common,
    seed: Annotated[int, typer.Option(metavar="N", help="Same seed, same runs.")] = DEMO_SEED,
    rate: Annotated[float, typer.Option(metavar="N", help="New runs a minute.", min=0, max=600)] = DEMO_RATE,
    no_tui: Annotated[bool, typer.Option("--no-tui", help="Only serve; print where as one JSON line.")] = False,
    owned: Annotated[bool, typer.Option("--owned", hidden=True)] = False,
) -> int:
    """Open the app on a demo: a ScaiGrid of its own, on loopback.

    It really runs flows. `--no-tui` prints one JSON line that says where it is, and serves until interrupted.
    """
    if no_tui:
        from scaicore_tui.cli.demo import serve_demo

        return run(serve_demo(seed, rate, owned))
    return open_demo(common, seed, rate)


@command()
@takes_common
def serve(
    common: Common,
    upstream: Annotated[str, typer.Option(metavar="URL", help="The ScaiGrid's URL.")],
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", help="The port to listen on.", min=0, max=65535)] = 8001,
    allow_host: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A name it goes by.")] = None,
    workers: Annotated[int, typer.Option(metavar="N", help="Processes; one that dies is replaced.", min=1, max=64)] = 1,
    connections: Annotated[int, typer.Option(metavar="N", help="At most, of each worker; then 503.", min=1)] = 200,
    coalesce: Annotated[
        float,
        typer.Option(
            **TIME, help="Identical reads of one credential share an answer for so long, in each worker by itself."
        ),
    ] = 0,
    read_timeout: Annotated[float, typer.Option(**TIME, help="So long the upstream has to answer a read.")] = 15,
    invoke_timeout: Annotated[float, typer.Option(**TIME, help="So long it has to answer a write.")] = 300,
    grace: Annotated[float, typer.Option(**TIME, help="So long requests under way have to end after SIGTERM.")] = 30,
    lend_key: Annotated[
        bool,
        typer.Option("--lend-key", help="Lend its own key to programs of this machine that send no credential."),
    ] = False,
    worker_fds: Annotated[tuple[int, int] | None, typer.Option(hidden=True)] = None,
) -> int:
    """Serve the REST API in front of a ScaiGrid.

    Standard error is the access log, JSON lines, unless `--quiet`.
    """
    from scaicore_tui.cli import serving

    service = serving.Service(
        upstream,
        host,
        port,
        allow_host or (),
        workers,
        connections,
        grace,
        coalesce,
        read_timeout,
        invoke_timeout,
        lend_key,
    )
    return run(serving.serve(service) if worker_fds is None else serving.worker_main(service, *worker_fds))


@command()
@takes_common
def runs(
    common: Common,
    failed: Annotated[bool, typer.Option("--failed", help="Only failed ones.")] = False,
    json: Json = False,
) -> int:
    """Print the runs with their nodes, newest first.

    The feed is read once. With `--offline`, or a `--journal` of JSON lines as `events --json` prints them, nothing is
    asked of a server.
    """
    from scaicore_tui.cli import reading

    return run(reading.list_runs(common, failed, json))


@command()
@takes_common
def show(common: Common, execution: Execution, json: Json = False) -> int:
    """Print one run: nodes, visits, error, input, output.

    The beginning of its id will do, if no other run begins so, and `@latest`.
    """
    from scaicore_tui.cli import reading

    return run(reading.show_run(common, execution, json))


@command()
@takes_common
def events(
    common: Common,
    execution: OfExecution = None,
    json: Annotated[bool, typer.Option("--json", help="JSON lines, verbatim.")] = False,
) -> int:
    """Print events in feed order, verbatim.

    With `--journal` those of that file, without a server.
    """
    from scaicore_tui.cli import reading

    return run(reading.list_events(common, execution, json))


@command()
@takes_common
def watch(
    common: Common,
    execution: AnyExecution = None,
    exit_status: Annotated[bool, typer.Option("--exit-status", help="Exit code 1 where the run failed.")] = False,
    until: State = None,
    timeout: Seconds = None,
    json: JsonLines = False,
) -> int:
    """Print a line for each change, of one run or all.

    A run is told from its beginning, and until it ends. Polls that fail, from the first one on, are told on standard
    error, and survived: nothing is missed.
    """
    from scaicore_tui.cli import watching

    return run(watching.watch(common, execution, exit_status, until, timeout, json))


@command()
@takes_common
def record(
    common: Common,
    seconds: ForSeconds = None,
    idle: IdleSeconds = None,
    json: Annotated[bool, typer.Option("--json", help="The summary as JSON.")] = False,
) -> int:
    """Poll into the journal, without a screen.

    It is the profile's own, or that which `--journal` names. However it ends, there is a summary, which also says what
    was not read; the exit code is 3 where nothing could be read.
    """
    from scaicore_tui.cli import recording

    return run(recording.record(common, seconds, idle, json))


@command()
@takes_common
def checkpoints(
    common: Common,
    status: Status = "pending",
    json: Json = False,
) -> int:
    """Print what waits for a person."""
    from scaicore_tui.cli import reading

    return run(reading.list_checkpoints(common, status, json))


@command()
@takes_common
def resolve(
    common: Common,
    checkpoint_id: CheckpointId,
    option: OptionId,
    comment: Annotated[str | None, typer.Option(metavar="TEXT", help="A comment with the answer.")] = None,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Answer a checkpoint, and follow it until its run moves.

    Without `--yes` it asks on a terminal, and refuses without one.
    """
    from scaicore_tui.cli import writing

    return run(writing.resolve(common, checkpoint_id, option, comment, yes, json))


@command(name="continue")
@takes_common
def carry_on(common: Common, checkpoint_id: BreakpointId, yes: Yes = False, json: Json = False) -> int:
    """Continue a breakpoint, and follow it until its run moves."""
    from scaicore_tui.cli import writing

    return run(writing.carry_on(common, checkpoint_id, yes, json))


@command()
@takes_common
def replay(
    common: Common,
    execution: Execution,
    source: Annotated[str | None, typer.Option("--input", metavar="FILE|-", help="Another input, as JSON.")] = None,
    entity: Annotated[str | None, typer.Option(metavar="ID", help="The entity to run for.")] = None,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Invoke a run's Core again, with its input or another one."""
    from scaicore_tui.cli import writing

    return run(writing.replay(common, execution, source, entity, yes, json))


@command()
@takes_common
def ledger(common: Common, json: Json = False) -> None:
    """Print the writes of the last 90 days, and what came of each."""
    from scaicore_tui.cli import bookkeeping

    bookkeeping.list_ledger(json)


@command()
@takes_common
def doctor(common: Common, json: Annotated[bool, typer.Option("--json", help="JSON instead of lines.")] = False) -> int:
    """Look at everything between you and the API.

    Says what to do about what is wrong; the exit code is that of the first thing that fails. Writes nothing, and asks a
    handful of times.
    """
    from scaicore_tui.cli.doctor import examine

    return run(examine.examine(common, json))


@command()
@takes_common
def schema(
    common: Common,
    name: SchemaName = None,
) -> None:
    """Print the JSON Schema of a command's `--json`."""
    from scaicore_tui.cli import describing

    describing.print_schema(name)


def main() -> int:
    """Run the command line; its exit code."""
    try:
        app(prog_name="scaicore-tui")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0
