"""The command `replay --where`: select runs, confirm once, replay them one by one, and print a verdict on each."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from scaicore_tui.actions import gate
from scaicore_tui.analysis.replay_verdict import (
    GOOD_VERDICTS,
    VERDICT_COLOURS,
    Judgement,
    Verdict,
    judgement_text,
    verdict_counts,
)
from scaicore_tui.cli.commands.write import ask_to_confirm, report_recovered
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stdout, streams
from scaicore_tui.cli.output.stderr import say
from scaicore_tui.cli.output.stdout import Cell, Coloured
from scaicore_tui.cli.queries import RunSelection, context_of, select_runs
from scaicore_tui.cli.sessions import open_for_writing
from scaicore_tui.errors import NotFound, OutcomeUnknown, TimedOut, UsageError
from scaicore_tui.export.diff_documents import change_document
from scaicore_tui.session.replay_batch import FOLLOW_TIMEOUT_S, BatchItem, ReplayBatch, prepare
from scaicore_tui.text import display_name, one_line

if TYPE_CHECKING:
    from scaicore_tui.export.replay_types import ReplayDocument
    from scaicore_tui.runs import Summary
    from scaicore_tui.session import Session

HEAD = ("RUN", "CORE", "REPLAY", "VERDICT", "ERROR, OR FIRST DIFFERENCE OF THE OUTPUTS")
MAX_NAMED_CORES = 5
EXIT_NOT_ALL_GOOD = 1


class BatchRequest(Struct, frozen=True):
    """The runs to replay: the newest `limit` that match, and how. `timeout_s` is for the end of each replay."""

    where: str
    since: str | None
    limit: int
    yes: bool
    json: bool
    timeout_s: float | None = None


async def replay_many(common: Common, request: BatchRequest) -> int:
    """Replay the selected runs, print the verdicts and return the exit code."""
    selection = RunSelection(request.where, request.since)
    query = selection.query(common.core)
    streams.require_output()
    async with open_for_writing(common) as session:
        if (reason := gate.why_no_writes(session.write_context)) is not None:
            raise UsageError(reason, effect="nothing was sent")
        await session.read_once()
        await report_recovered(session)
        found = select_runs(session.stored_runs, selection, query, context_of(session, query))
        items = await prepare(session, [run.execution_id for run in found[: request.limit]])
        timeout_s = FOLLOW_TIMEOUT_S if request.timeout_s is None else request.timeout_s
        batch = ReplayBatch(session, items, partial(session.read_once, all_checkpoints=False), timeout_s=timeout_s)
        _report_selection(found, batch, request.limit)
        if batch.items:
            typed = await ask_to_confirm(session, _question(batch, session), batch.word, request.yes)
            await _run(batch, items, typed, json=request.json)
        else:
            _print(items, json=request.json)
    return _exit_code(batch)


async def _run(batch: ReplayBatch, items: Sequence[BatchItem], typed: str | None, *, json: bool) -> None:
    """Replay the runs, and print all verdicts, also if it is interrupted."""
    try:
        await batch.run(typed=typed)
    except asyncio.CancelledError:
        sent = [display_name(item.execution_id) for item in batch.items if item.was_sent]
        say(f"interrupted: {len(sent)} of {len(batch.items)} replays were sent{': ' * bool(sent)}{', '.join(sent)}")
        raise
    finally:
        _print(items, json=json)
        say(_counts(batch))


def _report_selection(found: Sequence[Summary], batch: ReplayBatch, limit: int) -> None:
    """Report what was selected, and what is left out, before anything is sent."""
    if not found:
        raise NotFound("no run matches", effect="nothing was sent", hint="scaicore-tui runs --where shows what does")
    if len(found) > limit:
        say(f"{len(found):,} runs match: the newest {limit:,} are selected (--max)")
    for item in batch.skipped:
        say(f"skipped: {display_name(item.execution_id)}: {one_line(item.skip_reason)}")


def _question(batch: ReplayBatch, session: Session) -> str:
    """Return the question for confirmation, which names the target, how many runs there are, and their Cores."""
    counts = Counter(item.core_id or "" for item in batch.items).most_common()
    named = ", ".join(f"{display_name(core)} {count}" for core, count in counts[:MAX_NAMED_CORES])
    more = f" and {len(counts) - MAX_NAMED_CORES} more Cores" if len(counts) > MAX_NAMED_CORES else ""
    runs = f"{len(batch.items):,} run{'s' * (len(batch.items) != 1)}"
    return (
        f"Replay {runs} on {one_line(session.target.host)}, one by one ({named}{more})? "
        "Models and plugins are called again for each."
    )


def _print(items: Sequence[BatchItem], *, json: bool) -> None:
    if json:
        stdout.document([replay_document(item) for item in items])
    else:
        stdout.table(HEAD, [_row(item) for item in items])
    stdout.flush()


def _counts(batch: ReplayBatch) -> str:
    """Return how many have each verdict, such as "20 replays: 12 fixed, 8 same error; 2 skipped"."""
    words = verdict_counts(item.verdict for item in batch.items)
    skipped = f"; {len(batch.skipped):,} skipped" if batch.skipped else ""
    return f"{len(batch.items):,} replay{'s' * (len(batch.items) != 1)}: {words}{skipped}"


def _row(item: BatchItem) -> tuple[Cell, ...]:
    verdict = item.verdict or Verdict.NOT_SENT
    likely = " (likely)" if item.submission is not None and item.submission.is_likely_match else ""
    return (
        one_line(item.execution_id),
        one_line(item.core_id or ""),
        one_line(item.replay_id or "-") + likely,
        Coloured(verdict, VERDICT_COLOURS[verdict]),
        _detail(item),
    )


def _detail(item: BatchItem) -> str:
    """Return the error of the replay, the first difference of the outputs, or why there is no verdict by a run."""
    judgement = item.judgement
    if judgement is None or item.message:
        return one_line(item.message or item.skip_reason)
    return judgement_text(judgement)


def replay_document(item: BatchItem) -> ReplayDocument:
    """Return the JSON document of one selected run."""
    submission, judgement = item.submission, item.judgement or Judgement(Verdict.NOT_SENT)
    cause, change = judgement.cause, judgement.change
    return {
        "original": item.execution_id,
        "core_id": item.core_id,
        "replay": item.replay_id,
        "likely": submission is not None and submission.is_likely_match,
        "verdict": str(judgement.verdict),
        "skipped": bool(item.skip_reason),
        "progress": None if submission is None else str(submission.progress),
        "message": item.message or item.skip_reason,
        "request_id": None if submission is None else submission.request_id,
        "error": judgement.error,
        "node_id": judgement.failed_node,
        "first_divergence": None if cause is None else {"node_id": judgement.first_node, "cause": str(cause)},
        "first_change": None if change is None else change_document(change.path, change.a, change.b),
        "change_count": judgement.change_count,
    }


def _exit_code(batch: ReplayBatch) -> int:
    """Return the exit code: of an unknown outcome, of what was not sent, of a timeout, or of the verdicts."""
    if not batch.items:
        raise NotFound("none of the selected runs can be replayed", effect="nothing was sent")
    unknown = [item.failure for item in batch.items if item.verdict is Verdict.UNKNOWN]
    if any(not isinstance(failure, TimedOut) for failure in unknown):
        return OutcomeUnknown.exit_code
    unsent = [item.failure for item in batch.items if item.verdict is Verdict.NOT_SENT and item.failure is not None]
    if unsent:
        return unsent[0].exit_code
    if unknown:
        return TimedOut.exit_code
    return 0 if all(item.verdict in GOOD_VERDICTS for item in batch.items) else EXIT_NOT_ALL_GOOD
