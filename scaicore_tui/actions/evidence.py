"""What the feed proves of a write, and what it makes likely. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from scaicore_tui.actions.submission import Submission
from scaicore_tui.runs import Run, RunBook, RunStatus
from scaicore_tui.runs.digest import digest
from scaicore_tui.wire.timestamps import SECOND


def has_moved(submission: Submission, book: RunBook) -> bool:
    """Whether the run of an answered checkpoint shows a later event, or its end.

    Later is what arrived after the answer was sent and is not older than the server says that it took it. Of a write
    that another process sent, nothing is known of arrivals: there the server's times alone decide.
    """
    run = book.summaries.get(submission.execution_id or "")
    if run is None or run.last_event_at is None:
        return False
    if submission.resolved_at is None:
        return run.is_over if submission.is_recovered else _has_arrivals(submission, book)
    # A feed of whole seconds cuts off the rest: compare as it does.
    since = submission.resolved_at
    since -= since % SECOND if run.last_event_at % SECOND == 0 else 0
    return run.last_event_at >= since and (submission.is_recovered or _has_arrivals(submission, book))


def _has_arrivals(submission: Submission, book: RunBook) -> bool:
    return book.arrivals[submission.execution_id or ""] > submission.arrivals_before


def likely_replay(submission: Submission, book: RunBook) -> str | None:
    """The first new run of the Core with an equal input: likely the replay (API §7)."""
    return next((run.execution_id for run in _candidates(submission, book)), None)


def proven_replay(submission: Submission, book: RunBook) -> str | None:
    """The one new run of the Core that came to the very output, in the very time, that the invocation answered with."""
    if submission.duration_ms is None:
        return None
    found = [run for run in _candidates(submission, book) if _came_to(run, submission)]
    return found[0].execution_id if len(found) == 1 else None


def _came_to(run: Run, submission: Submission) -> bool:
    same_end = run.status is RunStatus.COMPLETED and run.output == submission.output
    return same_end and run.reported_ms == submission.duration_ms


def _candidates(submission: Submission, book: RunBook) -> Iterable[Run]:
    """New runs with an equal input, oldest first. Their digests tell which ones are worth being read in full."""
    wanted = digest(submission.value)
    for summary in [summary for summary in book.order if summary.input_digest == wanted]:
        is_new = summary.execution_id not in submission.known_runs and not summary.joined_late
        if is_new and summary.core_id == submission.core_id:
            run = book.runs[summary.execution_id]
            if run.input == submission.value:
                yield run
