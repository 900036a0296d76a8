"""The tables of an HTML report: runs, all steps, events, and the nodes of a flow. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from scaicore_tui.analysis.flow_view import FlowView, node_style
from scaicore_tui.analysis.steps import Step
from scaicore_tui.analysis.time_scale import offset_label
from scaicore_tui.export.exporter import ExportedRun
from scaicore_tui.export.report.markup import Child, Markup, element
from scaicore_tui.export.report.report_facts import failure_of, status_of, step_style, took_text, utc_time
from scaicore_tui.protocol import Event
from scaicore_tui.protocol.events import RUNTIME
from scaicore_tui.protocol.flows import FlowNode
from scaicore_tui.runs.model import elapsed_ms
from scaicore_tui.runs.status_style import StatusStyle
from scaicore_tui.text import json_inline, one_line
from scaicore_tui.timefmt import format_duration, format_iso

MAX_STEPS = 2_000
MAX_EVENTS = 2_000
MAX_NAME_CELLS = 80
MAX_TIME_CELLS = 30
MAX_ERROR_CELLS = 400
MAX_PAYLOAD_CELLS = 240


class Column(Struct, frozen=True):
    """A column: its heading, and its kind: `number`, `fixed` text that is not wrapped, or any other."""

    title: str
    kind: str | None = None


def table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Child]]) -> Markup:
    """Return a table. On a phone each row is a block, and its numbers get their headings."""
    head = (element("th", column.title, scope="col", class_=column.kind) for column in columns)
    return element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *head)),
        element("tbody", *(_row(columns, cells) for cells in rows)),
        class_="rows",
    )


def _row(columns: Sequence[Column], cells: Sequence[Child]) -> Markup:
    first, *rest = cells
    found = [element("th", first, scope="row", class_="name")]
    for column, cell in zip(columns[1:], rest, strict=True):
        label = column.title if cell and column.title not in ("State", "Error", "Payload") else None
        found.append(element("td", cell, class_=column.kind, data_label=label))
    return element("tr", *found)


def run_cells(exported: ExportedRun, anchor: str) -> Sequence[Child]:
    """Return the row of a run, which links to its report."""
    run, style, failure = exported.run, status_of(exported.run), failure_of(exported)
    error = "" if failure is None else f"{one_line(failure.node, 40)} {one_line(failure.text, 160)}".strip()
    return (
        element("a", one_line(run.execution_id, MAX_NAME_CELLS), href=f"#{anchor}"),
        _state(style),
        one_line(run.core_id or "", MAX_NAME_CELLS),
        utc_time(run.began_at),
        took_text(exported),
        _error(error),
    )


def runs_table(rows: Iterable[Sequence[Child]]) -> Markup:
    """Return the table of several runs, of which each row comes from `run_cells`."""
    took = Column("Took", "number")
    columns = (
        Column("Run"),
        Column("State", "fixed"),
        Column("Core"),
        Column("Started", "fixed"),
        took,
        Column("Error"),
    )
    return table("All runs of this report", columns, rows)


def steps_table(exported: ExportedRun) -> Markup:
    """Return all steps in the order of their begin, as text: the alternative to the timeline."""
    columns = (
        Column("Step"),
        Column("Iteration", "number"),
        Column("Attempt", "number"),
        Column("State", "fixed"),
        Column("Start", "number"),
        Column("Took", "number"),
        Column("Error"),
    )
    rows = (_step_cells(step, exported) for step in exported.steps.steps[:MAX_STEPS])
    return table(_caption("Steps in the order of their begin", len(exported.steps.steps), MAX_STEPS), columns, rows)


def _step_cells(step: Step, exported: ExportedRun) -> tuple[Child, ...]:
    style = step_style(step, is_over=exported.steps.is_over)
    return (
        one_line(step.name, MAX_NAME_CELLS),
        "" if step.iteration is None else str(step.iteration),
        "" if step.attempt is None else str(step.attempt),
        _state(style),
        "" if step.offset_ms is None else f"+{offset_label(step.offset_ms)}",
        format_duration(step.duration_ms),
        _error(step.error or ""),
    )


def events_table(exported: ExportedRun) -> Markup:
    """Return the events of a run, each with the begin of its payload."""
    columns = (Column("Event"), Column("Time", "fixed"), Column("After", "number"), Column("Type"), Column("Node"),
               Column("Payload"))  # fmt: skip
    caption = _caption("Events in the order of the feed", len(exported.events), MAX_EVENTS)
    rows = (_event_cells(number, event, exported) for number, event in enumerate(exported.events[:MAX_EVENTS], 1))
    return table(caption, columns, rows)


def _event_cells(number: int, event: Event, exported: ExportedRun) -> tuple[Child, ...]:
    after = elapsed_ms(exported.run.began_at, event.at)
    return (
        str(number),
        format_iso(event.at) or one_line(event.timestamp, MAX_TIME_CELLS),
        "" if after is None else f"+{offset_label(after)}",
        one_line(event.type.removeprefix(RUNTIME), MAX_NAME_CELLS),
        one_line(event.node_id or "", MAX_NAME_CELLS),
        element("code", json_inline(_payload(event), MAX_PAYLOAD_CELLS)),
    )


def _payload(event: Event) -> dict[str, Any]:
    """Return what the other columns of an event do not say already."""
    return {name: value for name, value in event.payload.items() if name not in ("execution_id", "node_id")}


def flow_table(view: FlowView) -> Markup:
    """Return the nodes of a flow with what the run did there: the alternative to the picture."""
    columns = (Column("Node"), Column("Type"), Column("State", "fixed"), Column("Visits", "number"),
               Column("Took", "number"), Column("Went on to"))  # fmt: skip
    nodes = view.graph.nodes[:MAX_STEPS]
    return table(_caption("Nodes in reading order", len(view.graph.nodes), MAX_STEPS), columns,
                 (_node_cells(view, node) for node in nodes))  # fmt: skip


def _node_cells(view: FlowView, node: FlowNode) -> tuple[Child, ...]:
    info, edges = view.visited.get(node.id), view.graph.outgoing.get(node.id, ())
    taken = (view.graph.edges[index].target for index in edges if index in view.taken.counts)
    return (
        one_line(node.id, MAX_NAME_CELLS),
        one_line(node.type, MAX_NAME_CELLS),
        _state(node_style(view, node, info)),
        "" if info is None else str(info.visit_count),
        "" if info is None else format_duration(info.duration_ms),
        ", ".join(one_line(target, MAX_NAME_CELLS) for target in taken),
    )


def _caption(text: str, count: int, limit: int) -> str:
    return f"{text}." if count <= limit else f"{text}: the first {limit:,} of {count:,}."


def _state(style: StatusStyle) -> Markup:
    return element("span", f"{style.glyph} {style.word}", class_=style.colour)


def _error(text: str) -> Child:
    return element("span", one_line(text, MAX_ERROR_CELLS), class_="error") if text else ""
