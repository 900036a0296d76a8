"""The first screen where nothing is configured: what to set, and the demo."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from scaicore_tui.config import config_file
from scaicore_tui.text import wrap
from scaicore_tui.tui.actions import Place, actions_at, bindings
from scaicore_tui.tui.messages import RunAction
from scaicore_tui.tui.paint import Pieces, piece
from scaicore_tui.tui.widgets.footer import Footer
from scaicore_tui.tui.widgets.heading import Heading
from scaicore_tui.tui.widgets.reading import Reading

_SETTINGS = (
    ("SCAICORE_TUI_URL", "where the API is, such as https://scaiflow.example.com"),
    ("SCAICORE_TUI_TOKEN", "a ScaiKey token, or an API key of ScaiGrid"),
)


class WelcomeScreen(Screen[None]):
    """Nothing is configured yet."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings({Place.WELCOME})]
    DEFAULT_CSS = """
    WelcomeScreen Reading { padding: 1 2; height: 1fr; }
    """

    @property
    def place(self) -> Place:
        """Where the focus is."""
        return Place.WELCOME

    def compose(self) -> ComposeResult:
        yield Heading()
        yield Reading(_lines)
        yield Footer()

    def on_mount(self) -> None:
        """Say what can be done here."""
        self.query_one(Heading).show([("scaicore-tui", "accent strong"), ("  not connected", "grey")])
        self.query_one(Footer).show(actions_at(Place.WELCOME))

    async def on_run_action(self, request: RunAction) -> None:
        """A key of the footer was clicked."""
        await self.run_action(request.action_id)

    async def action_demo(self) -> None:
        await self.app.run_action("demo")

    def action_quit(self) -> None:
        self.app.exit(0)


def _lines(width: int) -> list[Pieces]:
    lines: list[Pieces] = [[("There is no ScaiCore to look at yet.", "text strong")], [], [("Set", "text")]]
    for name, meaning in _SETTINGS:
        lines.append([piece("", 2), piece(name, 20, "accent strong"), (meaning, "grey")])
    lines += [[], *_paragraph("or write a profile to", width, "text")]
    lines += [[("  ", "text"), (line, "accent strong")] for line in wrap(str(config_file()), width - 2)]
    lines += [[], [("  [profiles.default]", "grey")], [('  url = "https://scaiflow.example.com"', "grey")], []]
    return lines + _paragraph(
        "Or press d: the demo starts a ScaiGrid on this machine and runs flows on it. It needs no account, "
        "and nothing leaves this machine.",
        width,
        "text",
    )


def _paragraph(words: str, width: int, colour: str) -> list[Pieces]:
    return [[(line, colour)] for line in wrap(words, width)]
