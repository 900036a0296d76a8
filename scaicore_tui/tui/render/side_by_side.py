"""Two values side by side, with what differs in them marked. Pure. Text of a flow stands behind the quote bar."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from msgspec import Struct

from scaicore_tui.analysis.diff import RunDiff
from scaicore_tui.analysis.diff_rows import INPUT, DiffRow
from scaicore_tui.analysis.steps import Step
from scaicore_tui.analysis.value_diff import MISSING, Path, read_value
from scaicore_tui.analysis.value_pairs import ValuePair, pair_values
from scaicore_tui.json_text import write
from scaicore_tui.runs import Run, RunStatus
from scaicore_tui.text import ELLIPSIS, cell_width, json_inline, one_line, sanitize, wrap
from scaicore_tui.tui.render.line import BAR, Line, Span, column, line_width
from scaicore_tui.tui.render.value_rows import CLOSED, OPEN, TRUNCATED

INDENT = "  "
# Before a name stand the mark, and the bar if the name is one of the flow.
LEAD_CELLS, MIN_NAME_CELLS, MIN_SIDE_CELLS = 4, 8, 8
MAX_NAME_CELLS = 40
# Of longer texts only the begin is shown: they are copied whole.
MAX_TEXT_LINES, MAX_TEXT_CHARS = 100, 10_000
NOTHING, SAME = "–", "="


class Sides(Struct, frozen=True):
    """A value of both runs with a title; MISSING if one has none. A remark of the program stands for a value."""

    title: str
    a: Any
    b: Any
    remark_a: str = ""
    remark_b: str = ""


class SideRow(Struct, frozen=True):
    """One line. Several lines of a long text have the same `pair`; `is_first` is the first of them."""

    title: str
    pair: ValuePair
    line: Line
    is_first: bool = True

    @property
    def differs(self) -> bool:
        """True if a difference begins here: not only in what is inside of it."""
        return self.is_first and not self.pair.is_equal and not self.pair.is_open


# What was folded or unfolded by hand: the title of a value, and the path in it.
Toggled = Collection[tuple[str, Path]]


def sides_of(diff: RunDiff, row: DiffRow) -> list[Sides]:
    """Return the values that a row of a comparison is about, as far as one of the runs has them."""
    if row.pair is None:
        if row.name == INPUT:
            return [Sides("input", _input(diff.a), _input(diff.b))]
        found = [Sides("error", *(_text(run.error) for run in (diff.a, diff.b)))]
        found.append(Sides("output", *(_output(run) for run in (diff.a, diff.b))))
    else:
        a, b = row.pair.a, row.pair.b
        found = [Sides("error", *(_text(None if step is None else step.error) for step in (a, b)))]
        found.append(Sides("result", _result(a), _result(b), _remark(a), _remark(b)))
    return [sides for sides in found if sides.remark_a or sides.remark_b or not sides.a is sides.b is MISSING]


def side_rows(sides: Sequence[Sides], toggled: Toggled, width: int) -> list[SideRow]:
    """Return the lines of values in `width` cells."""
    pairs = [
        (one, pair)
        for one in sides
        for pair in pair_values(one.a, one.b, {path for title, path in toggled if title == one.title})
    ]
    widest = max((cell_width(_name(one, pair)) for one, pair in pairs), default=0)
    name_cells = max(MIN_NAME_CELLS, min(widest, width // 4))
    side_cells = max(MIN_SIDE_CELLS, (width - LEAD_CELLS - name_cells - 2) // 2 - cell_width(BAR[0]))
    return [row for one, pair in pairs for row in _rows(one, pair, name_cells, side_cells)]


def column_cells(rows: Sequence[SideRow], width: int) -> tuple[int, int]:
    """Return the cells before the first value, and those of each value with its bar, for a heading."""
    before = line_width(rows[0].line[:3]) if rows else LEAD_CELLS + MIN_NAME_CELLS + 1
    return before, (width - before - 1) // 2 + 1


def _rows(sides: Sides, pair: ValuePair, name_cells: int, cells: int) -> Iterator[SideRow]:
    a, b = _cells(sides, pair, cells)
    name = _name(sides, pair)
    colour = "accent" if pair.is_equal else "accent strong"
    for number in range(max(len(a), len(b))):
        is_first = number == 0
        mark = ("≠ " if not pair.is_equal and pair.is_open is not True else "  ") if is_first else "  "
        left = [*(a[number] if number < len(a) else [("", "text")])]
        right = [*(b[number] if number < len(b) else [("", "text")])]
        yield SideRow(
            sides.title,
            pair,
            [
                (mark, "amber strong"),
                BAR if pair.path else ("  ", "text"),
                column(name if is_first else "", name_cells + 1, colour),
                BAR,
                *_padded(left, cells + 1),
                BAR,
                *right,
            ],
            is_first,
        )


def _padded(spans: Sequence[Span], cells: int) -> list[Span]:
    return [*spans, (" " * max(0, cells - line_width(spans)), "text")]


def _name(sides: Sides, pair: ValuePair) -> str:
    """Return the name of a value with its sign for folding, as a safe line."""
    sign = "" if pair.is_open is None else OPEN if pair.is_open else CLOSED
    name = one_line(pair.name, MAX_NAME_CELLS) if pair.path else sides.title
    return f"{INDENT * max(0, pair.depth - 1)}{sign}{name}"


def _cells(sides: Sides, pair: ValuePair, cells: int) -> tuple[list[list[Span]], list[list[Span]]]:
    """Return the lines of both values."""
    if not pair.path and (sides.remark_a or sides.remark_b):
        remarks = (sides.remark_a, pair.a), (sides.remark_b, pair.b)
        left, right = ([(one_line(note or _brief(value, cells), cells), "grey")] for note, value in remarks)
        return [left], [right]
    if pair.is_equal:
        shown = [[(f"{pair.count:,} equal items", "grey")]] if pair.count > 1 else _equal(pair, cells)
        return shown, [[(SAME, "grey")]]
    if pair.is_open is not None:
        return [[(_size(pair.a), "grey")]], [[(_size(pair.b), "grey")]]
    a, b = _shown_text(pair.a, pair.b), _shown_text(pair.b, pair.a)
    return _marked(a, b, cells), _marked(b, a, cells)


def _equal(pair: ValuePair, cells: int) -> list[list[Span]]:
    if pair.is_open:
        return [[(_size(pair.a), "grey")]]
    if isinstance(pair.a, str):
        return [[(line, "grey")] for line in wrap(_shown_text(pair.a, pair.a) or "", cells, MAX_TEXT_LINES)]
    return [[(_brief(pair.a, cells), "grey")]]


def _marked(text: str | None, other: str | None, cells: int) -> list[list[Span]]:
    """Return the lines of a text, with the part marked that differs from the other one."""
    if text is None:
        return [[(NOTHING, "grey")]]
    begin, end = (0, len(text)) if other is None else _different_part(text, other)
    lines, at = list[list[Span]](), 0
    for line in wrap(text, cells, MAX_TEXT_LINES):
        # Spaces at which a line was broken are not in any line. A line that was cut is not found.
        at = max(at, text.find(line, at))
        first, last = (max(0, min(len(line), edge - at)) for edge in (begin, end))
        parts = ((line[:first], "text"), (line[first:last], "amber strong"), (line[last:], "text"))
        lines.append([part for part in parts if part[0]])
        at += len(line)
    return lines


def _different_part(text: str, other: str) -> tuple[int, int]:
    """Return the begin and the end of the part of `text` that differs from `other`."""
    shorter = min(len(text), len(other))
    begin = next((at for at in range(shorter) if text[at] != other[at]), shorter)
    tail = next((at for at in range(shorter - begin) if text[-1 - at] != other[-1 - at]), shorter - begin)
    return begin, len(text) - tail


def _shown_text(value: Any, other: Any) -> str | None:
    """Return a value as safe text: a string without quotation marks, unless the other one is of another type."""
    if value is MISSING:
        return None
    is_plain = isinstance(value, str) and (isinstance(other, str) or other is MISSING)
    text = value if is_plain else write(value)
    return sanitize(text if len(text) <= MAX_TEXT_CHARS else f"{text[:MAX_TEXT_CHARS]}{ELLIPSIS}").expandtabs(4)


def _brief(value: Any, cells: int) -> str:
    return NOTHING if value is MISSING else json_inline(value, cells)


def _size(value: Any) -> str:
    if value is MISSING:
        return NOTHING
    return f"[{len(value):,}]" if isinstance(value, list) else f"{{{len(value):,}}}"


def _input(run: Run) -> Any:
    return MISSING if run.input_json is None else read_value(run.input_json)


def _output(run: Run) -> Any:
    return run.output if run.outcome is RunStatus.COMPLETED else MISSING


def _text(error: str | None) -> Any:
    return MISSING if error is None else error


def _result(step: Step | None) -> Any:
    return MISSING if step is None or step.visit is None else read_value(step.visit.result_json)


def _remark(step: Step | None) -> str:
    return TRUNCATED if step is not None and step.visit is not None and step.visit.is_truncated else ""
