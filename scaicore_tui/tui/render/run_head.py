"""The head of the run screen: what the run is, what it asks, why it failed, and the names of the views. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from scaicore_tui.analysis.slow_hints import SlowHint, hints_text
from scaicore_tui.analysis.statistics.paths import departure_text
from scaicore_tui.analysis.usual import NO_CONTEXT, PastContext
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import Run, RunStatus
from scaicore_tui.runs.status_style import BREAKPOINT, REVIEW, RUN_STYLES
from scaicore_tui.text import cell_width, display_name, truncate
from scaicore_tui.timefmt import age_text, deadline_text, format_duration, format_time, to_seconds
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import key_name
from scaicore_tui.tui.render.checkpoints import deadline_colour
from scaicore_tui.tui.render.line import Line, Span, line_width, untrusted, wrap_spans
from scaicore_tui.tui.render.replays import Relation
from scaicore_tui.tui.render.run_links import good_text
from scaicore_tui.tui.render.runs import core_name, has_ended_badly, short_id
from scaicore_tui.tui.run_steps_model import RunView

if TYPE_CHECKING:
    from scaicore_tui.session.comparisons import FirstDifference

MAX_ERROR_LINES, MAX_QUESTION_LINES, MAX_NOTE_LINES = 2, 2, 2
MAX_ANSWERS = 9
LONG_NAMES: Mapping[RunView, str] = {}
SHORT_NAMES = {RunView.TIMELINE: "Time", RunView.ORDER: "Steps"}
SHORTEST_NAMES = {**SHORT_NAMES, RunView.INPUT: "In", RunView.OUTPUT: "Out", RunView.COMPARE: "Diff"}


def title_spans(run: Run | None, now: float, waiting_since_us: int | None) -> list[Span]:
    """Return Core, id, status, when and how long; `now` is in seconds since 1970."""
    if run is None:
        return [("the run is not in memory any more", "grey")]
    style = RUN_STYLES[run.status]
    return [
        (f"{display_name(core_name(run.core_id))}  ", "text strong"),
        (f"{short_id(run.execution_id)}  ", "grey"),
        (f"{style.glyph} {style.word}", f"{style.colour} strong"),
        (f" {_when(run, now, waiting_since_us)}", "text"),
    ]


def _when(run: Run, now: float, waiting_since_us: int | None) -> str:
    if not run.is_over:
        begin = waiting_since_us if run.status is RunStatus.WAITING and waiting_since_us else run.began_at
        verb = "since" if begin is waiting_since_us else "started"
        return f"{verb} {format_time(begin, now)} {age_text(begin, now)}".strip() if begin is not None else ""
    age = age_text(run.ended_at, now)
    ago = f"{age} ago " if age and age != "now" else ""
    took = format_duration(run.duration_ms)
    return f"{ago}at {format_time(run.ended_at, now)}" + (f", after {took}" if took else "")


class RunFacts(Struct, frozen=True):
    """Facts about a run besides its events.

    Attributes:
        asked: the checkpoint at which it waits.
        missing: says which events are missing; empty if none are.
        retries: number of steps that were tried again.
        slow: hints that it takes longer than usual.
        first_difference: from another run, in a few words; None if it was not compared.
    """

    asked: Checkpoint | None = None
    relations: Sequence[Relation] = ()
    missing: str = ""
    context: PastContext = NO_CONTEXT
    retries: int = 0
    slow: Sequence[SlowHint] = ()
    first_difference: FirstDifference | None = None


def fact_lines(run: Run, facts: RunFacts, now: float, width: int, *, is_low: bool = False) -> list[Line]:
    """Return what is asked of a person, then the error, then what is unusual, missing, or known of other runs.

    On a low screen the last of these is one line, which may end early.
    """
    lines = [] if facts.asked is None else list(_question(facts.asked, now, width))
    if run.error:
        lines += untrusted(run.error, width, "red strong", MAX_ERROR_LINES)
    return [*lines, *note_lines(run, facts, now, width, is_low=is_low)]


def note_lines(run: Run, facts: RunFacts, now: float, width: int, *, is_low: bool = False) -> list[Line]:
    """Return what is unusual or missing, then what is known of other runs."""
    notes = list(_notes(run, facts.relations, facts.missing))
    max_lines = 1 if is_low and not notes else MAX_NOTE_LINES
    notes += _comparisons(run, facts, now)
    return [*wrap_spans(notes, width, max_lines)] if notes else []


def _question(asked: Checkpoint, now: float, width: int) -> Iterator[Line]:
    """Yield title, urgency and answers of a checkpoint; its words stand behind the bar."""
    style = BREAKPOINT if asked.is_breakpoint else REVIEW
    words = f"{asked.title}: {asked.presentation.message}" if asked.presentation.message else asked.title
    yield from untrusted(words, width, "amber strong", MAX_QUESTION_LINES)
    facts: list[Span] = [(f"{style.glyph} ", style.colour)]
    if asked.assignee_raw:
        facts.append((f"for {display_name(asked.assignee_raw)}  ", "text"))
    if asked.expires is not None:
        facts.append((f"due {deadline_text(asked.expires, now)}  ", deadline_colour(asked.expires, now)))
    if asked.is_breakpoint:
        facts.append((f"{key_name('continue', KeyContext.DETAIL)} continues", "accent"))
    else:
        names = enumerate(asked.answers[:MAX_ANSWERS], 1)
        facts.append((f"{key_name('answer', KeyContext.DETAIL)} answers: ", "accent"))
        facts.append(("  ".join(f"{number} {display_name(option.name, 24)}" for number, option in names), "text"))
    yield facts


def _notes(run: Run, relations: Sequence[Relation], missing: str) -> Iterator[Span]:
    if run.is_loading:
        yield f"reading {run.event_count:,} events…  ", "grey"
    for name, value in relations:
        yield f"{name} {value}  ", "accent"
    if run.joined_late and not run.is_loading:
        yield "incomplete: this run began before our first event  ", "amber"
    if missing:
        yield f"gap: {missing}  ", "amber"
    if run.anomalies:
        yield f"unexpected: {', '.join(run.anomalies)}  ", "amber"


def _comparisons(run: Run, facts: RunFacts, now: float) -> Iterator[Span]:
    """Yield what is usual for runs of the Core, the last good one, retries, and which of these runs it is."""
    context = facts.context
    if facts.slow:
        yield f"{hints_text(facts.slow)}  ", "amber"
    if context.usual is not None:
        yield f"{context.usual.text}  ", "text"
    if context.error is not None:
        yield f"{context.error.text}  ", "text"
    if left := departure_text(run, context.usual_path):
        yield f"{left}  ", "text"
    good = context.last_good
    if good is not None and run.outcome is not RunStatus.COMPLETED and to_seconds(good.ended_at or 0) <= now:
        yield f"{good_text(run, good, now)}  ", "text"
    if facts.retries:
        yield f"{facts.retries:,} {'retry' if facts.retries == 1 else 'retries'}  ", "text"
    if context.total > 1:
        yield f"run {context.number:,} of {context.total:,} of this Core, newest first  ", "grey"


def past_lines(run: Run, facts: RunFacts, now: float, width: int, *, is_tall: bool = False) -> list[Line]:
    """Return what is known of other runs, for the main screen: as many lines for a run before and after it is read.

    That is one line, and for a run that did not complete another one, as there is more to be told. On a tall screen it
    has a third one, for the first difference from another run.
    """
    context, known = facts.context, list[Span]()
    if facts.slow:
        known.append((f"{hints_text(facts.slow)}  ", "amber"))
    if context.usual is not None:
        is_alone = not facts.slow and context.error is None and cell_width(context.usual.text) <= width
        known.append((f"{context.usual.text if is_alone else context.usual.short_text}  ", "text"))
    if context.error is not None:
        known.append((f"{context.error.text}  ", "text"))
    has_failed, good = has_ended_badly(run), context.last_good
    if has_failed and good is not None and to_seconds(good.ended_at or 0) <= now:
        known.append((good_text(run, good, now), "text"))
    count = 1 if run.outcome is RunStatus.COMPLETED else 2
    lines: list[Line] = [*wrap_spans(known, width, count)] if known else []
    lines += [()] * (count - len(lines))
    return [*lines, _first_difference(facts, width)] if has_failed and is_tall else lines


def _first_difference(facts: RunFacts, width: int) -> Line:
    """Return the first difference; with the other run if there is room, unless it is the last good one, told above."""
    first, good = facts.first_difference, facts.context.last_good
    if first is None:
        return ()
    is_known = good is not None and first.partner_id == good.execution_id
    text, name = f"first difference: {first.text}", "" if is_known else f" · {short_id(first.partner_id)}"
    return [(truncate(text, width), "text"), (name if cell_width(f"{text}{name}") <= width else "", "grey")]


def view_line(view: RunView, run: Run | None, width: int, events: str = "") -> Line:
    """Return the digits and names of the views, the shown one marked; `events` tells how many match a filter.

    Where not all fits, names are shorter and counts are left out.
    """
    counts = _counts(run, events)
    tries = [(LONG_NAMES, counts, " "), (SHORT_NAMES, counts, " "), (SHORT_NAMES, {}, " "), (SHORT_NAMES, {}, "")]
    lines = (_view_line(view, names, some, gap) for names, some, gap in tries)
    return next((line for line in lines if line_width(line) <= width), _view_line(view, SHORTEST_NAMES, {}, ""))


def _view_line(view: RunView, names: Mapping[RunView, str], counts: Mapping[RunView, str], gap: str) -> Line:
    spans: list[Span] = []
    for number, other in enumerate(RunView, 1):
        colour = "accent strong" if other is view else "grey"
        marks = ("[", "]") if other is view else (" ", " ")
        spans.append((f"{marks[0]}{number} {names.get(other, other)}{counts.get(other, '')}{marks[1]}{gap}", colour))
    return spans


def _counts(run: Run | None, events: str) -> dict[RunView, str]:
    if run is None:
        return {}
    has_output = run.output is not None or run.error is not None
    return {
        RunView.EVENTS: f" {events or format(run.event_count, ',')}",
        RunView.INPUT: "" if run.has_input else " –",
        RunView.OUTPUT: "" if has_output else " –",
    }
