"""The verdict on a replay: the end of the new run, compared with that of the run that it replays. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from scaicore_tui.analysis.diff import Cause, ComparedRun, RunDiff, compare
from scaicore_tui.analysis.error_groups import error_group_key
from scaicore_tui.analysis.value_diff import MISSING, Change, path_text
from scaicore_tui.json_text import write
from scaicore_tui.runs.model import Run, RunStatus
from scaicore_tui.runs.summary import summary_of
from scaicore_tui.text import one_line


class Verdict(StrEnum):
    """The result of a replay. The values are shown to people and printed."""

    FIXED = "fixed"
    ALIKE = "alike"
    OUTPUT_DIFFERS = "output differs"
    SAME_ERROR = "same error"
    OTHER_ERROR = "other error"
    WAITS = "waits for a person"
    UNKNOWN = "unknown"
    NOT_SENT = "not sent"


VERDICT_WORDS = {
    Verdict.FIXED: "the run failed, its replay completed",
    Verdict.ALIKE: "both completed with equal outputs",
    Verdict.OUTPUT_DIFFERS: "both completed, with different outputs",
    Verdict.SAME_ERROR: "both failed at the same node, with errors of the same cause",
    Verdict.OTHER_ERROR: "the replay failed, at another node or with another error, or the run had completed",
    Verdict.WAITS: "the replay is paused at a checkpoint",
    Verdict.UNKNOWN: "the response was lost and no run was found, or the replay has not ended in time",
    Verdict.NOT_SENT: "nothing was sent, or the server rejected it",
}
VERDICT_COLOURS = {
    Verdict.FIXED: "green",
    Verdict.ALIKE: "green",
    Verdict.OUTPUT_DIFFERS: "amber",
    Verdict.SAME_ERROR: "red",
    Verdict.OTHER_ERROR: "red",
    Verdict.WAITS: "amber",
    Verdict.UNKNOWN: "amber",
    Verdict.NOT_SENT: "grey",
}
# A value of a difference is shown up to this length.
MAX_VALUE_CELLS = 60
# Of these, nothing is left to do.
GOOD_VERDICTS = frozenset({Verdict.FIXED, Verdict.ALIKE})


class Judgement(Struct, frozen=True):
    """A verdict and what it is based on.

    Attributes:
        error: the error of the replay; None if it did not fail.
        failed_node: where the replay failed; None if it did not, or that has no id.
        change: the first difference of the outputs, if both runs completed.
        change_count: the number of these differences.
        first_node, cause: the first difference of the runs, as `diff` finds it: its node, and why it is one.
    """

    verdict: Verdict
    error: str | None = None
    failed_node: str | None = None
    change: Change | None = None
    change_count: int = 0
    first_node: str | None = None
    cause: Cause | None = None


def judge(original: ComparedRun, replay: ComparedRun) -> Judgement:
    """Return the verdict on `replay`, a run that has ended, as `original` has."""
    found = compare(original, replay)
    end = summary_of(replay.run, 0)
    pair = None if found.first is None else found.first.pair
    return Judgement(
        _verdict(found),
        replay.run.error,
        end.failed_node if end.outcome is RunStatus.FAILED else None,
        next(iter(found.output), None),
        len(found.output),
        None if pair is None else pair.step.node_id,
        None if found.first is None else found.first.cause,
    )


def judgement_text(judgement: Judgement) -> str:
    """Return the error of the replay, or the first difference of the outputs, on one safe line; empty without any."""
    if judgement.error is not None:
        node = f"{judgement.failed_node}: " if judgement.failed_node else ""
        return one_line(f"{node}{judgement.error}")
    change = judgement.change
    if change is None:
        return ""
    path = one_line(path_text(change.path), MAX_VALUE_CELLS)
    values = [
        "nothing" if value is MISSING else one_line(write(value), MAX_VALUE_CELLS) for value in (change.a, change.b)
    ]
    return f"{path}{': ' if path else ''}{' -> '.join(values)}"


def verdict_counts(verdicts: Iterable[Verdict | None]) -> str:
    """Return how many there are of each verdict, such as "12 fixed, 8 same error"; those not known yet do not count."""
    counts = Counter(verdicts)
    return ", ".join(f"{counts[verdict]:,} {verdict}" for verdict in Verdict if counts[verdict])


def _verdict(found: RunDiff) -> Verdict:
    had_failed, fails = (run.outcome is RunStatus.FAILED for run in (found.a, found.b))
    if fails:
        return Verdict.SAME_ERROR if had_failed and _cause(found.a) == _cause(found.b) else Verdict.OTHER_ERROR
    if had_failed:
        return Verdict.FIXED
    return Verdict.OUTPUT_DIFFERS if found.output else Verdict.ALIKE


def _cause(run: Run) -> object:
    """Return what two failures have in common that count as one cause; without an error, only the node."""
    summary = summary_of(run, 0)
    return error_group_key(summary) or summary.failed_node
