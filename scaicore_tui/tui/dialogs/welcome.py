"""The first screen where nothing is configured: what to set, and the demo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from scaicore_tui.config import config_file
from scaicore_tui.text import one_line, wrap
from scaicore_tui.tui.keymap import KeyContext, actions_in, bindings
from scaicore_tui.tui.messages import InvokeKeyAction, OpenProfiles
from scaicore_tui.tui.render.line import Line, column
from scaicore_tui.tui.widgets.bars import Footer, Heading
from scaicore_tui.tui.widgets.line_view import TextPager

_SETTINGS = (
    ("SCAICORE_TUI_URL", "where the API is, such as https://scaiflow.example.com"),
    ("SCAICORE_TUI_TOKEN", "a ScaiKey token, or an API key of ScaiGrid"),
)


class WelcomeScreen(Screen[None]):
    """Nothing is configured yet."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings({KeyContext.WELCOME})]
    DEFAULT_CSS = """
    WelcomeScreen TextPager { padding: 1 2; height: 1fr; }
    """

    def __init__(self, profiles: Sequence[str]) -> None:
        super().__init__()
        self._profiles = profiles
        self._words = ""
        self._reading = TextPager(self._lines)

    @property
    def place(self) -> KeyContext:
        """Where the focus is."""
        return KeyContext.WELCOME

    def compose(self) -> ComposeResult:
        yield Heading()
        yield self._reading
        yield Footer()

    def say(self, words: str) -> None:
        """Say it below what can be done here."""
        self._words = words
        self._reading.rebuild()

    def on_mount(self) -> None:
        """Say what can be done here."""
        self.query_one(Heading).show([("scaicore-tui", "accent strong"), ("  not connected", "grey")])
        self.query_one(Footer).show(actions_in(KeyContext.WELCOME))

    async def on_invoke_key_action(self, request: InvokeKeyAction) -> None:
        """A key of the footer was clicked."""
        await self.run_action(request.action_id)

    async def action_demo(self) -> None:
        await self.app.run_action("demo")

    def action_profile(self) -> None:
        self.post_message(OpenProfiles())

    def action_quit(self) -> None:
        self.app.exit(0)

    def _lines(self, width: int) -> list[Line]:
        lines = _choosing(self._profiles, width) if self._profiles else _setting(width)
        said = [[], *_paragraph(self._words, width, "amber")] if self._words else []
        return [*lines, *_demo(width), *said]


def _choosing(profiles: Sequence[str], width: int) -> list[Line]:
    """No profile was asked for, and none is the default."""
    lines: list[Line] = [[("None of your profiles is the default.", "text strong")], []]
    lines += _paragraph(
        f"Press P to choose one of {', '.join(map(one_line, profiles))}; or write its name to", width, "text"
    )
    return [*lines, *_file(width), [], [(f'  default = "{one_line(profiles[0])}"', "grey")], []]


def _setting(width: int) -> list[Line]:
    lines: list[Line] = [[("There is no ScaiCore to look at yet.", "text strong")], [], [("Set", "text")]]
    for name, meaning in _SETTINGS:
        lines.append([column("", 2), column(name, 20, "accent strong"), (meaning, "grey")])
    lines += [[], *_paragraph("or write a profile, as scaicore-tui config init does, to", width, "text")]
    lines += [
        *_file(width),
        [],
        [("  [profiles.default]", "grey")],
        [('  url = "https://scaiflow.example.com"', "grey")],
    ]
    return [*lines, []]


def _file(width: int) -> list[Line]:
    return [[("  ", "text"), (line, "accent strong")] for line in wrap(str(config_file()), width - 2)]


def _demo(width: int) -> list[Line]:
    return _paragraph(
        "Or press d: the demo starts a ScaiGrid on this machine and runs flows on it. It needs no account, "
        "and nothing leaves this machine.",
        width,
        "text",
    )


def _paragraph(words: str, width: int, colour: str) -> list[Line]:
    return [[(line, colour)] for line in wrap(words, width)]
