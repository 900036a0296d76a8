"""The reference app: a Textual app with one table; with `--clock` also a clock that shows each second."""

from __future__ import annotations

import sys
from itertools import count

from textual.app import App, ComposeResult
from textual.widgets import DataTable, Static

ROW_COUNT = 50


class BareApp(App[None]):
    """An app with only a table, and a clock if it `has_clock`."""

    def __init__(self, *, has_clock: bool = False) -> None:
        super().__init__()
        self._has_clock = has_clock

    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")
        if self._has_clock:
            yield Static("0s")

    def on_mount(self) -> None:
        """Fill the table, and start the clock."""
        table = self.query_one(DataTable)
        table.add_columns("run", "core", "took")
        for number in range(ROW_COUNT):
            table.add_row(f"exec_{number:012}", "core_support-triage", "12.5s")
        if self._has_clock:
            clock, seconds = self.query_one(Static), count(1)
            self.set_interval(1, lambda: clock.update(f"{next(seconds)}s"))


if __name__ == "__main__":
    BareApp(has_clock="--clock" in sys.argv).run()
