"""The panes of a comparison: the rows of both runs, and below them the values of the selected row side by side."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.containers import Container

from scaicore_tui.analysis.diff import RunDiff
from scaicore_tui.analysis.diff_rows import DiffRow, Side, first_row, next_difference
from scaicore_tui.tui.render.diff_lines import NO_STEP, DiffLines
from scaicore_tui.tui.render.line import Line, Span, column
from scaicore_tui.tui.render.side_by_side import sides_of
from scaicore_tui.tui.widgets.bars import TextLines
from scaicore_tui.tui.widgets.line_view import ASCII_CLASS
from scaicore_tui.tui.widgets.row_list import CURSOR_CELLS, RowList
from scaicore_tui.tui.widgets.side_list import SideList
from scaicore_tui.tui.widgets.step_list import StepList

# From so many lines on, the values are shown below the rows; on a lower screen they are shown in place of them.
TALL_LINES = 30


class ComparePanes(Container):
    """Rows and values. Keys go to one of them."""

    DEFAULT_CSS = """
    ComparePanes { height: 1fr; layout: vertical; display: none; }
    ComparePanes.-shown { display: block; }
    ComparePanes #compare-head { padding: 0 1; }
    ComparePanes #compare-columns { padding: 0 0 0 2; }
    ComparePanes #compare-rows { height: 1fr; }
    ComparePanes #compare-values { height: 1fr; display: none; }
    ComparePanes.-compared.-tall #compare-rows { height: auto; max-height: 60%; }
    ComparePanes.-compared.-tall #compare-values { display: block; }
    ComparePanes.-inspecting #compare-values { display: block; }
    ComparePanes.-inspecting #compare-rows { display: none; }
    ComparePanes.-inspecting.-tall #compare-rows { display: block; }
    ComparePanes.-inspecting.-tall.-long #compare-rows { max-height: 30%; }
    ComparePanes #compare-title { background: $panel; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows = StepList(id="compare-rows")
        self.values = SideList(id="compare-values")
        self._head = TextLines(id="compare-head")
        self._columns = TextLines(id="compare-columns")
        self._title = TextLines(id="compare-title")
        self._columns_line: Sequence[Line] = ()
        self._diff: RunDiff | None = None
        self._diff_rows: Sequence[DiffRow] = ()
        # The row whose values are shown, of this comparison.
        self._inspected = ""

    @property
    def active(self) -> RowList:
        """The list that keys go to."""
        return self.values if self.is_inspecting else self.rows

    @property
    def is_inspecting(self) -> bool:
        """True if keys go to the values."""
        return self.has_class("-inspecting")

    @property
    def is_tall(self) -> bool:
        """True if values are shown below the rows."""
        return self.has_class("-tall")

    @property
    def selected(self) -> DiffRow | None:
        """The row under the cursor."""
        cursor = self.rows.cursor
        return self._diff_rows[cursor] if cursor < len(self._diff_rows) else None

    def compose(self) -> ComposeResult:
        yield self._head
        yield self._columns
        yield self.rows
        yield self._title
        yield self.values

    def on_click(self, event: events.Click) -> None:
        """Activate the clicked pane."""
        if event.widget in (self.rows, self.values):
            self.inspect(inspecting=event.widget is self.values)

    def relayout(self) -> None:
        """Arrange the panes for the size of the screen."""
        self.set_class(self.app.size.height >= TALL_LINES, "-tall")
        self.set_class(self.app.has_class(ASCII_CLASS), ASCII_CLASS)
        self._show_columns()

    def set_shown(self, *, shown: bool) -> None:
        """Show these panes in place of the others, or hide them."""
        self.set_class(shown, "-shown")

    def inspect(self, *, inspecting: bool) -> None:
        """Give the keys to the values, or to the rows."""
        self.set_class(inspecting, "-inspecting")
        # Long values get more room while they are read.
        self.set_class(inspecting and self.values.row_count > self.values.size.height, "-long")
        for rows in (self.rows, self.values):
            rows.set_active(active=rows is self.active)
        self._show_columns()
        if inspecting:
            self.show_values()

    def show_nothing(self, head: Sequence[Line], text: str) -> None:
        """Show a text in place of the rows."""
        self._diff, self._diff_rows, self._inspected = None, (), ""
        self.remove_class("-compared", "-inspecting")
        self._head.show(head)
        self._columns_line = []
        self._show_columns()
        self.rows.show(None, text)
        self._title.show([])
        self.values.show([], is_other=True)

    def show(self, diff: RunDiff, rows: Sequence[DiffRow], head: Sequence[Line], *, is_other: bool) -> None:
        """Show a comparison with its rows.

        If it `is_other`, the first difference is selected; else the cursor stays on its step.
        """
        selected = None if is_other or self.selected is None else self.selected.id
        self._diff, self._diff_rows = diff, rows
        self.add_class("-compared")
        lines = DiffLines(self._diff_rows, max(1, self.app.size.width - CURSOR_CELLS))
        self._head.show(head)
        self._columns_line = lines.head
        self._show_columns()
        self.rows.show(lines)
        numbers = (number for number, row in enumerate(rows if selected is not None else ()) if row.id == selected)
        found = next(numbers, None)
        self.rows.set_cursor(first_row(diff, rows) if found is None else found, by_user=False)
        self._inspected = "" if is_other else self._inspected
        self.show_values()

    def show_values(self) -> None:
        """Show the values of the selected row, if there is room for them."""
        row, diff = self.selected, self._diff
        if row is None or diff is None or not (self.is_tall or self.is_inspecting):
            self._title.show([])
            self._inspected = ""
            return
        is_other, self._inspected = row.id != self._inspected, row.id
        self.values.show(sides_of(diff, row), is_other=is_other)
        self._title.show([self._title_line(row)])

    def go_to_difference(self, by: int) -> bool:
        """Go to the next row that differs, or with -1 to the one before; return False if there is none."""
        row = next_difference(self._diff_rows, self.rows.cursor, by)
        if row is not None:
            self.rows.set_cursor(row)
        return row is not None

    def set_dimmed(self, *, dimmed: bool) -> None:
        """Dim stale data."""
        for rows in (self.rows, self.values):
            rows.set_dimmed(dimmed=dimmed)

    def _show_columns(self) -> None:
        """Show the headings of the columns, unless the rows are hidden by the values."""
        self._columns.show([] if self.is_inspecting and not self.is_tall else self._columns_line)

    def _title_line(self, row: DiffRow) -> Line:
        """Return the name of the selected row, and how it went in both runs, above their values."""
        before, cells = self.values.columns
        return [
            column(f" {row.name}", before - 1, "text strong"),
            (" ", "text"),
            *_side_spans("A", row.a, cells, no_step=NO_STEP if row.pair is not None else ""),
            *_side_spans("B", row.b, cells, no_step=NO_STEP if row.pair is not None else ""),
        ]


def _side_spans(name: str, side: Side, cells: int, *, no_step: str) -> list[Span]:
    """Return the letter of a run, and how a step went in it."""
    style, text = side.style, no_step
    if style is not None:
        text = f"{style.glyph} {style.word} {side.took} {side.code}".rstrip()
    colour = "grey" if style is None else style.colour
    return [(f"{name} ", "accent strong"), column(text, max(0, cells - 3), colour), (" ", "text")]
