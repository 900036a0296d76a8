"""Evidence about the outcome of a write in the event feed: what is proven, and what is only likely. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

from scaicore_tui.actions.submission import Submission
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.protocol.checkpoints import PENDING, RESOLVED
from scaicore_tui.runs import Run, RunIndex, RunStatus, Summary
from scaicore_tui.runs.model import json_digest
from scaicore_tui.text import display_name
from scaicore_tui.timefmt import MICROS_PER_SECOND

MILLISECOND_US = 1_000
# A `Date` header has whole seconds.
DATE_RESOLUTION_S = 1.0


def run_progressed(submission: Submission, index: RunIndex) -> bool:
    """Return True if the run of an answered checkpoint has a later event, or has ended.

    Later means: it arrived after the answer was sent, and its timestamp is not before the server's `resolved_at`. For
    a write that another process sent, arrivals are not known and only the timestamps count. True for a checkpoint
    without a run, since no further evidence can exist.
    """
    if submission.execution_id is None:
        return True
    run = index.get(submission.execution_id)
    if run is None or run.last_event_at is None:
        return False
    if submission.resolved_at is None:
        return run.is_over if submission.is_recovered else _has_arrivals(submission, index)
    # If the feed has whole seconds, compare whole seconds.
    resolved_at = submission.resolved_at
    resolved_at -= resolved_at % MICROS_PER_SECOND if run.last_event_at % MICROS_PER_SECOND == 0 else 0
    return run.last_event_at >= resolved_at and (submission.is_recovered or _has_arrivals(submission, index))


def _has_arrivals(submission: Submission, index: RunIndex) -> bool:
    return index.arrivals(submission.execution_id or "") > submission.arrivals_before


def why_contradicted(checkpoint: Checkpoint, submission: Submission) -> str | None:
    """Return why `checkpoint`, as the server returned it, contradicts the answer that was sent; None if it does not.

    A checkpoint without a resolution contradicts nothing while it is pending or resolved.
    """
    if checkpoint.resolution is not None:
        is_same = checkpoint.resolution.strip() == (submission.resolution or "").strip()
        return None if is_same else "another answer was accepted"
    return None if checkpoint.status in (PENDING, RESOLVED) else f"it is {display_name(checkpoint.status)}"


def likely_replay(
    submission: Submission, index: RunIndex, clock_skew_s: float, claimed: Container[str] = ()
) -> str | None:
    """Return the id of the first new run of the Core with an equal input: it is likely the replay (API §7).

    `clock_skew_s` is how far the server's clock is ahead; `claimed` are the ids of runs that other replays started.
    """
    return next((run.execution_id for run in _candidates(submission, index, clock_skew_s, claimed)), None)


def proven_replay(
    submission: Submission, index: RunIndex, clock_skew_s: float, claimed: Container[str] = ()
) -> str | None:
    """Return the id of the run that is certainly the replay, or None.

    It is the run that the response of the invocation names, once it is in the feed; or, if the response names none, the
    only new run of the Core with the output and the duration of the response.
    """
    if submission.execution_id is not None and not submission.is_likely_match:
        return submission.execution_id if _may_be_named(submission, index, clock_skew_s) else None
    if submission.duration_ms is None:
        return None
    found = [run for run in _candidates(submission, index, clock_skew_s, claimed) if _same_result(run, submission)]
    return found[0].execution_id if len(found) == 1 else None


def why_not_named(submission: Submission, index: RunIndex, clock_skew_s: float) -> str | None:
    """Return why the run named in the response cannot be the replay; None if it can, or is not in the feed yet."""
    summary = index.get(submission.execution_id or "")
    if submission.execution_id == submission.target_id:
        return "it is the original run"
    if summary is None:
        return None
    if summary.core_id != submission.core_id:
        return "it is a run of another Core"
    if _is_older(summary, submission, clock_skew_s):
        return "it began before the replay was sent"
    run = index.runs[summary.execution_id]
    is_known = run.has_input and not run.is_input_truncated and not run.joined_late
    return "it has another input" if is_known and not _is_equal(run.input, submission.value) else None


def _may_be_named(submission: Submission, index: RunIndex, clock_skew_s: float) -> bool:
    """Return True if the named run is in the feed, and is read, and can be the replay."""
    run = index.runs.get(submission.execution_id or "")
    is_read = run is not None and not run.is_loading
    return is_read and why_not_named(submission, index, clock_skew_s) is None


def _same_result(run: Run, submission: Submission) -> bool:
    same_end = run.status is RunStatus.COMPLETED and run.output == submission.output
    return same_end and run.reported_ms == submission.duration_ms


def _candidates(submission: Submission, index: RunIndex, clock_skew_s: float, claimed: Container[str]) -> Iterable[Run]:
    """Yield new runs with an equal input, oldest first. Only runs with an equal input digest are loaded."""
    digest = json_digest(submission.value)
    new = (row for row in index.with_input(digest) if row.position > submission.position_before)
    for summary in new:
        if _may_be_new(summary, submission, clock_skew_s) and summary.execution_id not in claimed:
            run = index.runs[summary.execution_id]
            if not run.is_loading and _is_equal(run.input, submission.value):
                yield run


def _may_be_new(summary: Summary, submission: Submission, clock_skew_s: float) -> bool:
    """Return True if the replay can have started the run: it is of the Core, is not the original, and is not older."""
    is_of_core = summary.core_id == submission.core_id and not summary.joined_late
    is_other = summary.execution_id != submission.target_id
    return is_of_core and is_other and not _is_older(summary, submission, clock_skew_s)


def _is_older(summary: Summary, submission: Submission, clock_skew_s: float) -> bool:
    """Return True if the run began before the replay was sent, by the server's clock.

    The server's clock is known to one second, from the `Date` header; without one, both clocks are assumed equal.
    The times are compared in the resolution of the feed: whole seconds or milliseconds.
    """
    if submission.sent_time is None or summary.began_at is None:
        return False
    margin_s = DATE_RESOLUTION_S if clock_skew_s else 0.0
    sent_at = int((submission.sent_time + clock_skew_s - margin_s) * MICROS_PER_SECOND)
    resolution = MICROS_PER_SECOND if summary.began_at % MICROS_PER_SECOND == 0 else MILLISECOND_US
    return summary.began_at < sent_at - sent_at % resolution


def _is_equal(one: Any, other: Any) -> bool:
    """Return True if two JSON values are equal. Unlike in Python, true and 1 are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_equal, one, other))
    return bool(one == other)
