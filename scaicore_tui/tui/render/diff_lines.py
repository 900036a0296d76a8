"""The comparison of two runs as lines: the other run, the first difference, a row for each pair of steps. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from scaicore_tui.analysis.diff import RunDiff
from scaicore_tui.analysis.diff_rows import DiffRow, Side
from scaicore_tui.analysis.diff_text import change_text, count_text, first_difference_text, input_text, signed
from scaicore_tui.analysis.steps import Step
from scaicore_tui.runs.status_style import RUN_STYLES
from scaicore_tui.text import cell_width, display_name, one_line, truncate
from scaicore_tui.timefmt import format_duration
from scaicore_tui.tui.render.line import BAR, Line, Span, column, justify, line_width, right_align, wrap_spans
from scaicore_tui.tui.render.runs import short_id
from scaicore_tui.tui.render.step_lists import StepLines, repeat_text

MARK_CELLS, LONGER_CELLS, GLYPH_CELLS, TOOK_CELLS = 2, 8, 2, 7
MIN_NAME_CELLS, MIN_SIDE_CELLS, MAX_SIDE_CELLS = 10, GLYPH_CELLS + TOOK_CELLS, 26
# In a narrower list the codes of errors, and how much longer steps took, are left out.
NARROW_CELLS = 70
# What is left for the differences, at least.
MIN_DIFFERENCE_CELLS = 14
MAX_HEAD_LINES = 2
# The widths of the columns are those of so many rows: to measure all rows of a long run takes too long.
MAX_MEASURED_ROWS = 500
INDENT = "  "
NO_STEP, MINUS = "–", "−"


def head_lines(diff: RunDiff, reason: str, choice: str, width: int) -> list[Line]:
    """Return the other run with the reason why it is the one, and the first difference.

    `choice` says which of the runs it is that could be compared, and how to choose another.
    """
    other = diff.b
    style = RUN_STYLES[other.status]
    took = f" {format_duration(other.duration_ms)}" if other.duration_ms is not None else ""
    full, short = (
        [
            ("B  ", "accent strong"),
            (f"{short_id(other.execution_id)}  ", "grey"),
            (f"{style.glyph} {word}{took}".replace("  ", " "), style.colour),
            (f"  {reason}" if reason else "", "text"),
        ]
        for word in (style.word, "")
    )
    left = full if line_width(full) <= width else short
    found: list[Span] = [(f"{first_difference_text(diff)}  ", "text strong"), (f" {input_text(diff)}", "text")]
    return [justify(left, [(choice, "grey")], width), *wrap_spans(found, width, MAX_HEAD_LINES)]


class DiffLines(StepLines):
    """The rows of a comparison in `width` cells."""

    def __init__(self, rows: Sequence[DiffRow], width: int) -> None:
        self._rows = rows
        self._width = width
        self._is_narrow = width < NARROW_CELLS
        names = max((cell_width(f"{_indented(row)}{_number(row)}") for row in rows[:MAX_MEASURED_ROWS]), default=0)
        self._name_cells = max(MIN_NAME_CELLS, min(names, width // 4))
        self._side_cells = max(MIN_SIDE_CELLS, min(self._widest_side(), self._room_of_side()))
        marks, name = " " * MARK_CELLS, column("NODE", self._name_cells, "grey")
        sides = [column(f" {title}", self._side_cells + 1, "grey") for title in "AB"]
        longer: list[Span] = [] if self._is_narrow else [right_align(f"A {MINUS} B", LONGER_CELLS, "grey")]
        self.head = [[(marks, "grey"), name, *sides, *longer, ("  DIFFERENCE", "grey")]]

    def __len__(self) -> int:
        return len(self._rows)

    def row_id(self, row: int) -> str:
        return self._rows[row].id

    def step(self, row: int) -> Step | None:
        pair = self._rows[row].pair
        return None if pair is None else pair.step

    def line(self, row: int) -> Line:
        shown = self._rows[row]
        longer = "" if shown.longer_ms is None else signed(shown.longer_ms, MINUS)
        colour = "grey" if shown.is_alike else "amber strong"
        spans: list[Span] = [
            (f"{shown.mark} ", colour),
            self._name(shown),
            *self._side(shown.a, shown),
            *self._side(shown.b, shown),
        ]
        if not self._is_narrow:
            spans.append(right_align(longer, LONGER_CELLS, "grey"))
        return [*spans, ("  ", "text"), *self._difference(shown, self._width - line_width(spans) - 2)]

    def _name(self, row: DiffRow) -> Span:
        """Return the name; a long one is cut before the number of its iteration and attempt."""
        number = _number(row)
        left = max(1, self._name_cells - cell_width(number))
        return column(
            f"{truncate(_indented(row), left)}{number}", self._name_cells, "text" if row.pair is not None else "accent"
        )

    def _side(self, side: Side, row: DiffRow) -> list[Span]:
        if side.style is None:
            return [column(f" {NO_STEP}" if row.pair is not None else "", self._side_cells + 1, "grey")]
        code = "" if self._is_narrow else side.code
        left = self._side_cells - GLYPH_CELLS
        return [(f" {side.style.glyph} ", side.style.colour), column(f"{side.took} {code}".strip(), left)]

    def _difference(self, row: DiffRow, width: int) -> list[Span]:
        """Return what differs in words, and then text of the flow: an error, or the first of the values that differ."""
        counted = count_text(len(row.changes)) if len(row.changes) > 1 else ""
        error = _error(row)
        # That one failed and the other did not is said by the signs of both.
        words = "" if error and row.pair is not None and row.pair.has_other_state else row.difference
        words = f"{words}{'  ' if words and row.changes else ''}{counted}"
        left = width - cell_width(words) - cell_width(BAR[0])
        quoted = error or (change_text(row.changes[0], max(1, left)) if row.changes else "")
        spans: list[Span] = [(words, "text" if not row.is_alike else "grey")]
        if quoted and left > 0:
            spans += [(" ", "text"), BAR, (one_line(quoted, left - 1), "text")]
        return spans

    def _widest_side(self) -> int:
        sides = (side for row in self._rows[:MAX_MEASURED_ROWS] for side in (row.a, row.b) if side.style is not None)
        codes = 0 if self._is_narrow else 1
        return max((GLYPH_CELLS + cell_width(f"{side.took} {side.code * codes}".strip()) for side in sides), default=0)

    def _room_of_side(self) -> int:
        """Return the cells that a run may have, so that enough is left for what differs."""
        used = MARK_CELLS + self._name_cells + (0 if self._is_narrow else LONGER_CELLS) + 2 + MIN_DIFFERENCE_CELLS
        return min(MAX_SIDE_CELLS, (self._width - used) // 2 - 1)


def _indented(row: DiffRow) -> str:
    return f"{INDENT * row.depth}{display_name(row.pair.step.name) if row.pair is not None else row.name}"


def _number(row: DiffRow) -> str:
    """Return iteration and attempt as short as they can be."""
    number = "" if row.pair is None else repeat_text(row.pair.step)
    return f" {number}" if number else ""


def _error(row: DiffRow) -> str:
    """Return the error of a step that failed in one run only, or in both with different errors; empty without one."""
    pair = row.pair
    if pair is None or not (pair.has_other_state or pair.is_other_error):
        return ""
    return next((step.error for step in pair.steps if step.error), "")
