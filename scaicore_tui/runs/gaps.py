"""Where events are missing: how that stands in a list of runs, and what it means for one of them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from itertools import groupby

from msgspec import Struct

from scaicore_tui.runs.summary import Summary
from scaicore_tui.timefmt import format_span


class GapReason(IntEnum):
    """Why events of a closed gap will never come. Stored: what a number means does not change."""

    LOST = 0
    TOO_LARGE = 1


_REASONS = {GapReason.LOST: "events lost to retention", GapReason.TOO_LARGE: "an event too large to be read"}


class Gap(Struct, frozen=True):
    """Events are missing above place `after`, between two neighbours in the feed: the times and runs of these, where
    they have one.

    While `is_open` they are still being read; where it `is_history`, older events than all, they are read on demand.
    Moments are microseconds since 1970.
    """

    after: int
    found_at: int
    last_at: int | None
    next_at: int | None
    last_execution: str | None
    next_execution: str | None
    is_open: bool = False
    is_history: bool = False
    reason: GapReason = GapReason.LOST


class GapRow(Struct, frozen=True):
    """What is said of `gaps`, oldest first, that stand together in a list of runs: right above its run number `row`."""

    row: int
    gaps: Sequence[Gap]

    @property
    def is_open(self) -> bool:
        """Whether all that is missing is still being read."""
        return all(gap.is_open for gap in self.gaps)

    @property
    def is_history(self) -> bool:
        """Whether it is history that was not read yet."""
        return self.gaps[-1].is_history

    def time_span(self, now: float) -> str:
        """From when to when, at `now` in seconds since 1970; empty where that is not known."""
        return format_span(self.gaps[0].last_at, self.gaps[-1].next_at, now)

    def label(self, now: float, width: int) -> str:
        """As much as can be said in `width` characters: at least what it is, and from when to when."""
        incomplete = "runs here may be incomplete"
        more: tuple[str, ...]
        if self.is_history:
            name, more = "older events", (f"not read yet, {incomplete}", "not read yet")
        elif self.is_open:
            name, more = "catching up", (f"still being read, {incomplete}", incomplete, "still being read")
        else:
            name = "gap" if len(self.gaps) == 1 else f"{len(self.gaps)} gaps"
            more = (f"{self._why()}, {incomplete}", f"events missing, {incomplete}", incomplete)
        begin = f"{name} {self.time_span(now)}".rstrip()
        ways = [f"{begin}: {words}" for words in more]
        return next((words for words in ways if len(words) <= width), begin)

    def _why(self) -> str:
        reasons = dict.fromkeys(_REASONS[gap.reason] for gap in self.gaps)
        return " and ".join(reasons)


def gap_rows(gaps: Sequence[Gap], count_above: Callable[[int], int]) -> list[GapRow]:
    """`gaps`, oldest first, as rows of a list of runs, newest first; `above` says how many of its runs began above a
    place.

    A list that leaves runs out has all gaps too: in each there may have been more that belong in it. Gaps with none of
    its runs between them are one row.
    """
    standing = groupby(reversed(gaps), key=lambda gap: (count_above(gap.after), gap.is_open, gap.is_history))
    return [GapRow(row, tuple(together)[::-1]) for (row, *_), together in standing]


def missing_events_note(run: Summary, gaps: Sequence[Gap], now: float) -> str:
    """What to say of a run that may have had events in `gaps`, oldest first; empty where it can't."""
    spanned = [gap for gap in gaps if run.position <= gap.after and _may_continue(run, gap)]
    before = [gap for gap in gaps if gap.after < run.position][-1:] if run.joined_late and run.is_runtime else []
    if not before and not spanned:
        return ""
    row = GapRow(0, [*before, *spanned])
    state = "are not read yet" if row.is_history else "are still being read" if row.is_open else "may be missing"
    return f"events {state}: {row.time_span(now) or 'there is a gap'}"


def _may_continue(run: Summary, gap: Gap) -> bool:
    """Whether a run that began before `gap` may have ended in it or after."""
    return not run.is_over or run.last_event_at is None or run.last_event_at > (gap.last_at or 0)
