"""A Textual app that shows text from a file in an ordinary widget, without any protection.

`python -m tests.support.hostile.plain_app KIND FILE`. Once everything is drawn, a second file contains the first cell
with an action, if there is one. A triggered action ends the app with ACTION_EXIT_CODE.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import DataTable, RichLog, Static

KINDS = ("Static", "DataTable", "RichLog", "notify")
ACTION_EXIT_CODE = 3


class PlainApp(App[None]):
    """Shows a text until q is pressed."""

    BINDINGS = [("q", "end", "end")]  # noqa: RUF012

    def __init__(self, kind: str, path: Path) -> None:
        super().__init__()
        self._kind = kind
        self._text = json.loads(path.read_text("ascii"))
        self._live = path.with_suffix(".live")

    def compose(self) -> ComposeResult:
        """Yield the widget."""
        widgets: dict[str, type[Widget]] = {"DataTable": DataTable, "RichLog": RichLog}
        yield Static(self._text) if self._kind == "Static" else widgets.get(self._kind, Static)()

    def on_mount(self) -> None:
        """Fill the widget."""
        if self._kind == "DataTable":
            table = self.query_one(DataTable)
            table.add_column(self._text)
            table.add_row(self._text, label=self._text)
        elif self._kind == "RichLog":
            self.query_one(RichLog).write(self._text)
        elif self._kind == "notify":
            self.notify(self._text, title=self._text, timeout=600)
        self.call_after_refresh(self._on_drawn)

    def _on_drawn(self) -> None:
        if self._kind == "notify" and not self.screen.query("Toast"):
            self.call_after_refresh(self._on_drawn)
            return
        self.call_after_refresh(self._write_cell)

    def _write_cell(self) -> None:
        cells = ((x, y) for y in range(self.size.height) for x in range(self.size.width))
        live = next((cell for cell in cells if "@click" in self.screen.get_style_at(*cell).meta), ())
        new_file = self._live.with_suffix(".new")
        new_file.write_text(json.dumps(live))
        new_file.rename(self._live)

    def action_end(self) -> None:
        """End without an error."""
        self.exit()

    def action_resolve(self, option: str) -> None:
        """End with ACTION_EXIT_CODE: only markup in the text can trigger this action."""
        self.exit(return_code=ACTION_EXIT_CODE, message=option)

    async def action_quit(self) -> None:
        """End with ACTION_EXIT_CODE, for the same reason."""
        self.exit(return_code=ACTION_EXIT_CODE)


if __name__ == "__main__":
    app = PlainApp(sys.argv[1], Path(sys.argv[2]))
    app.run()
    sys.exit(app.return_code)
