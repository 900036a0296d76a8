"""The run that a visit of a node most likely started. The feed says it nowhere: it is never proven. Pure.

It began and ended while the visit was open. An equal result, an equal error or an equal input makes it likelier than
other runs of that time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from msgspec import Struct

from scaicore_tui.analysis.steps import Step
from scaicore_tui.runs import Run, RunStatus, Summary
from scaicore_tui.runs.model import NULL_DIGEST, NodeVisit, json_digest
from scaicore_tui.units import Micros

CALL_KINDS = frozenset({"core_call"})
# Clocks differ: a sub-run may seem to begin before its step, and to end after it.
CLOCK_SLACK_US = 250_000
# The newest visits of a run whose sub-runs are searched, and the runs that are looked at for each.
MAX_CALLS, MAX_CANDIDATES = 500, 20
_MAX_RESULT_BYTES = 256 * 1024
_MIN_ERROR_CHARS = 8


class SubRun(Struct, frozen=True):
    """The likeliest run; `rivals` other runs of that time are as likely. `evidence` says what else fits it."""

    summary: Summary
    rivals: int = 0
    is_likely: bool = True
    evidence: tuple[str, ...] = ()


def call_visits(run: Run) -> Sequence[NodeVisit]:
    """Return the newest visits of `run` that may have started a run, oldest first."""
    found = [visit for node in run.nodes.values() if node.block_kind in CALL_KINDS for visit in node.visits]
    return sorted(found, key=lambda visit: visit.entered_event)[-MAX_CALLS:]


def has_open_call(run: Run) -> bool:
    """Return whether a visit of `run` is open that may have started a run: that may become known later."""
    return any(node.open_visits for node in run.nodes.values() if node.block_kind in CALL_KINDS)


def find_sub_run(
    step: Step, now: Micros, others: Collection[Summary], inputs: Collection[int] = frozenset()
) -> SubRun | None:
    """Return the run among `others` that `step` most likely started; None if none fits.

    It is the one with the most in common; of several the one with the same outcome that began first. `inputs` are the
    digests of the values that the step may have passed on.
    """
    if step.block_kind not in CALL_KINDS or step.entered_at is None:
        return None
    begin, end = step.entered_at - CLOCK_SLACK_US, (step.ended_at or now) + CLOCK_SLACK_US
    inside = [other for other in others if _is_between(other, begin, end, is_open=step.is_open)]
    if not inside:
        return None
    result = _result_digest(step)
    evidence = {other.execution_id: list(_evidence(step, result, other, inputs)) for other in inside}

    def rank(other: Summary) -> tuple[int, bool, Micros]:
        return -len(evidence[other.execution_id]), not _has_same_outcome(step, other), other.started_at or 0

    found = min(inside, key=rank)
    equals = evidence[found.execution_id]
    rivals = sum(len(evidence[other.execution_id]) >= len(equals) for other in inside) - 1
    # A step that went well rarely called a run that failed: another step of that time did.
    is_likely = not rivals and (bool(equals) or _has_same_outcome(step, found))
    return SubRun(found, rivals, is_likely, tuple(equals))


def _has_same_outcome(step: Step, other: Summary) -> bool:
    return (other.outcome is RunStatus.FAILED) == step.has_failed


def _result_digest(step: Step) -> int:
    """Return the digest of the result of a step; that of null if it has none, or a large one."""
    visit = step.visit
    is_small = visit is not None and visit.has_result and len(visit.result_json) <= _MAX_RESULT_BYTES
    return json_digest(visit.result) if visit is not None and is_small else NULL_DIGEST


def _evidence(step: Step, result: int, other: Summary, inputs: Collection[int]) -> Iterator[str]:
    if other.output_digest != NULL_DIGEST and other.output_digest == result:
        yield "same result"
    if other.error and step.error and _is_same_error(other.error, step.error):
        yield "same error"
    if other.input_digest != NULL_DIGEST and other.input_digest in inputs:
        yield "same input"


def _is_same_error(inner: str, outer: str) -> bool:
    """Return whether the error of a step contains that of a run, which it may have put words before."""
    message = _message(inner)
    return len(message) >= _MIN_ERROR_CHARS and message in _message(outer)


def _message(error: str) -> str:
    """Return an error without the code in front of it."""
    code, _, message = error.partition(": ")
    return message if code.isupper() and " " not in code else error


def _is_between(run: Summary, begin: Micros, end: Micros, *, is_open: bool) -> bool:
    """Return whether a run began and ended in a stretch of time; while that is open, the run may be too."""
    if run.started_at is None or not begin <= run.started_at <= end:
        return False
    return is_open if run.ended_at is None else run.ended_at <= end
