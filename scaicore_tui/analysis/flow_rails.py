"""The gutter beside a flow: one row a node, and the edges as rails on its left, as a disassembler draws jumps. Pure.

An edge to the next row is a bar before that row. All other edges to one node share a rail. Rails that were taken are
solid and bright, others dotted and grey, so that they can be told apart without colours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum

from msgspec import Struct, field

# Cells that a rail takes, and those between the rails and the node: the bar and the arrow.
RAIL_CELLS = 2
END_CELLS = 2

# Text and the name of its colour.
Span = tuple[str, str]


class Emphasis(IntEnum):
    """How much an edge stands out."""

    NOT_TAKEN = 1
    POSSIBLE = 2
    TAKEN = 3


_COLOURS = {Emphasis.NOT_TAKEN: "grey", Emphasis.POSSIBLE: "text", Emphasis.TAKEN: "accent strong"}
_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_SIGNS = {
    _UP | _DOWN: "│",
    _LEFT | _RIGHT: "─",
    _DOWN | _RIGHT: "╭",
    _UP | _RIGHT: "╰",
    _UP | _DOWN | _RIGHT: "├",
    _DOWN | _LEFT | _RIGHT: "┬",
    _UP | _LEFT | _RIGHT: "┴",
    _UP | _DOWN | _LEFT | _RIGHT: "┼",
}
_DOTTED = {"│": "┊", "─": "┈"}
_ARROW, _HOLLOW_ARROW = "▶", "▷"
ASCII_SIGNS = str.maketrans(
    {
        "│": "|",
        "─": "-",
        "╭": ",",
        "╰": "`",
        "├": "+",
        "┬": "+",
        "┴": "+",
        "┼": "+",
        "┊": ":",
        "┈": ".",
        "▶": ">",
        "▷": ")",
    }
)


class RowEdge(Struct, frozen=True):
    """An edge between two rows."""

    source: int
    target: int
    emphasis: Emphasis = Emphasis.TAKEN


class Gutter(Struct, frozen=True):
    """One list of spans a row, all `width` cells wide; `undrawn` are edges for which there is no rail left."""

    rows: Sequence[list[Span]]
    width: int
    undrawn: Sequence[RowEdge]


class _Rail(Struct):
    """All edges to one row that do not come from the row before it; from the row `first` to the row `last`."""

    target: int
    first: int
    last: int
    edges: list[RowEdge] = field(default_factory=list)

    def add(self, edge: RowEdge) -> None:
        self.first, self.last = min(self.first, edge.source), max(self.last, edge.source)
        self.edges.append(edge)

    def between(self, row: int) -> Emphasis | None:
        """Return the emphasis of the rail between `row` and the next; None if it does not go there."""
        crossing = (
            edge.emphasis for edge in self.edges if min(edge.source, self.target) <= row < max(edge.source, self.target)
        )
        return max(crossing, default=None)

    def at(self, row: int) -> Emphasis | None:
        """Return the emphasis of the rail's line to the node in `row`; None if there is none."""
        return max((edge.emphasis for edge in self.edges if row in (edge.source, self.target)), default=None)


# The rail in each row of a column that has one.
_Column = dict[int, _Rail]


def draw_gutter(edges: Iterable[RowEdge], row_count: int, max_rails: int) -> Gutter:
    """Return the gutter for `edges`, with at most `max_rails` rails side by side. Edges of a row to itself are left
    out.
    """
    bars: dict[int, Emphasis] = {}
    rails: dict[int, _Rail] = {}
    for edge in edges:
        if edge.target == edge.source + 1:
            bars[edge.target] = max(edge.emphasis, bars.get(edge.target, edge.emphasis))
        elif edge.target != edge.source:
            rails.setdefault(edge.target, _Rail(edge.target, edge.target, edge.target)).add(edge)
    columns, undrawn = _assign_columns(list(rails.values()), max_rails)
    rows = [_draw_row(row, columns, bars.get(row)) for row in range(row_count)]
    return Gutter(rows, RAIL_CELLS * len(columns) + END_CELLS, [edge for rail in undrawn for edge in rail.edges])


def _assign_columns(rails: list[_Rail], max_rails: int) -> tuple[list[_Column], list[_Rail]]:
    """Return the rails by column, the innermost column last, and those for which there is no column.

    Short rails are inside: that makes the fewest crossings. Two rails of one column have no row in common.
    """
    columns: list[_Column] = []
    undrawn = []
    for rail in sorted(rails, key=lambda rail: (rail.last - rail.first, rail.first)):
        rows = range(rail.first, rail.last + 1)
        free = next((column for column in columns if column.keys().isdisjoint(rows)), None)
        if free is None and len(columns) < max_rails:
            free = {}
            columns.append(free)
        if free is None:
            undrawn.append(rail)
        else:
            free.update(dict.fromkeys(rows, rail))
    return columns[::-1], undrawn


def _draw_row(row: int, columns: Sequence[_Column], bar: Emphasis | None) -> list[Span]:
    spans: list[Span] = []
    line: Emphasis | None = None
    arrow: Emphasis | None = None
    for column in columns:
        rail = column.get(row)
        before = line
        up = down = None
        if rail is not None:
            up, down, right = rail.between(row - 1), rail.between(row), rail.at(row)
            line = _strongest(line, right)
            arrow = right if rail.target == row else arrow
        spans += (_cell(up, down, before, line), _cell(None, None, line, line))
    spans.append(_cell(bar, bar, line, line))
    spans.append(_cell(None, None, line, line) if arrow is None else _arrow(arrow))
    return spans


def _arrow(emphasis: Emphasis) -> Span:
    return (_HOLLOW_ARROW if emphasis is Emphasis.NOT_TAKEN else _ARROW), _COLOURS[emphasis]


def _strongest(*emphases: Emphasis | None) -> Emphasis | None:
    return max((emphasis for emphasis in emphases if emphasis is not None), default=None)


def _cell(up: Emphasis | None, down: Emphasis | None, left: Emphasis | None, right: Emphasis | None) -> Span:
    """Return the sign that connects a cell in these directions."""
    parts = ((up, _UP), (down, _DOWN), (left, _LEFT), (right, _RIGHT))
    emphasis = _strongest(up, down, left, right)
    if emphasis is None:
        return " ", "text"
    sign = _SIGNS[sum(bit for part, bit in parts if part is not None)]
    return (_DOTTED.get(sign, sign) if emphasis is Emphasis.NOT_TAKEN else sign), _COLOURS[emphasis]
