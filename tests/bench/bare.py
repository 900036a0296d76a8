"""The reference app: a Textual app with one table."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import DataTable

ROW_COUNT = 50


class BareApp(App[None]):
    """An app with only a table."""

    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        """Fill the table."""
        table = self.query_one(DataTable)
        table.add_columns("run", "core", "took")
        for number in range(ROW_COUNT):
            table.add_row(f"exec_{number:012}", "core_support-triage", "12.5s")


if __name__ == "__main__":
    BareApp().run()
