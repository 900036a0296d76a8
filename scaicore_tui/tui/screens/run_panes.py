"""The panes of the run screen: the steps with the inspector of the selected one, or a list of values."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Vertical

from scaicore_tui.tui.messages import AxisClicked
from scaicore_tui.tui.render.line import Line
from scaicore_tui.tui.widgets.bars import TextLines
from scaicore_tui.tui.widgets.line_view import ASCII_CLASS
from scaicore_tui.tui.widgets.row_list import CURSOR_CELLS, RowList
from scaicore_tui.tui.widgets.step_list import StepList
from scaicore_tui.tui.widgets.value_list import ValueList

# From WIDE_CELLS on, steps and inspector are side by side; below NARROW_CELLS only one of them is shown.
WIDE_CELLS = 110
NARROW_CELLS = 72
LOW_SCREEN_LINES = 30


class RunPanes(Container):
    """Steps and inspector, or values. Keys go to one of them."""

    DEFAULT_CSS = """
    RunPanes { height: 1fr; layout: vertical; }
    RunPanes #steps-pane { height: 1fr; width: 1fr; }
    RunPanes StepList { height: 1fr; }
    RunPanes #steps-head, RunPanes #steps-notes { padding: 0 0 0 2; }
    RunPanes #inspector { height: 6; width: 1fr; border-top: solid $foreground 25%; }
    RunPanes #values { height: 1fr; width: 1fr; }
    RunPanes.-inspecting #inspector { height: 1fr; }
    RunPanes.-inspecting #steps-pane { height: 6; }
    RunPanes.-narrow.-inspecting #steps-pane { display: none; }
    RunPanes.-narrow #inspector { display: none; }
    RunPanes.-narrow.-inspecting #inspector { display: block; border: none; }
    RunPanes.-wide { layout: horizontal; }
    RunPanes.-wide #steps-pane { height: 1fr; }
    RunPanes.-wide #inspector { height: 1fr; width: 44%; border: none; border-left: solid $foreground 25%; }
    RunPanes.-ascii #inspector { border-top: ascii $foreground 25%; }
    RunPanes.-ascii.-wide #inspector { border: none; border-left: ascii $foreground 25%; }
    RunPanes.-values #steps-pane, RunPanes.-values #inspector { display: none; }
    RunPanes.-enlarged #inspector { display: none; }
    RunPanes.-enlarged.-inspecting #steps-pane { display: none; }
    RunPanes.-enlarged.-inspecting #inspector { display: block; width: 1fr; border: none; }
    RunPanes #values { display: none; }
    RunPanes.-values #values { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.steps = StepList()
        self.inspector = ValueList("nothing is selected", id="inspector")
        self.values = ValueList("nothing to show", id="values")
        self._steps_head = TextLines(id="steps-head")
        self._steps_notes = TextLines(id="steps-notes")

    @property
    def active(self) -> RowList:
        """The list that keys go to."""
        if self.has_class("-values"):
            return self.values
        return self.inspector if self.is_inspecting else self.steps

    @property
    def is_inspecting(self) -> bool:
        """True if keys go to the inspector."""
        return self.has_class("-inspecting")

    @property
    def is_low(self) -> bool:
        """True if the screen has few lines."""
        return self.app.size.height < LOW_SCREEN_LINES

    @property
    def steps_width(self) -> int:
        """The cells that a row of the steps has; 0 before the first layout."""
        return max(0, self.steps.size.width - CURSOR_CELLS)

    def compose(self) -> ComposeResult:
        with Vertical(id="steps-pane"):
            yield self._steps_head
            yield self.steps
            yield self._steps_notes
        yield self.inspector
        yield self.values

    def on_click(self, event: events.Click) -> None:
        """Activate the clicked pane; on the time axis, go to the time there."""
        if event.widget in (self.steps, self.inspector):
            self.inspect(inspecting=event.widget is self.inspector)
            return
        axis = self._steps_head.region
        if axis.contains(event.screen_x, event.screen_y) and event.screen_y == axis.y:
            self.post_message(AxisClicked(event.screen_x - axis.x - CURSOR_CELLS))

    def relayout(self) -> None:
        """Arrange the panes for the width of the screen."""
        width = self.app.size.width
        self.set_class(width >= WIDE_CELLS, "-wide")
        self.set_class(width < NARROW_CELLS, "-narrow")
        self.set_class(self.app.has_class(ASCII_CLASS), ASCII_CLASS)

    def show_kind(self, *, values: bool) -> None:
        """Show the list of values, or the steps with their inspector."""
        self.set_class(values, "-values")
        self._mark_active()

    def inspect(self, *, inspecting: bool) -> None:
        """Give the keys to the inspector, or to the steps."""
        self.set_class(inspecting, "-inspecting")
        self._mark_active()

    @property
    def is_enlarged(self) -> bool:
        """True if one of the panes takes all of the screen."""
        return self.has_class("-enlarged")

    def enlarge(self, *, is_enlarged: bool) -> None:
        """Show only the pane that keys go to, or both."""
        self.set_class(is_enlarged, "-enlarged")

    def show_around(self, head: Sequence[Line], notes: Sequence[Line]) -> None:
        """Show the lines above and below the steps."""
        self._steps_head.show(head)
        self._steps_notes.show(notes)

    def set_dimmed(self, *, dimmed: bool) -> None:
        """Dim stale data."""
        for rows in (self.steps, self.inspector, self.values):
            rows.set_dimmed(dimmed=dimmed)

    def _mark_active(self) -> None:
        for rows in (self.steps, self.inspector, self.values):
            rows.set_active(active=rows is self.active)
