"""The health of the recorders of a journal on a server, for people, and the age of the data. Pure.

The data is as old as the last answer of the API to a recorder, by the server's clock.
"""

from __future__ import annotations

from collections.abc import Sequence

from scaicore_tui.config.settings import DEFAULT_INTERVAL_S
from scaicore_tui.errors import ScaicoreError, StorageError
from scaicore_tui.store.changes import JournalState, Recorder
from scaicore_tui.store.recordings import JournalRecording, Recording
from scaicore_tui.sync.status import STALE_INTERVALS
from scaicore_tui.text import one_line
from scaicore_tui.timefmt import MICROS_PER_SECOND, format_age
from scaicore_tui.units import Micros

# A recorder that was silent for longer does not run any more.
GONE_AFTER_S = 3_600.0
START_HINT = "start one: scaicore-tui record"
_MAX_NAME_CELLS = 40


def last_poll(state: JournalState) -> Micros | None:
    """Return when the API last answered a recorder, by the server's clock; None if it never did."""
    return max((one.polled_at for one in state.recorders if one.polled_at is not None), default=None)


def data_age(state: JournalState) -> float | None:
    """Return the seconds since the API last answered a recorder; None if it never did."""
    polled_at = last_poll(state)
    return None if polled_at is None else max(0.0, _seconds_since(state, polled_at))


def leader_of(recorders: Sequence[Recorder]) -> Recorder | None:
    """Return the recorder that records; of several, or without one, that which was seen last; None if all ended."""
    running = [one for one in recorders if not one.has_ended]
    return max(running, key=lambda one: (one.is_leader, one.seen_at), default=None)


def stale_after(recorder: Recorder | None, interval_s: float) -> float:
    """Return the age in seconds from which data is old; `interval_s` if no recorder tells its own interval."""
    return STALE_INTERVALS * (interval_s if recorder is None else recorder.interval_s)


def recorder_problem(state: JournalState, interval_s: float) -> ScaicoreError | None:
    """Return why the data is old, or will be soon; None if a recorder works."""
    leader = leader_of(state.recorders)
    if leader is None:
        return StorageError("no recorder runs", hint=START_HINT)
    silent_s, limit_s = _seconds_since(state, leader.seen_at), stale_after(leader, interval_s)
    host = one_line(leader.host, _MAX_NAME_CELLS)
    if silent_s > GONE_AFTER_S:
        return StorageError(
            f"no recorder runs: the last one, on {host}, was seen {format_age(silent_s)} ago", hint=START_HINT
        )
    if silent_s > limit_s:
        return StorageError(f"recorder silent for {format_age(silent_s)}", hint=f"it was on {host}")
    age_s = data_age(state)
    is_old = age_s is None or age_s > limit_s
    if is_old and leader.problem:
        return StorageError(f"recorder: {one_line(leader.problem)}")
    if is_old and age_s is not None:
        return StorageError(f"the API has not answered the recorder for {format_age(age_s)}")
    return None


def recorder_note(state: JournalState) -> str:
    """Return the problem that a recorder reports itself while its data is current; empty if there is none."""
    leader = leader_of(state.recorders)
    return f"recorder: {one_line(leader.problem)}" if leader is not None and leader.problem else ""


def age_note(state: JournalState, interval_s: float) -> str:
    """Return a line about data that is older than a few intervals, for a command; empty if it is not."""
    problem, age_s = recorder_problem(state, interval_s), data_age(state)
    if problem is None:
        return recorder_note(state)
    age = "the API was never read" if age_s is None else f"the data is {format_age(age_s)} old"
    return f"{age}: {problem}"


def as_of_last_poll(recorded: Recording) -> str:
    """Let a recording end at the last poll of its recorder, and not at its newest event; return its `age_note`.

    For the journal on a server while it is recorded; others are as they were.
    """
    if not isinstance(recorded, JournalRecording) or recorded.state is None:
        return ""
    recorded.newest_at = max(recorded.newest_at, last_poll(recorded.state) or 0)
    return age_note(recorded.state, DEFAULT_INTERVAL_S)


def _seconds_since(state: JournalState, at: int) -> float:
    return (state.read_at - at) / MICROS_PER_SECOND
