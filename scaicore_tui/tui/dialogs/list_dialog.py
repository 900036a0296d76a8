"""Base of dialogs in which one row of a list is chosen: the keys that move the cursor."""

from __future__ import annotations

from abc import abstractmethod

from scaicore_tui.tui.dialogs.status_dialog import StatusDialog
from scaicore_tui.tui.messages import InvokeKeyAction
from scaicore_tui.tui.widgets.row_list import RowList


class ListDialog(StatusDialog):
    """A dialog with a list, whose cursor the movement keys move."""

    @property
    @abstractmethod
    def rows(self) -> RowList:
        """The list."""

    async def on_invoke_key_action(self, request: InvokeKeyAction) -> None:
        """Run the action whose footer key was clicked, or that of the clicked row."""
        await self.run_action(request.action_id)

    def action_back(self) -> None:
        self.dismiss()

    def action_cursor_down(self) -> None:
        self.rows.move(1)

    def action_cursor_up(self) -> None:
        self.rows.move(-1)

    def action_page_down(self) -> None:
        self.rows.page(1)

    def action_page_up(self) -> None:
        self.rows.page(-1)

    def action_first(self) -> None:
        self.rows.jump(to_end=False)

    def action_last(self) -> None:
        self.rows.jump(to_end=True)
