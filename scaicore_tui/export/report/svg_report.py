"""The format `svg`: the timeline of each run, and its flow, as one picture."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from msgspec import Struct

from scaicore_tui.errors import UsageError
from scaicore_tui.export.exporter import Export, ExportedRun
from scaicore_tui.export.report.flow_picture import FlowPicture, picture_flow
from scaicore_tui.export.report.markup import Markup, element
from scaicore_tui.export.report.report_facts import (
    failure_of,
    marks_of,
    redaction_text,
    status_of,
    step_count_text,
    took_text,
    utc_time,
    waits_of,
)
from scaicore_tui.export.report.svg_document import svg_document
from scaicore_tui.export.report.svg_flow import LEGEND as FLOW_LEGEND
from scaicore_tui.export.report.svg_flow import draw_flow
from scaicore_tui.export.report.svg_timeline import CELL_PIXELS, WIDTH, draw_timeline, timeline_height
from scaicore_tui.export.report.timeline_picture import TIMELINE_LEGEND, TimelinePicture, picture_timeline
from scaicore_tui.text import one_line

MAX_RUNS = 20
MAX_ROWS = 150
_MARGIN, _LINE = 20, 22
_TEXT_CELLS = int(WIDTH / CELL_PIXELS)


class _Line(Struct, frozen=True):
    """A line of text with the name of its colour."""

    text: str
    colour: str | None = None


def svg_report(export: Export) -> Iterator[str]:
    """Yield the picture. Raises UsageError, before anything is yielded, if there are more than MAX_RUNS."""
    runs = list(islice(export.runs, MAX_RUNS + 1))
    if len(runs) > MAX_RUNS:
        raise UsageError(
            f"an SVG has at most {MAX_RUNS} runs, and these are more",
            effect="nothing was written",
            hint="export fewer runs, or --format html",
        )
    parts: list[Markup] = []
    y, width = float(_MARGIN), float(WIDTH)
    for exported in runs:
        for content, size in _blocks(exported):
            parts.append(element("g", *content, transform=f"translate({_MARGIN} {y:.0f})"))
            y, width = y + size[1] + _LINE // 2, max(width, size[0])
    source = f"from {one_line(export.source, 80)} · " if export.source else ""
    note = f"scaicore-tui · {source}exported {utc_time(export.at)} · {redaction_text(export)}"
    parts.append(element("text", note, x=_MARGIN, y=y + _LINE // 2, class_="grey"))
    title = f"{len(runs)} runs" if len(runs) != 1 else _title(runs[0])
    text = "\n".join(line.text for exported in runs for line in _heading(exported))
    yield from svg_document(title, text, parts, width + 2 * _MARGIN, y + _LINE + _MARGIN)


_Block = tuple[list[Markup], tuple[float, float]]


def _blocks(exported: ExportedRun) -> Iterator[_Block]:
    """Yield the parts of a run below each other, each with its width and height."""
    timeline = picture_timeline(exported, MAX_ROWS)
    yield _text_block([*_heading(exported)])
    yield list(draw_timeline(timeline)), (WIDTH, timeline_height(timeline))
    yield _text_block([*_notes(timeline)])
    flow = None if exported.flow is None else picture_flow(exported.flow)
    if exported.flow is not None and flow is not None:
        yield _text_block([_Line(one_line(f"Flow: {exported.flow.graph.heading}", _TEXT_CELLS))])
        yield _flow_block(flow)
        yield _text_block([_Line(FLOW_LEGEND, "grey")])


def _flow_block(flow: FlowPicture) -> _Block:
    return [draw_flow(flow)], (flow.width, flow.height)


def _text_block(lines: list[_Line]) -> _Block:
    texts = [element("text", line.text, y=_LINE * n + 15, class_=line.colour) for n, line in enumerate(lines)]
    return texts, (0, _LINE * len(lines))


def _title(exported: ExportedRun) -> str:
    style = status_of(exported.run)
    return f"{style.glyph} {style.word} · {one_line(exported.run.execution_id, 80)}"


def _heading(exported: ExportedRun) -> Iterator[_Line]:
    run = exported.run
    yield _Line(_title(exported), status_of(run).colour)
    facts = (
        one_line(run.core_id or "", 60),
        f"started {utc_time(run.started_at)}" if run.started_at is not None else "",
        f"took {took}" if (took := took_text(exported)) else "",
        step_count_text(exported),
    )
    yield _Line(" · ".join(filter(None, facts)))
    for mark in marks_of(exported):
        yield _Line(one_line(f"! {mark}", _TEXT_CELLS), "amber")
    failure = failure_of(exported)
    if failure is not None:
        at = f" at {one_line(failure.node, 60)}, {failure.position}" if failure.node else ""
        yield _Line(f"✗ failed{at}", "red")
        yield _Line(one_line(failure.text, _TEXT_CELLS), "red")
    for wait in waits_of(exported):
        due = f", due {wait.due}" if wait.due else ""
        who = one_line(wait.assignee, 40) or "a person"
        yield _Line(f"‖ waits for {who}{due}: {one_line(wait.title, 60)}", "amber")


def _notes(timeline: TimelinePicture) -> Iterator[_Line]:
    yield _Line(TIMELINE_LEGEND, "grey")
    if timeline.hidden_count:
        yield _Line(f"{timeline.hidden_count:,} more rows are left out.", "grey")
    for note in timeline.notes:
        yield _Line(one_line(note, _TEXT_CELLS), "grey")
