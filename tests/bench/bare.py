"""The least that a Textual app with a table is: what the app is measured against."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import DataTable

ROWS = 50


class BareApp(App[None]):
    """A table, and nothing else."""

    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        """Fill it."""
        table = self.query_one(DataTable)
        table.add_columns("run", "core", "took")
        for number in range(ROWS):
            table.add_row(f"exec_{number:012}", "core_support-triage", "12.5s")


if __name__ == "__main__":
    BareApp().run()
