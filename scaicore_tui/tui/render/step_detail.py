"""The inspector: all that is known about one step, as sections of values. Pure.

Error first, then the result, then what came just before it and the input of the run: the feed has no input of nodes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.analysis.steps import RunSteps, Step
from scaicore_tui.protocol.lenient_json import decode_value_text
from scaicore_tui.runs import Run
from scaicore_tui.runs.status_style import NODE_STYLES, REVIEW
from scaicore_tui.text import display_name, pad
from scaicore_tui.timefmt import format_duration, format_iso
from scaicore_tui.tui.render.value_rows import NO_VALUE, TRUNCATED, Section

# Of the steps before a step, the last ones whose results are shown: more cost many bytes for each key.
MAX_BEFORE = 1
# The keys of links begin with this; their numbers follow.
LINK = "link "
MAX_NAME_CELLS = 20
INPUT_NOTE = "before it (the input of nodes is not on the feed)"
NO_INPUT = "not known: this run began before our first event"


class StepNotes(Struct, frozen=True):
    """Facts about a step: the `ways` out of its node, its `name` in the flow, `links` to other runs, what is `usual`
    for the node, and the hint that the step is `slow`."""

    ways: Sequence[str] = ()
    name: str = ""
    links: Sequence[str] = ()
    usual: str = ""
    slow: str = ""


NO_NOTES = StepNotes()


class StepIndex:
    """The steps of a run by node, and by the event that ended them: the inspector looks them up with each key."""

    def __init__(self, steps: RunSteps) -> None:
        self.is_over = steps.is_over
        # The last event that counts; None if all do.
        self._newest: int | None = None
        self._visits: dict[tuple[str | None, str | None], list[Step]] = {}
        for step in steps.steps:
            if step.is_reached:
                self._visits.setdefault((step.node_id, step.block_kind), []).append(step)
        with_result = (step for step in steps.steps if step.visit is not None and step.visit.has_result)
        names = {step.name for step in steps.steps if step.is_reached}
        # All names take as much room, so that what follows them stays in its place.
        self.name_cells = min(max((len(display_name(name)) for name in names), default=0), MAX_NAME_CELLS)
        self._results = sorted((step for step in with_result if step.ended_event), key=lambda step: step.ended_event)

    def as_of(self, number: int) -> StepIndex:
        """Return the same index without the visits that began after event `number`."""
        found = StepIndex(RunSteps([], {}))
        found._visits, found._results, found._newest = self._visits, self._results, number
        found.name_cells = self.name_cells
        return found

    def visits_of(self, step: Step) -> Sequence[Step]:
        """Return all visits of the node of a step, oldest first."""
        visits = self._visits.get((step.node_id, step.block_kind), [])
        if self._newest is None:
            return visits
        return visits[: bisect_right(visits, self._newest, key=lambda visit: visit.first_event)]

    def results_before(self, event: int) -> Sequence[Step]:
        """Return the steps with a result that ended last before an event, newest first."""
        end = bisect_left(self._results, event, key=lambda step: step.ended_event)
        return self._results[max(0, end - MAX_BEFORE) : end][::-1]


def step_sections(run: Run, found: StepIndex, step: Step, notes: StepNotes = NO_NOTES) -> list[Section]:
    """Return the sections of a step."""
    if step.visit is None:
        words = "not reached" if found.is_over else "not reached yet"
        inferred = " (inferred)" if step.inferred else ""
        return [
            Section("head", f"{display_name(step.name)}  {words}{inferred}", colour="text strong"),
            Section("kind", display_name(step.block_kind or "?"), colour="grey", note=_label(notes)),
            *_ways(notes),
        ]
    # What every step has stays in its place while the cursor moves: less is to be drawn, and easier to compare.
    last = (
        *_links(notes),
        *_ways(notes),
        *_usual(notes),
        *_before(found, step),
        *input_sections(run, open_depth=0),
        *_other_visits(run, found, step),
        *_inferred(step),
    )
    return [
        *_head(found, step, notes),
        *_outcome(step),
        *(replace(section, is_last=True) for section in last),
    ]


def later_sections(step: Step, notes: StepNotes = NO_NOTES) -> list[Section]:
    """Return the sections of a step that began only after the moment that is shown."""
    begin = "not reached" if not step.is_reached else f"begins with event {step.first_event:,}"
    parts = [begin, _clock(step.entered_at), "" if step.offset_ms is None else f"+{format_duration(step.offset_ms)}"]
    return [
        Section("head", display_name(step.name), note="not yet", colour="text strong"),
        Section("when", " · ".join(filter(None, parts)), colour="grey"),
        Section("kind", display_name(step.block_kind or "?"), colour="grey", note=_label(notes)),
        *_ways(notes),
    ]


def step_value(step: Step | None) -> tuple[str, Any]:
    """Return name and value of what is copied of a step: its error, else its result; NO_VALUE if it has neither."""
    visit = None if step is None else step.visit
    if step is None or visit is None:
        return "", NO_VALUE
    if step.error is not None:
        return f"error of {display_name(step.name)}", step.error
    return f"result of {display_name(step.name)}", visit.result if visit.has_result else NO_VALUE


def input_sections(run: Run, open_depth: int = 2) -> list[Section]:
    """Return the input of a run."""
    if not run.has_input:
        return [Section("input", "run input", note=TRUNCATED if run.is_input_truncated else NO_INPUT)]
    note = TRUNCATED if run.is_input_truncated else ""
    return [Section("input", "run input", run.input, note, open_depth=open_depth)]


def output_sections(run: Run) -> list[Section]:
    """Return the output of a run, or its error."""
    found = [] if run.error is None else [Section("error", "error", _decoded(run.error), colour="red", open_depth=3)]
    if run.output is not None:
        found.append(Section("output", "output", run.output, open_depth=2))
    return found or [Section("output", "output", note="none" if run.is_over else "not yet: the run has not ended")]


def _head(found: StepIndex, step: Step, notes: StepNotes) -> Iterator[Section]:
    style = NODE_STYLES[step.visit.state] if step.visit is not None else NODE_STYLES[next(iter(NODE_STYLES))]
    word = style.word
    if step.is_open and step.waits_for_person:
        style, word = REVIEW, "waiting for a person"
    yield Section(
        "head",
        pad(display_name(step.name), found.name_cells),
        note=f"{_repeat_text(step)}  {style.glyph} {word}".strip(),
        colour="text strong",
        note_colour=style.colour,
    )
    begin, end = _clock(step.entered_at), _clock(step.ended_at)
    took = format_duration(step.duration_ms) or ("still open" if step.is_open else "")
    start = "" if step.offset_ms is None else f"+{format_duration(step.offset_ms)}"
    parts = [f"{begin or '?'} → {end or '…'}", took, start, display_name(step.block_kind or "?")]
    yield Section("when", " · ".join(part for part in parts if part), colour="grey")
    if label := _label(notes):
        yield Section("label", label, colour="grey")


def _label(notes: StepNotes) -> str:
    return display_name(notes.name) if notes.name else ""


def _outcome(step: Step) -> Iterator[Section]:
    visit = step.visit
    if visit is None:
        return
    if step.error is not None:
        yield Section("error", "error", _decoded(step.error), colour="red", open_depth=2)
    if visit.is_truncated:
        yield Section("result", _result_title(step), note=TRUNCATED)
    elif visit.has_result:
        yield Section("result", _result_title(step), visit.result, open_depth=2)


def _result_title(step: Step) -> str:
    binding = step.visit.result_binding if step.visit is not None else None
    return f"result {display_name(binding)}" if binding else "result"


def _before(found: StepIndex, step: Step) -> Iterator[Section]:
    """Yield the results of the steps that ended last before this one began."""
    newest = found.results_before(step.first_event)
    yield Section("before", INPUT_NOTE, colour="grey")
    for number, other in enumerate(newest):
        value: Any = NO_VALUE if other.visit is None else other.visit.result
        name = pad(display_name(other.name), found.name_cells)
        yield Section(f"before {number}", name, value, _repeat_text(other) if other.iteration != step.iteration else "")
    if not newest:
        yield Section("before 0", "nothing with a result", colour="grey")


def _other_visits(run: Run, found: StepIndex, step: Step) -> Iterator[Section]:
    """Yield the visit of the same node before this one, to compare the results."""
    same = found.visits_of(step)
    at = bisect_left(same, step.index, key=lambda other: other.index)
    node = run.nodes.get(step.key)
    dropped = 0 if node is None else node.dropped
    visits = f"visit {dropped + at + 1:,} of {dropped + len(same):,} of this node"
    yield Section("visits", f"{visits} · {_events_text(step)}", colour="grey")
    if not at:
        yield Section("visit before", "no visit of it before", colour="grey")
        return
    visit = same[at - 1].visit
    value = NO_VALUE if visit is None else visit.error if visit.error is not None else visit.result
    style = NODE_STYLES[visit.state] if visit is not None else None
    yield Section(
        "visit before",
        "its visit before",
        value,
        f"{style.glyph} {style.word}" if style is not None else "",
        note_colour=style.colour if style is not None else "grey",
        # It is for comparing, on demand: another value with each key costs many bytes.
        has_preview=False,
    )


def _repeat_text(step: Step) -> str:
    """Return the iteration and the attempt of a step in words; empty if it has neither."""
    iteration = f"iteration {step.iteration}" if step.iteration is not None else ""
    attempt = f"attempt {step.attempt}" if step.attempt is not None else ""
    return "  ".join(filter(None, (iteration, attempt)))


def _ways(notes: StepNotes) -> Iterator[Section]:
    for number, way in enumerate(notes.ways):
        yield Section(f"way {number}", way)


def _usual(notes: StepNotes) -> Iterator[Section]:
    if notes.slow:
        yield Section("slow", notes.slow, colour="amber")
    if notes.usual:
        yield Section("usual", notes.usual, colour="grey")


def _links(notes: StepNotes) -> Iterator[Section]:
    for number, link in enumerate(notes.links):
        yield Section(f"{LINK}{number}", f"{' ' if number else 'x'} ↗ {link}", colour="accent")


def _events_text(step: Step) -> str:
    begin = f"{step.entered_event:,}" if step.entered_event else "enter missing"
    return f"events {begin} → {step.ended_event:,}" if step.ended_event else f"event {begin}"


def _inferred(step: Step) -> Iterator[Section]:
    if step.inferred:
        yield Section("inferred", f"inferred, not in the API: {', '.join(step.inferred)}", colour="grey")


def _clock(at: int | None) -> str:
    return (format_iso(at) or "")[11:23].removesuffix("Z")


def _decoded(text: str) -> Any:
    """Return an error as the JSON value that it is the text of, else as it is."""
    value = decode_value_text(text) if text[:1] in "{[" else None
    return value if isinstance(value, dict | list) else text
