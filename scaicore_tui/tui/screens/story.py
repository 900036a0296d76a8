"""A run, told in full as lines to read: facts, every visit of every node, input, output, error, raw events. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from scaicore_tui.runs import NodeRunInfo, NodeVisit, Run, RunStatus
from scaicore_tui.runs.status import NODE_LOOKS
from scaicore_tui.runs.words import took
from scaicore_tui.text import one_line, pretty, safe, wrap
from scaicore_tui.tui.paint import Piece, Pieces, piece, right
from scaicore_tui.tui.replays import Link
from scaicore_tui.tui.widgets.run_row import node_look
from scaicore_tui.wire import Event
from scaicore_tui.wire.timestamps import iso

INDENT = "    "


def story(run: Run, events: Sequence[Event], width: int, links: Sequence[Link] = (), missing: str = "") -> list[Pieces]:
    """The whole run, wrapped to `width` cells; `links` are its replays, and what it replays, and `missing` says that
    events of it may be."""
    return [
        *_facts(run, links, missing, width),
        *_section("error", run.error, width, "red"),
        *_nodes(run, width),
        *(_section("input", run.input, width) if run.has_input else []),
        *_section("output", run.output, width),
        *_events(events, width),
    ]


def _facts(run: Run, links: Sequence[Link], missing: str, width: int) -> Iterator[Pieces]:
    facts = [
        ("run", run.execution_id),
        ("Core", run.core_id),
        ("instance", run.instance_key),
        *links,
        ("started", iso(run.started_at)),
        ("ended", iso(run.ended_at)),
        ("took", took(run.duration_ms)),
        ("odd", ", ".join(run.oddities)),
        ("late", "the feed we hold begins after its start" if run.joined_late else ""),
        ("gap", missing),
    ]
    for name, value in facts:
        if value:
            for number, line in enumerate(wrap(value, width - 10)):
                yield [
                    piece("" if number else name, 10, "grey"),
                    (line, "amber" if name in ("odd", "late", "gap") else "text"),
                ]


def _nodes(run: Run, width: int) -> Iterator[Pieces]:
    yield from _title(f"nodes · {len(run.nodes)}")
    waiting = run.status is RunStatus.WAITING
    for node in run.nodes.values():
        look = node_look(node.state, waiting=waiting)
        yield [
            (f"{look.glyph} ", look.colour),
            (one_line(node.name), "text strong"),
            (f"  {one_line(node.block_kind or '')}", "grey"),
            (f"  {look.word}", look.colour),
            (f"  ×{node.visit_count:,}" if node.visit_count > 1 else "", "grey"),
        ]
        yield from _visits(node, width)


def _visits(node: NodeRunInfo, width: int) -> Iterator[Pieces]:
    for number, visit in enumerate(node.visits, 1):
        look = NODE_LOOKS[visit.state]
        yield [
            right(f"{number} ", len(INDENT), "grey"),
            (f"{look.glyph} ", look.colour),
            piece(iso(visit.entered_at) or "not entered", 28, "grey"),
            right(took(visit.duration_ms), 8, "text"),
        ]
        yield from _visit_outcome(visit, width - 2 * len(INDENT))


def _visit_outcome(visit: NodeVisit, width: int) -> Iterator[Pieces]:
    text, colour = "", "text"
    if visit.error is not None:
        text, colour = visit.error, "red"
    elif visit.truncated:
        text, colour = f"{visit.result_binding or 'result'}: too large for the feed", "grey"
    elif visit.has_result:
        text = f"{visit.result_binding or 'result'} = {pretty(visit.result)}"
    if text:
        for line in wrap(text, width):
            yield [(INDENT * 2, "text"), (line, colour)]


def _section(title: str, value: Any, width: int, colour: str = "text") -> Iterator[Pieces]:
    if value is None:
        return
    yield from _title(title)
    for line in wrap(pretty(value), width):
        yield [(line, colour)]


def _events(events: Sequence[Event], width: int) -> Iterator[Pieces]:
    """The events as they came: time, type, and the bytes themselves on one safe line."""
    yield from _title(f"events · {len(events)}")
    for event in events:
        head: list[Piece] = [
            piece(one_line(event.timestamp), 25, "grey"),
            (one_line(event.type.removeprefix("scaicore.runtime.")) + "  ", "accent"),
        ]
        yield head
        for line in wrap(safe(event.raw.decode("utf-8", "backslashreplace")), width - len(INDENT)):
            yield [(INDENT, "text"), (line, "grey")]


def _title(words: str) -> Iterator[Pieces]:
    yield []
    yield [(words, "accent strong")]
