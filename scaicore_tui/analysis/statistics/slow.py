"""Hints that a step, or a run, takes longer than usual. A hint is no proof that anything is wrong: it never says so."""

from __future__ import annotations

from collections.abc import Iterable

from scaicore_tui.analysis.statistics.figures import NodeFigures

# Fewer visits do not tell what is usual.
MIN_VISITS = 20
_TIMES, _EXTRA_MS = 3, 10_000
_MS_PER_S = 1_000
_S_PER_MINUTE = 60


def slow_limit_ms(p95_ms: float) -> float:
    """Return how long something may last before it is slow: three times the usual, and at least 10 seconds more."""
    return max(_TIMES * p95_ms, p95_ms + _EXTRA_MS)


def slow_step_hint(elapsed_ms: float, usual: NodeFigures | None) -> str:
    """Return a hint on an open step that has lasted `elapsed_ms`; empty if that is usual, or the usual is unknown.

    A step that waits for a person is never slow. Give no hint after a gap: the step may have ended in it.
    """
    if usual is None or usual.p95_ms is None or usual.waits_for_people or usual.timed < MIN_VISITS:
        return ""
    return f"slower than 95 of 100 (n {usual.timed})" if elapsed_ms > slow_limit_ms(usual.p95_ms) else ""


def usual_gap_ms(nodes: Iterable[NodeFigures]) -> float | None:
    """Return the longest time between two events of a run of a Core, in 95 of 100 cases; None if it is unknown.

    While a step works, its run sends no event: so that is the longest of its nodes. Containers are full of events.
    """
    known = [
        node.p95_ms
        for node in nodes
        if node.p95_ms is not None and node.timed >= MIN_VISITS and not node.waits_for_people and not node.is_container
    ]
    return max(known, default=None)


def quiet_run_hint(silent_ms: float, gap_ms: float | None) -> str:
    """Return a hint on an active run without an event for `silent_ms`; empty if that is usual, or it is unknown.

    `gap_ms` is the usual gap of its Core. Give no hint on a run that waits for a person, nor after a gap.
    """
    if gap_ms is None or silent_ms <= slow_limit_ms(gap_ms):
        return ""
    return f"no event for {_long(silent_ms)}; usual gap ≤ {_long(gap_ms)}"


def _long(milliseconds: float) -> str:
    """Return a duration in words, such as `40 s`, `14 min` or `3 h`."""
    seconds = milliseconds / _MS_PER_S
    if seconds < 1:
        return f"{milliseconds:.0f} ms"
    if seconds < 2 * _S_PER_MINUTE:
        return f"{seconds:.0f} s"
    minutes = seconds / _S_PER_MINUTE
    return f"{minutes:.0f} min" if minutes < 2 * _S_PER_MINUTE else f"{minutes / _S_PER_MINUTE:.0f} h"
