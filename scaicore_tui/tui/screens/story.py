"""A run, told in full as lines to read: facts, every visit of every node, input, output, error, raw events. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from scaicore_tui.runs import NodeRunInfo, NodeVisit, Run, RunStatus
from scaicore_tui.runs.status import NODE_LOOKS
from scaicore_tui.runs.words import brief, took
from scaicore_tui.text import one_line, pretty, wrap
from scaicore_tui.tui.paint import Piece, Pieces, piece, right
from scaicore_tui.tui.replays import Link
from scaicore_tui.tui.widgets.run_row import node_look
from scaicore_tui.wire import Event
from scaicore_tui.wire.timestamps import iso

INDENT = "    "
# So much of it is told: of more nodes, visits of one, and events, the newest; of a longer text the beginning.
MAX_NODES, MAX_VISITS, MAX_EVENTS = 200, 20, 200
MAX_TEXT = 20_000


def story(run: Run, events: Sequence[Event], width: int, links: Sequence[Link] = ()) -> list[Pieces]:
    """The run, wrapped to `width` cells, with its newest `events`; `links` are its replays, and what it replays."""
    return [
        *_facts(run, links, width),
        *_section("error", run.error, width, "red"),
        *_nodes(run, width),
        *(_section("input", run.input, width) if run.has_input else []),
        *_section("output", run.output, width),
        *_events(events, run.event_count, width),
    ]


def _facts(run: Run, links: Sequence[Link], width: int) -> Iterator[Pieces]:
    facts = [
        ("run", run.execution_id),
        ("Core", run.core_id),
        ("instance", run.instance_key),
        *links,
        ("started", iso(run.started_at)),
        ("ended", iso(run.ended_at)),
        ("took", took(run.duration_ms)),
        ("odd", ", ".join(run.oddities)),
        ("", f"its {run.event_count:,} events are being read…" if run.partial else ""),
        ("late", "the feed we hold begins after its start" if run.joined_late else ""),
    ]
    for name, value in facts:
        if value:
            for number, line in enumerate(_wrapped(value, width - 10)):
                yield [
                    piece("" if number else name, 10, "grey"),
                    (line, "amber" if name in ("odd", "late") else "text"),
                ]


def _nodes(run: Run, width: int) -> Iterator[Pieces]:
    yield from _title(f"nodes · {len(run.nodes):,}")
    waiting = run.status is RunStatus.WAITING
    yield from _older(len(run.nodes) - MAX_NODES, "nodes")
    for node in list(islice(reversed(run.nodes.values()), MAX_NODES))[::-1]:
        look = node_look(node.state, waiting=waiting)
        yield [
            (f"{look.glyph} ", look.colour),
            (one_line(brief(node.name)), "text strong"),
            (f"  {one_line(brief(node.block_kind or ''))}", "grey"),
            (f"  {look.word}", look.colour),
            (f"  ×{node.visit_count:,}" if node.visit_count > 1 else "", "grey"),
        ]
        yield from _visits(node, width)


def _visits(node: NodeRunInfo, width: int) -> Iterator[Pieces]:
    older = max(0, node.visit_count - MAX_VISITS)
    yield from _older(older, "visits")
    for number, visit in enumerate(node.visits[-MAX_VISITS:], older + 1):
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
        for line in _wrapped(text, width):
            yield [(INDENT * 2, "text"), (line, colour)]


def _section(title: str, value: Any, width: int, colour: str = "text") -> Iterator[Pieces]:
    if value is None:
        return
    yield from _title(title)
    for line in _wrapped(pretty(value), width):
        yield [(line, colour)]


def _events(events: Sequence[Event], count: int, width: int) -> Iterator[Pieces]:
    """The events as they came: time, type, and the bytes themselves on one safe line."""
    yield from _title(f"events · {count:,}")
    yield from _older(count - len(events), "events")
    for event in events:
        head: list[Piece] = [
            piece(one_line(brief(event.timestamp)), 25, "grey"),
            (one_line(brief(event.type).removeprefix("scaicore.runtime.")) + "  ", "accent"),
        ]
        yield head
        for line in _wrapped(event.raw.decode("utf-8", "backslashreplace"), width - len(INDENT)):
            yield [(INDENT, "text"), (line, "grey")]


def _wrapped(text: str, width: int) -> list[str]:
    """Lines; of a text that nobody would read to its end, the first ones."""
    lines = wrap(text[:MAX_TEXT], width)
    left = len(text) - MAX_TEXT
    return lines if left <= 0 else [*lines, f"… {left:,} more characters: scaicore-tui show --json has them"]


def _older(count: int, what: str) -> Iterator[Pieces]:
    if count > 0:
        yield [(f"{INDENT}… {count:,} older {what}", "grey")]


def _title(words: str) -> Iterator[Pieces]:
    yield []
    yield [(words, "accent strong")]
