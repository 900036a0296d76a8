"""All lines of the run screen for one run, unfolded, as text without the app."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from scaicore_tui.analysis.diff import ComparedRun, compare
from scaicore_tui.analysis.diff_rows import diff_rows
from scaicore_tui.analysis.event_pages import NumberedEvent
from scaicore_tui.analysis.flow_inference import infer_graph
from scaicore_tui.analysis.flow_view import flow_rows, view_flow
from scaicore_tui.analysis.steps import build_steps
from scaicore_tui.analysis.timeline_view import all_rows, layout_timeline
from scaicore_tui.protocol import Event
from scaicore_tui.runs import Run, RunStatus
from scaicore_tui.tui.render.diff_lines import DiffLines, head_lines
from scaicore_tui.tui.render.event_rows import event_sections
from scaicore_tui.tui.render.line import Line
from scaicore_tui.tui.render.replays import Relation
from scaicore_tui.tui.render.run_head import RunFacts, fact_lines, title_spans, view_line
from scaicore_tui.tui.render.side_by_side import side_rows, sides_of
from scaicore_tui.tui.render.step_detail import (
    StepIndex,
    input_sections,
    output_sections,
    step_sections,
)
from scaicore_tui.tui.render.step_lists import FlowLines, OrderLines, StepLines, TimelineLines
from scaicore_tui.tui.render.value_rows import Path, Section, find_paths, is_open, value_rows
from scaicore_tui.tui.run_steps_model import RunView

NOW = 1_777_464_000.0
MAX_STEPS = 12


def run_screen_lines(
    run: Run, events: Sequence[Event], width: int, relations: Sequence[Relation] = ()
) -> Iterator[Line]:
    """Yield every line of every view, each section and value unfolded."""
    yield title_spans(run, NOW, None)
    yield from fact_lines(run, RunFacts(relations=relations), NOW, width)
    yield view_line(RunView.TIMELINE, run, width)
    graph = infer_graph([run])
    steps = build_steps(run, graph)
    timeline = layout_timeline(steps, all_rows(steps), width, int(NOW * 1_000_000))
    lists: list[StepLines] = [TimelineLines(timeline), OrderLines(steps, width)]
    if graph is not None:
        view = view_flow(graph, run)
        lists.append(FlowLines(view, flow_rows(view, width), steps))
    for shown in lists:
        yield from shown.head
        yield from (shown.line(row) for row in islice(range(len(shown)), MAX_STEPS))
    for step in steps.steps[:MAX_STEPS]:
        yield from unfolded(step_sections(run, StepIndex(steps), step), width)
    numbered = [NumberedEvent(*row) for row in enumerate(events[:MAX_STEPS], 1)]
    yield from unfolded([*event_sections(numbered), *input_sections(run), *output_sections(run)], width)


def comparison_lines(run: Run, width: int) -> Iterator[Line]:
    """Yield the lines of a run compared with itself, and with one of which everything is missing."""
    nothing = Run("exec_other", outcome=RunStatus.COMPLETED)
    for other in (run, nothing):
        diff = compare(*(ComparedRun(one, build_steps(one)) for one in (run, other)))
        rows = diff_rows(diff)
        yield from head_lines(diff, "the marked run", "1 of 2 [ ]", width)
        lines = DiffLines(rows, width)
        for number, row in islice(enumerate(rows), MAX_STEPS):
            yield lines.line(number)
            sides = sides_of(diff, row)
            opened = {(shown.title, shown.pair.path) for shown in side_rows(sides, (), width) if other is run}
            yield from (shown.line for shown in side_rows(sides, opened, width))


def unfolded(sections: Sequence[Section], width: int) -> Iterator[Line]:
    """Yield the lines of sections in which everything is unfolded, and of the same sections folded."""
    closed: set[Path] = {path for path, _ in find_paths(sections, "") if not is_open(path, sections, ())}
    yield from (row.line for row in value_rows(sections, closed, width))
    yield from (row.line for row in value_rows(sections, {(section.key,) for section in sections} - closed, width))
