"""A run, told in full as lines to read: facts, every visit of every node, input, output, error, raw events. Pure.

What the flow said stands behind the bar.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from scaicore_tui.runs import NodeRunInfo, NodeVisit, Run, RunStatus
from scaicore_tui.runs.status import NODE_LOOKS
from scaicore_tui.runs.words import took
from scaicore_tui.text import named, one_line, pretty, wrap
from scaicore_tui.tui.paint import BAR, Piece, Pieces, foreign, piece, right
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
            (one_line(node.name, width // 2), "text strong"),
            (f"  {one_line(node.block_kind or '', width // 4)}", "grey"),
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
        for line in _visit_outcome(visit, width - 2 * len(INDENT)):
            yield [(INDENT * 2, "text"), *line]


def _visit_outcome(visit: NodeVisit, width: int) -> list[Pieces]:
    binding = visit.result_binding or "result"
    if visit.error is not None:
        return foreign(visit.error, width, "red")
    if visit.truncated:
        return [[(f"{named(binding, width // 2)}: too large for the feed", "grey")]]
    return foreign(f"{one_line(binding, width)} = {pretty(visit.result)}", width) if visit.has_result else []


def _section(title: str, value: Any, width: int, colour: str = "text") -> Iterator[Pieces]:
    if value is None:
        return
    yield from _title(title)
    yield from foreign(pretty(value), width, colour)


def _events(events: Sequence[Event], width: int) -> Iterator[Pieces]:
    """The events as they came: time, type, and the bytes themselves on one safe line."""
    yield from _title(f"events · {len(events)}")
    for event in events:
        at: Piece = piece(one_line(event.timestamp, 24), 25, "grey")
        yield [BAR, at, (one_line(event.type.removeprefix("scaicore.runtime."), width), "accent")]
        for line in foreign(event.raw.decode("utf-8", "backslashreplace"), width - len(INDENT), "grey"):
            yield [BAR, (INDENT[len(BAR[0]) :], "text"), *line[1:]]


def _title(words: str) -> Iterator[Pieces]:
    yield []
    yield [(words, "accent strong")]
