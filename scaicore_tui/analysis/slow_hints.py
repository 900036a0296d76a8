"""Hints that an open run, or one of its open steps, takes longer than usual. Pure.

None is given for a run that waits for a person, nor for one of which events may be missing: a step may have ended in a
gap. A hint tells figures, and never that something is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from scaicore_tui.analysis.statistics.figures import NodeFigures
from scaicore_tui.analysis.statistics.slow import quiet_run_hint, slow_step_hint, usual_gap_ms
from scaicore_tui.analysis.steps import PERSON_KINDS
from scaicore_tui.runs import Run, RunStatus
from scaicore_tui.runs.model import NodeVisit
from scaicore_tui.text import display_name
from scaicore_tui.units import Micros

_MICROS_PER_MS = 1_000
# Nothing that lasted a shorter time is slow: so many runs need not be looked at.
MIN_SLOW_US = 10_000_000


class SlowHint(Struct, frozen=True):
    """A hint on an open step, by the number of the event that began it; on the run itself, that is 0."""

    text: str
    entered_event: int = 0
    node: str = ""

    @property
    def full_text(self) -> str:
        """The hint with the name of the step, such as `draft: slower than 95 of 100 (n 312)`."""
        return f"{display_name(self.node)}: {self.text}" if self.node else self.text


def slow_hints(run: Run, figures: Mapping[str, NodeFigures], now: Micros, *, has_gap: bool) -> Sequence[SlowHint]:
    """Return the hints on a run at `now`: on its open steps, the one that began last first, then on the run.

    `figures` are those of the nodes of its Core, by name; `has_gap` says that events of the run may be missing.
    """
    if run.is_over or has_gap or run.is_loading or run.status is RunStatus.WAITING or _waits(run):
        return ()
    return [*_slow_steps(run, figures, now), *_quiet(run, figures, now)]


def hints_text(hints: Sequence[SlowHint]) -> str:
    """Return the hints in a line; empty without any."""
    return " · ".join(hint.full_text for hint in hints)


def _waits(run: Run) -> bool:
    return not run.open_visits.keys().isdisjoint(PERSON_KINDS)


def _slow_steps(run: Run, figures: Mapping[str, NodeFigures], now: Micros) -> Iterator[SlowHint]:
    waited_from = max((visit.entered_event for visit in _waits_of(run)), default=0)
    opened = ((node.name, visit) for node in run.nodes.values() for visit in node.open_visits)
    for name, visit in sorted(opened, key=lambda pair: -pair[1].entered_event):
        # What is usual is that of visits in which nobody was waited for.
        if visit.entered_at is None or waited_from > visit.entered_event:
            continue
        text = slow_step_hint((now - visit.entered_at) / _MICROS_PER_MS, figures.get(name))
        if text:
            yield SlowHint(text, visit.entered_event, name)


def _waits_of(run: Run) -> Iterator[NodeVisit]:
    for node in run.nodes.values():
        if node.block_kind in PERSON_KINDS:
            yield from node.visits


def _quiet(run: Run, figures: Mapping[str, NodeFigures], now: Micros) -> Iterator[SlowHint]:
    if run.last_event_at is not None:
        silent_ms = (now - run.last_event_at) / _MICROS_PER_MS
        if text := quiet_run_hint(silent_ms, usual_gap_ms(figures.values())):
            yield SlowHint(text)
