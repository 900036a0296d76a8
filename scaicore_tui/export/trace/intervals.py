"""When a run, its steps and its pending checkpoints began and ended, for formats that need both times of everything.

The feed does not always say: an event may be missing, its time unreadable, or the clock of a server wrong. Then a time
is assumed, and a note says so. An interval never ends before it begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from scaicore_tui.analysis.steps import Step
from scaicore_tui.export.exporter import ExportedRun
from scaicore_tui.protocol.checkpoints import Checkpoint
from scaicore_tui.units import Micros

BEGIN_UNKNOWN = "begin unknown"
END_UNKNOWN = "end unknown"
STILL_OPEN = "still open"
NEVER_ENDED = "still open when the run ended"
CLOCK = "ended before it began, by the clocks of the servers"
OUT_OF_RANGE = "time out of range"
# Of the year 2255: later times do not fit into the nanoseconds or the numbers of the formats. Zero means unknown there.
_MIN_MICROS, _MAX_MICROS = 1, 9_000_000_000_000_000


class Interval(Struct, frozen=True):
    """The times of a run or step, with notes on what is not as it should be."""

    begin: Micros
    end: Micros
    notes: tuple[str, ...] = ()


def run_interval(exported: ExportedRun) -> Interval:
    """Return when the run began and ended; an unfinished run lasts until it was observed last."""
    run = exported.run
    end = run.ended_at if run.is_over else max(exported.now, run.last_event_at or 0)
    return _interval(run.began_at, end, _fallback(exported), [] if run.is_over else [STILL_OPEN])


def step_interval(exported: ExportedRun, step: Step) -> Interval:
    """Return when a step began and ended; an open step lasts until its run ended, or was observed last."""
    if not step.is_open:
        return _interval(step.entered_at, step.ended_at, _fallback(exported), [])
    is_over = exported.run.is_over
    end = run_interval(exported).end
    begin = step.entered_at
    # Later than the end of the run only by the clocks of servers, or because the run went on.
    end = end if begin is None else max(begin, end)
    return _interval(begin, end, _fallback(exported), [NEVER_ENDED if is_over else STILL_OPEN])


def lone_checkpoints(exported: ExportedRun) -> Sequence[Checkpoint]:
    """Return the pending checkpoints for which no visit waits, as those of breakpoints."""
    waiting = {step.node_id for step in exported.steps.steps if step.waits_for_person and step.is_open}
    rows = {row.id: row for row in exported.checkpoints}.values()
    # One without a node is that of the visit that waits, if there is one.
    return [row for row in rows if row.node_id not in waiting and (row.node_id is not None or not waiting)]


def checkpoint_interval(exported: ExportedRun, row: Checkpoint) -> Interval:
    """Return since when a checkpoint is pending, until its run was observed last."""
    run = run_interval(exported)
    begin = run.end if row.created is None else min(max(row.created, run.begin), run.end)
    return Interval(begin, run.end, (STILL_OPEN,))


def _fallback(exported: ExportedRun) -> Micros:
    """Return a time of the run for what has none."""
    run = exported.run
    known = (run.began_at, run.ended_at, run.last_event_at, exported.now)
    return next((at for at in known if at), _MIN_MICROS)


def _interval(begin: Micros | None, end: Micros | None, fallback: Micros, notes: list[str]) -> Interval:
    notes += [BEGIN_UNKNOWN] if begin is None else []
    notes += [END_UNKNOWN] if end is None else []
    if begin is None:
        begin = fallback if end is None else end
    if end is None:
        end = begin
    notes += [CLOCK] if end < begin else []
    limited = list(_within_range(begin, end))
    notes += [OUT_OF_RANGE] if limited != [begin, end] else []
    begin, end = limited
    return Interval(begin, max(begin, end), tuple(notes))


def _within_range(*times: Micros) -> Iterator[Micros]:
    return (min(max(at, _MIN_MICROS), _MAX_MICROS) for at in times)
