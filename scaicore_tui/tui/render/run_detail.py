"""A run, told in full as lines to read: facts, every visit of every node, input, output, error, raw events. Pure.

What the flow said stands behind the bar.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from scaicore_tui.protocol import Event
from scaicore_tui.runs import NodeRunInfo, NodeVisit, Run, RunStatus
from scaicore_tui.runs.status_style import NODE_STYLES
from scaicore_tui.text import display_name, json_pretty, one_line, wrap
from scaicore_tui.timefmt import format_duration, format_iso
from scaicore_tui.tui.render.line import BAR, Line, Span, column, right_align, untrusted
from scaicore_tui.tui.render.replays import Relation
from scaicore_tui.tui.render.runs import node_style

INDENT = "    "
# So much of it is told: of more nodes, visits of one, and events, the newest; of a longer text the beginning.
MAX_NODES, MAX_VISITS, MAX_EVENTS = 200, 20, 200
MAX_TEXT, MAX_FACT = 20_000, 20


def run_detail(
    run: Run, events: Sequence[Event], width: int, links: Sequence[Relation] = (), missing: str = ""
) -> list[Line]:
    """The run, wrapped to `width` cells, with its newest `events`; `links` are its replays, and what it replays, and
    `missing` says that events of it may be."""
    return [
        *_facts(run, links, missing, width),
        *_section("error", run.error, width, "red"),
        *_nodes(run, width),
        *(_section("input", run.input, width) if run.has_input else []),
        *_section("output", run.output, width),
        *_events(events, run.event_count, width),
    ]


def _facts(run: Run, links: Sequence[Relation], missing: str, width: int) -> Iterator[Line]:
    facts = [
        ("run", run.execution_id),
        ("Core", run.core_id),
        ("instance", run.instance_key),
        *links,
        ("started", format_iso(run.started_at)),
        ("ended", format_iso(run.ended_at)),
        ("took", format_duration(run.duration_ms)),
        ("odd", ", ".join(run.anomalies)),
        ("", f"its {run.event_count:,} events are being read…" if run.is_loading else ""),
        ("late", "the feed we hold begins after its start" if run.joined_late else ""),
        ("gap", missing),
    ]
    for name, value in facts:
        if value:
            for number, line in enumerate(wrap(value, width - 10, MAX_FACT)):
                yield [
                    column("" if number else name, 10, "grey"),
                    (line, "amber" if name in ("odd", "late", "gap") else "text"),
                ]


def _nodes(run: Run, width: int) -> Iterator[Line]:
    yield from _title(f"nodes · {len(run.nodes):,}")
    waiting = run.status is RunStatus.WAITING
    yield from _older(len(run.nodes) - MAX_NODES, "nodes")
    for node in list(islice(reversed(run.nodes.values()), MAX_NODES))[::-1]:
        look = node_style(node.state, waiting=waiting)
        yield [
            (f"{look.glyph} ", look.colour),
            (one_line(node.name, width // 2), "text strong"),
            (f"  {one_line(node.block_kind or '', width // 4)}", "grey"),
            (f"  {look.word}", look.colour),
            (f"  ×{node.visit_count:,}" if node.visit_count > 1 else "", "grey"),
        ]
        yield from _visits(node, width)


def _visits(node: NodeRunInfo, width: int) -> Iterator[Line]:
    older = max(0, node.visit_count - MAX_VISITS)
    yield from _older(older, "visits")
    for number, visit in enumerate(node.visits[-MAX_VISITS:], older + 1):
        look = NODE_STYLES[visit.state]
        yield [
            right_align(f"{number} ", len(INDENT), "grey"),
            (f"{look.glyph} ", look.colour),
            column(format_iso(visit.entered_at) or "not entered", 28, "grey"),
            right_align(format_duration(visit.duration_ms), 8, "text"),
        ]
        for line in _visit_outcome(visit, width - 2 * len(INDENT)):
            yield [(INDENT * 2, "text"), *line]


def _visit_outcome(visit: NodeVisit, width: int) -> list[Line]:
    binding = visit.result_binding or "result"
    if visit.error is not None:
        return _told(visit.error, width, "red")
    if visit.is_truncated:
        return [[(f"{display_name(binding, width // 2)}: too large for the feed", "grey")]]
    return _told(f"{one_line(binding, width)} = {json_pretty(visit.result)}", width) if visit.has_result else []


def _section(title: str, value: Any, width: int, colour: str = "text") -> Iterator[Line]:
    if value is None:
        return
    yield from _title(title)
    yield from _told(json_pretty(value), width, colour)


def _events(events: Sequence[Event], count: int, width: int) -> Iterator[Line]:
    """The events as they came: time, type, and the bytes themselves on one safe line."""
    yield from _title(f"events · {count:,}")
    yield from _older(count - len(events), "events")
    for event in events:
        at: Span = column(one_line(event.timestamp, 24), 25, "grey")
        yield [BAR, at, (one_line(event.type.removeprefix("scaicore.runtime."), width), "accent")]
        for line in _told(event.raw.decode("utf-8", "backslashreplace"), width - len(INDENT), "grey"):
            yield [BAR, (INDENT[len(BAR[0]) :], "text"), *line[1:]]


def _told(text: str, width: int, colour: str = "text") -> list[Line]:
    """Foreign text; of one that nobody would read to its end, the beginning."""
    left = len(text) - MAX_TEXT
    lines = untrusted(text[:MAX_TEXT], width, colour)
    more: Line = [BAR, (f"… {left:,} more characters: scaicore-tui show --json has them", "grey")]
    return lines if left <= 0 else [*lines, more]


def _older(count: int, what: str) -> Iterator[Line]:
    if count > 0:
        yield [(f"{INDENT}… {count:,} older {what}", "grey")]


def _title(words: str) -> Iterator[Line]:
    yield []
    yield [(words, "accent strong")]
