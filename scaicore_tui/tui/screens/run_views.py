"""Base of the run screen: its views, and the panes that show them."""

from __future__ import annotations

from scaicore_tui.runs.model import NodeKey
from scaicore_tui.tui.run_steps_model import RunView
from scaicore_tui.tui.screens.run_compare import ComparingScreen
from scaicore_tui.tui.state import AppState


class ViewsScreen(ComparingScreen):
    """A screen of one run that shows it in one of several views. `view` is the first one."""

    def __init__(self, state: AppState, execution_id: str, node: NodeKey | None, view: RunView) -> None:
        super().__init__(state, execution_id, node)
        self._view = view
        # The view that escape returns to from the comparison.
        self._view_before: RunView | None = None

    def action_view(self) -> None:
        self._set_view(self._view.next)

    def action_view_timeline(self) -> None:
        self._set_view(RunView.TIMELINE)

    def action_view_order(self) -> None:
        self._set_view(RunView.ORDER)

    def action_view_flow(self) -> None:
        self._set_view(RunView.FLOW)

    def action_view_events(self) -> None:
        self._set_view(RunView.EVENTS)

    def action_view_input(self) -> None:
        self._set_view(RunView.INPUT)

    def action_view_output(self) -> None:
        self._set_view(RunView.OUTPUT)

    def action_view_compare(self) -> None:
        self._set_view(RunView.COMPARE)

    def action_compare(self) -> None:
        """Compare the run with another one; escape returns to the view before."""
        if self.is_comparing:
            key = self.key_of("older_run")
            self.show_message(f"{self.key_of('compare')}: the comparison is shown; {key} takes another run")
        else:
            before = self._view
            self._set_view(RunView.COMPARE)
            self._view_before = before

    def action_next_pane(self) -> None:
        if self.is_comparing:
            self._inspect_values(inspecting=not self._compare_panes.is_inspecting)
        elif self._view.shows_steps:
            self.focus_inspector(inspecting=not self._panes.is_inspecting)
        else:
            self.show_message(f"{self.key_of('next_pane')}: only steps have an inspector: 1, 2 or 3", "amber")

    def _relayout(self) -> None:
        self._panes.relayout()
        self._compare_panes.relayout()

    def _show_panes(self) -> None:
        """Show the panes of the view in place of those of the others."""
        self._panes.display = not self.is_comparing
        self._compare_panes.set_shown(shown=self.is_comparing)
        self._panes.show_kind(values=not self._view.shows_steps)
        self._compare_panes.inspect(inspecting=False)
