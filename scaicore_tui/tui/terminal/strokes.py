"""From changed cells to the least bytes that paint them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from scaicore_tui.tui.terminal.cells import Cell, is_certain
from scaicore_tui.tui.terminal.pens import Pen, switch

# Where the cursor is: column and line, from nought; None where that is not known.
Place = tuple[int, int] | None

# So many cells that did not change cost less than a move over them.
GAP = 4
# Of more strokes than these, nobody looks for the best order: it is a new picture.
MANY = 400


class Stroke(NamedTuple):
    """Neighbouring cells of one pen. `end` is the column behind them, if terminals agree on that."""

    y: int
    x: int
    text: str
    pen: Pen
    end: int | None


class Painted(NamedTuple):
    """What is to be written, and how the terminal stands then."""

    text: str
    pen: Pen | None
    at: Place


def strokes(y: int, row: Sequence[Cell], changed: Iterable[int]) -> list[Stroke]:
    """The strokes that paint the `changed` cells of a row, in ascending order."""
    found: list[Stroke] = []
    for x in changed:
        text, pen = row[x]
        if not text:
            continue
        if found and (longer := _prolonged(found[-1], row, x)) is not None:
            found[-1] = longer
        else:
            found.append(Stroke(y, x, text, pen, _end(x, text, row)))
    return found


def painted(found: Sequence[Stroke], pen: Pen | None, at: Place) -> Painted:
    """Paint them in the order that takes fewer bytes: by line, or all of one pen before the next."""
    by_line = _in_order(found, pen, at)
    if len(found) > MANY:
        return by_line
    by_pen = _in_order(_by_pen(found, pen), pen, at)
    return min(by_line, by_pen, key=lambda plan: len(plan.text))


def travel(at: Place, to: tuple[int, int]) -> str:
    """The shortest sequence that moves the cursor."""
    x, y = to
    ways = [f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H"]
    if at is None:
        return ways[0]
    if at[1] == y:
        ways.append(_along(x - at[0]))
    elif at[0] == x:
        ways.append(_step(y - at[1], "B", "A"))
    if at[1] <= y:
        # A vertical tab is a line feed that no pty translates. Some take the cursor to the left edge: name the column.
        ways.append("\v" * (y - at[1]) + (f"\x1b[{x + 1}G" if x else "\x1b[G"))
    return min(ways, key=len)


def _along(by: int) -> str:
    return "\b" * -by if -4 < by <= 0 else _step(by, "C", "D")


def _step(by: int, forward: str, back: str) -> str:
    count = "" if abs(by) == 1 else str(abs(by))
    return f"\x1b[{count}{forward if by > 0 else back}"


def _end(x: int, text: str, row: Sequence[Cell]) -> int | None:
    """The column behind a sign. At the right edge terminals differ in where the cursor is."""
    end = x + 1
    while end < len(row) and not row[end][0]:
        end += 1
    return end if end < len(row) and is_certain(text) else None


def _prolonged(stroke: Stroke, row: Sequence[Cell], x: int) -> Stroke | None:
    """The stroke, going on to the cell at `x` over what is between them; None where it takes another one."""
    if stroke.end is None or x - stroke.end > GAP:
        return None
    between = row[stroke.end : x + 1]
    pen = _common(stroke.pen, [pen for _, pen in between])
    if pen is None or not all(is_certain(text) for text, _ in between[:-1]):
        return None
    text = stroke.text + "".join(text for text, _ in between)
    return Stroke(stroke.y, stroke.x, text, pen, _end(x, row[x][0], row))


def _common(pen: Pen, others: Iterable[Pen]) -> Pen | None:
    """A pen that draws what all of them do: a blank takes any pen of its ground."""
    for other in others:
        if not pen.draws(other):
            if not other.draws(pen):
                return None
            pen = other
    return pen


def _in_order(found: Iterable[Stroke], pen: Pen | None, at: Place) -> Painted:
    parts: list[str] = []
    for stroke in found:
        colours, pen = switch(pen, stroke.pen)
        parts += [colours, travel(at, (stroke.x, stroke.y)), stroke.text]
        at = None if stroke.end is None else (stroke.end, stroke.y)
    return Painted("".join(parts), pen, at)


def _by_pen(found: Sequence[Stroke], pen: Pen | None) -> list[Stroke]:
    """All strokes of one pen before those of the next, which is the one nearest to it."""
    groups: dict[Pen, list[Stroke]] = defaultdict(list)
    for stroke in found:
        if not stroke.pen.is_ground:
            groups[stroke.pen].append(stroke)
    for stroke in found:
        if stroke.pen.is_ground:
            groups[next((pen for pen in groups if pen.draws(stroke.pen)), stroke.pen)].append(stroke)
    ordered: list[Stroke] = []
    while groups:
        nearest = _nearest(pen, groups)
        ordered += sorted(groups.pop(nearest), key=lambda stroke: (stroke.y, stroke.x))
        pen = nearest
    return ordered


def _nearest(pen: Pen | None, groups: Mapping[Pen, object]) -> Pen:
    return min(groups, key=lambda other: len(switch(pen, other)[0]))
