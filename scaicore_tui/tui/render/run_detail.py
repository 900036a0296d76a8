"""All details of a run as lines: facts, error, visits of each node, input, output and raw events. Pure.

Text from the flow stands behind the quote bar.
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
# Of more nodes, visits of a node, or events, only the newest are shown.
MAX_NODES, MAX_VISITS, MAX_EVENTS = 200, 20, 200
# Longer texts are cut off at the end.
MAX_TEXT_CHARS, MAX_FACT_LINES = 20_000, 20


def run_detail(
    run: Run, events: Sequence[Event], width: int, relations: Sequence[Relation] = (), missing: str = ""
) -> list[Line]:
    """Return the run wrapped to `width` cells.

    `events` are its newest ones, `relations` its replays and the run that it replays; `missing` is a note about events
    that are or may be missing.
    """
    return [
        *_facts(run, relations, missing, width),
        *_section("error", run.error, width, "red"),
        *_nodes(run, width),
        *(_section("input", run.input, width) if run.has_input else []),
        *_section("output", run.output, width),
        *_events(events, run.event_count, width),
    ]


def _facts(run: Run, relations: Sequence[Relation], missing: str, width: int) -> Iterator[Line]:
    facts = [
        ("run", run.execution_id),
        ("Core", run.core_id),
        ("instance", run.instance_key),
        *relations,
        ("started", format_iso(run.started_at)),
        ("ended", format_iso(run.ended_at)),
        ("took", format_duration(run.duration_ms)),
        ("unusual", ", ".join(run.anomalies)),
        ("", f"loading {run.event_count:,} events…" if run.is_loading else ""),
        ("partial", "this run began before our first event" if run.joined_late else ""),
        ("gap", missing),
    ]
    for name, value in facts:
        if value:
            for number, line in enumerate(wrap(value, width - 10, MAX_FACT_LINES)):
                yield [
                    column("" if number else name, 10, "grey"),
                    (line, "amber" if name in ("unusual", "partial", "gap") else "text"),
                ]


def _nodes(run: Run, width: int) -> Iterator[Line]:
    yield from _title(f"nodes · {len(run.nodes):,}")
    waiting = run.status is RunStatus.WAITING
    yield from _older(len(run.nodes) - MAX_NODES, "nodes")
    for node in list(islice(reversed(run.nodes.values()), MAX_NODES))[::-1]:
        style = node_style(node.state, waiting=waiting)
        yield [
            (f"{style.glyph} ", style.colour),
            (one_line(node.name, width // 2), "text strong"),
            (f"  {one_line(node.block_kind or '', width // 4)}", "grey"),
            (f"  {style.word}", style.colour),
            (f"  ×{node.visit_count:,}" if node.visit_count > 1 else "", "grey"),
        ]
        yield from _visits(node, width)


def _visits(node: NodeRunInfo, width: int) -> Iterator[Line]:
    older = max(0, node.visit_count - MAX_VISITS)
    yield from _older(older, "visits")
    for number, visit in enumerate(node.visits[-MAX_VISITS:], older + 1):
        style = NODE_STYLES[visit.state]
        yield [
            right_align(f"{number} ", len(INDENT), "grey"),
            (f"{style.glyph} ", style.colour),
            column(format_iso(visit.entered_at) or "not entered", 28, "grey"),
            right_align(format_duration(visit.duration_ms), 8, "text"),
        ]
        for line in _visit_result(visit, width - 2 * len(INDENT)):
            yield [(INDENT * 2, "text"), *line]


def _visit_result(visit: NodeVisit, width: int) -> list[Line]:
    binding = visit.result_binding or "result"
    if visit.error is not None:
        return _untrusted(visit.error, width, "red")
    if visit.is_truncated:
        return [[(f"{display_name(binding, width // 2)}: too large for the feed", "grey")]]
    return _untrusted(f"{one_line(binding, width)} = {json_pretty(visit.result)}", width) if visit.has_result else []


def _section(title: str, value: Any, width: int, colour: str = "text") -> Iterator[Line]:
    if value is None:
        return
    yield from _title(title)
    yield from _untrusted(json_pretty(value), width, colour)


def _events(events: Sequence[Event], count: int, width: int) -> Iterator[Line]:
    """Yield the events as received: time, type and the sanitized JSON."""
    yield from _title(f"events · {count:,}")
    yield from _older(count - len(events), "events")
    for event in events:
        at: Span = column(one_line(event.timestamp, 24), 25, "grey")
        yield [BAR, at, (one_line(event.type.removeprefix("scaicore.runtime."), width), "accent")]
        for line in _untrusted(event.raw.decode("utf-8", "backslashreplace"), width - len(INDENT), "grey"):
            yield [BAR, (INDENT[len(BAR[0]) :], "text"), *line[1:]]


def _untrusted(text: str, width: int, colour: str = "text") -> list[Line]:
    """Return text from the flow, cut off after `MAX_TEXT_CHARS`."""
    left = len(text) - MAX_TEXT_CHARS
    lines = untrusted(text[:MAX_TEXT_CHARS], width, colour)
    more: Line = [BAR, (f"… {left:,} more characters: scaicore-tui show --json prints all", "grey")]
    return lines if left <= 0 else [*lines, more]


def _older(count: int, noun: str) -> Iterator[Line]:
    if count > 0:
        yield [(f"{INDENT}… {count:,} older {noun}", "grey")]


def _title(text: str) -> Iterator[Line]:
    yield []
    yield [(text, "accent strong")]
