"""The flow of a run as boxes and arrows with positions in pixels. Pure; drawn by `svg_flow`.

Boxes stand where the designer put them on the canvas. Without positions, or with ones at which boxes would overlap,
they stand in columns: each right of all that lead to it. Names and labels are foreign text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from msgspec import Struct

from scaicore_tui.analysis.flow_graph import PARALLEL_TYPES, FlowGraph
from scaicore_tui.analysis.flow_path import ways_out
from scaicore_tui.analysis.flow_view import FlowView, node_style
from scaicore_tui.protocol.flows import FlowEdge, FlowNode
from scaicore_tui.runs.model import NodeRunInfo
from scaicore_tui.runs.status_style import REVIEW, StatusStyle
from scaicore_tui.timefmt import format_duration

BOX_WIDTH, BOX_HEIGHT = 170, 46
MARGIN = 40
_COLUMN, _ROW = BOX_WIDTH + 56, BOX_HEIGHT + 40
# Larger flows are no picture any more, only a table.
MAX_NODES = 150
MAX_PIXELS = 6_000


class Point(NamedTuple):
    """A position in pixels, from the top left."""

    x: float
    y: float


class Box(Struct, frozen=True):
    """A node. `at` is its top left; `sign` follows the name of one that has others in it."""

    name: str
    sign: str
    at: Point
    style: StatusStyle
    state: str


class Arrow(Struct, frozen=True):
    """An edge as a curve with two control points. `is_taken` or `is_possible`: the run took it, or perhaps did."""

    curve: tuple[Point, Point, Point, Point]
    is_taken: bool
    is_possible: bool
    label: str


class FlowPicture(Struct, frozen=True):
    """A flow. `is_canvas`: boxes stand as in the designer."""

    boxes: Sequence[Box]
    arrows: Sequence[Arrow]
    width: float
    height: float
    is_canvas: bool


def picture_flow(view: FlowView) -> FlowPicture | None:
    """Return the picture of a flow; None if it has too many nodes for one."""
    nodes = view.graph.nodes
    if not 0 < len(nodes) <= MAX_NODES:
        return None
    found = None if view.graph.is_inferred else _canvas_positions(nodes)
    at = found or _columns(view.graph)
    width = max(point.x for point in at.values()) + BOX_WIDTH + MARGIN
    height = max(point.y for point in at.values()) + BOX_HEIGHT + MARGIN
    visited = view.visited
    boxes = [_box(view, node, visited.get(node.id), at[node.id]) for node in nodes]
    arrows = [_arrow(view, index, edge, at) for index, edge in enumerate(view.graph.edges)]
    return FlowPicture(boxes, arrows, width, height, is_canvas=found is not None)


def _canvas_positions(nodes: Sequence[FlowNode]) -> Mapping[str, Point] | None:
    """Return the positions on the canvas, moved to the top left; None if boxes would overlap or be far apart."""
    for one, other in combinations(nodes, 2):
        if abs(one.x - other.x) < BOX_WIDTH + 10 and abs(one.y - other.y) < BOX_HEIGHT + 10:
            return None
    left, top = min(node.x for node in nodes), min(node.y for node in nodes)
    if max(max(node.x - left, node.y - top) for node in nodes) > MAX_PIXELS:
        return None
    return {node.id: Point(node.x - left + MARGIN, node.y - top + MARGIN) for node in nodes}


def _columns(graph: FlowGraph) -> Mapping[str, Point]:
    """Return positions in columns; edges that lead back in the reading order do not count."""
    column = {node.id: 0 for node in graph.nodes}
    for node in graph.nodes:
        for index in graph.outgoing.get(node.id, ()):
            target = graph.edges[index].target
            if graph.rank[target] > graph.rank[node.id]:
                column[target] = max(column[target], column[node.id] + 1)
    heights: dict[int, int] = {}
    found = {}
    for node in graph.nodes:
        row = heights.get(column[node.id], 0)
        heights[column[node.id]] = row + 1
        found[node.id] = Point(MARGIN + column[node.id] * _COLUMN, MARGIN + row * _ROW)
    return found


def _box(view: FlowView, node: FlowNode, info: NodeRunInfo | None, at: Point) -> Box:
    sign = ("∥" if node.type in PARALLEL_TYPES else "↻") if node.id in view.graph.containers else ""
    style = node_style(view, node, info)
    return Box(node.id, sign, at, style, _state(view, node, style, info))


def _state(view: FlowView, node: FlowNode, style: StatusStyle, info: NodeRunInfo | None) -> str:
    wait = view.waits.get(node.id)
    if wait is not None and not wait.is_breakpoint:
        return f"waits for {wait.assignee or 'a person'}"
    took = "" if info is None or style is REVIEW else format_duration(info.duration_ms)
    visits = f"×{info.visit_count}" if info is not None and info.visit_count > 1 else ""
    return " ".join(filter(None, (style.word, took, visits)))


def _arrow(view: FlowView, index: int, edge: FlowEdge, at: Mapping[str, Point]) -> Arrow:
    count = view.taken.counts.get(index, 0)
    label = "" if view.graph.is_inferred or len(ways_out(view.graph, edge.source)) < 2 else edge.port
    repeated = f"×{count}" if count > 1 else ""
    return Arrow(
        _curve(at[edge.source], at[edge.target], at),
        count > 0,
        index in view.taken.possible,
        " ".join(filter(None, (label, repeated))),
    )


def _curve(source: Point, target: Point, at: Mapping[str, Point]) -> tuple[Point, Point, Point, Point]:
    """Return a curve from box to box: forward from side to side, else from above or below."""
    if target.x >= source.x + BOX_WIDTH and not any(_between(source, target, at)):
        begin, end = _side(source, 1, 0.5), _side(target, 0, 0.5)
        bend = max(24.0, (end.x - begin.x) / 2)
        return begin, Point(begin.x + bend, begin.y), Point(end.x - bend, end.y), end
    is_column = abs(target.x - source.x) < BOX_WIDTH
    if is_column and target.y > source.y:
        begin, end, bend = _side(source, 0.5, 1), _side(target, 0.5, 0), 24.0
    else:
        # Around what is between: above if it leads forward, below if it leads back.
        is_forward = target.x > source.x
        side = 0.0 if is_forward else 1.0
        begin, end, bend = _side(source, 0.6, side), _side(target, 0.4, side), -34.0 if is_forward else 34.0
        return begin, Point(begin.x, begin.y + bend), Point(end.x, end.y + bend), end
    return begin, Point(begin.x, begin.y + bend), Point(end.x, end.y - bend), end


def _between(source: Point, target: Point, at: Mapping[str, Point]) -> Iterator[bool]:
    """Yield whether each box lies on the straight way from one box to another of the same row."""
    for point in at.values():
        is_level = abs(target.y - source.y) < BOX_HEIGHT and abs(point.y - source.y) < BOX_HEIGHT
        yield is_level and source.x < point.x < target.x and point not in (source, target)


def _side(box: Point, across: float, down: float) -> Point:
    return Point(box.x + BOX_WIDTH * across, box.y + BOX_HEIGHT * down)
