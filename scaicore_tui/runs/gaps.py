"""Gaps: where events are missing, as rows of a list of runs, and as a note on a single run. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from itertools import accumulate, groupby

from msgspec import Struct

from scaicore_tui.runs.summary import Summary
from scaicore_tui.timefmt import format_span
from scaicore_tui.units import Micros, Position


class GapReason(IntEnum):
    """Why the events of a closed gap will never arrive. The numbers are stored: never change their meaning."""

    LOST = 0
    TOO_LARGE = 1


_REASONS = {GapReason.LOST: "events lost to retention", GapReason.TOO_LARGE: "an event too large to read"}


class Gap(Struct, frozen=True):
    """Events are missing right above position `after`. Times are microseconds since 1970.

    `last_at` and `last_execution` are time and run of the event before the gap, `next_at` and `next_execution` of the
    event after it; None if there is no such event, or it has none. While `is_open`, the missing events are still being
    read. `is_history` marks the open gap below all events: older events, which are read on demand.
    """

    after: Position
    found_at: Micros
    last_at: Micros | None
    next_at: Micros | None
    last_execution: str | None
    next_execution: str | None
    is_open: bool = False
    is_history: bool = False
    reason: GapReason = GapReason.LOST


class GapRow(Struct, frozen=True):
    """Adjacent gaps, oldest first, shown as one line of a list of runs, right above the run with index `row`."""

    row: int
    gaps: Sequence[Gap]

    @property
    def is_open(self) -> bool:
        """Return True if all missing events are still being read."""
        return all(gap.is_open for gap in self.gaps)

    @property
    def is_history(self) -> bool:
        """Return True if the missing events are older history that was not read yet."""
        return self.gaps[-1].is_history

    def time_span(self, now: float) -> str:
        """Return the time range as text, seen from `now` in seconds since 1970; empty if it is not known."""
        return format_span(self.gaps[0].last_at, self.gaps[-1].next_at, now)

    def label(self, now: float, width: int) -> str:
        """Return the longest description that fits in `width` characters; at least kind and time range."""
        incomplete = "runs here may be incomplete"
        details: tuple[str, ...]
        if self.is_history:
            name, details = "older events", (f"not read yet, {incomplete}", "not read yet")
        elif self.is_open:
            name, details = "catching up", (f"still being read, {incomplete}", incomplete, "still being read")
        else:
            name = "gap" if len(self.gaps) == 1 else f"{len(self.gaps)} gaps"
            details = (f"{self._why()}, {incomplete}", f"events missing, {incomplete}", incomplete)
        begin = f"{name} {self.time_span(now)}".rstrip()
        labels = [f"{begin}: {detail}" for detail in details]
        return next((label for label in labels if len(label) <= width), begin)

    def _why(self) -> str:
        reasons = dict.fromkeys(_REASONS[gap.reason] for gap in self.gaps)
        return " and ".join(reasons)


def gap_rows(gaps: Sequence[Gap], count_above: Callable[[Gap], int]) -> list[GapRow]:
    """Return the rows of `gaps` (oldest first) for a list of runs (newest first).

    `count_above` returns how many runs of the list stand above a gap. Gaps without a run between them share a row. A
    filtered list has all gaps too, as each may hide a run that matches.
    """
    newest_first = gaps[::-1]
    # Clocks that went back must not put an older gap above a newer one.
    rows = accumulate(map(count_above, newest_first), max)
    grouped = groupby(
        zip(rows, newest_first, strict=True), key=lambda pair: (pair[0], pair[1].is_open, pair[1].is_history)
    )
    return [GapRow(row, tuple(gap for _, gap in group)[::-1]) for (row, *_), group in grouped]


def missing_events_note(run: Summary, gaps: Sequence[Gap], now: float) -> str:
    """Return a note if `run` may have events in `gaps` (oldest first), otherwise an empty string."""
    spanned = gaps_within(run, gaps)
    before = [gap for gap in gaps if gap.after < run.position][-1:] if run.joined_late and run.is_runtime else []
    if not before and not spanned:
        return ""
    row = GapRow(0, [*before, *spanned])
    state = "are not read yet" if row.is_history else "are still being read" if row.is_open else "may be missing"
    return f"events {state}: {row.time_span(now) or 'there is a gap'}"


def gaps_within(run: Summary, gaps: Sequence[Gap]) -> list[Gap]:
    """Return the gaps between events of `run`, or after its last one, in which it may have events."""
    return [gap for gap in gaps if run.position <= gap.after and _may_continue(run, gap)]


def _may_continue(run: Summary, gap: Gap) -> bool:
    """Return whether a run that began before `gap` may have events in it."""
    return not run.is_over or run.last_event_at is None or run.last_event_at > (gap.last_at or 0)
