"""The welcome screen, shown when no profile is configured or chosen: what to set up, and the demo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from scaicore_tui.config import config_file
from scaicore_tui.text import one_line, wrap
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import actions_in, bindings, key_name
from scaicore_tui.tui.messages import InvokeKeyAction, OpenProfiles
from scaicore_tui.tui.render.line import Line, column
from scaicore_tui.tui.widgets.bars import Footer, Heading
from scaicore_tui.tui.widgets.line_view import TextPager

_SETTINGS = (
    ("SCAICORE_TUI_URL", "where the API is, such as https://scaiflow.example.com"),
    ("SCAICORE_TUI_TOKEN", "a ScaiKey token, or an API key of ScaiGrid"),
)


class WelcomeScreen(Screen[None]):
    """Explains how to configure or choose a profile. `profiles` are the names of the configured ones."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings({KeyContext.WELCOME})]
    DEFAULT_CSS = """
    WelcomeScreen TextPager { padding: 1 2; height: 1fr; }
    """

    def __init__(self, profiles: Sequence[str]) -> None:
        super().__init__()
        self._profiles = profiles
        self._message = ""
        self._pager = TextPager(self._lines)

    @property
    def key_context(self) -> KeyContext:
        """The screen's own key context."""
        return KeyContext.WELCOME

    def compose(self) -> ComposeResult:
        yield Heading()
        yield self._pager
        yield Footer()

    def show_message(self, text: str, colour: str = "amber") -> None:
        """Show `text` below the instructions."""
        self._message = text
        self._pager.rebuild()

    def on_mount(self) -> None:
        """Fill heading and footer."""
        self.query_one(Heading).show([("scaicore-tui", "accent strong"), ("  not connected", "grey")])
        self.query_one(Footer).show(actions_in(KeyContext.WELCOME))

    async def on_invoke_key_action(self, request: InvokeKeyAction) -> None:
        """Run the action whose footer key was clicked."""
        await self.run_action(request.action_id)

    async def action_demo(self) -> None:
        await self.app.run_action("demo")

    def action_profile(self) -> None:
        self.post_message(OpenProfiles())

    def action_quit(self) -> None:
        self.app.exit(0)

    def _lines(self, width: int) -> list[Line]:
        lines = _choose_profile_lines(self._profiles, width) if self._profiles else _first_setup_lines(width)
        message = [[], *_paragraph_lines(self._message, width, "amber")] if self._message else []
        return [*lines, *_demo_lines(width), *message]


def _choose_profile_lines(profiles: Sequence[str], width: int) -> list[Line]:
    """Return the instructions for choosing a profile: none was requested and none is the default."""
    lines: list[Line] = [[("No default profile is set.", "text strong")], []]
    key, names = key_name("profile", KeyContext.WELCOME), ", ".join(map(one_line, profiles))
    lines += _paragraph_lines(f"Press {key} to choose one of {names}; or set a default in", width, "text")
    return [*lines, *_config_path_lines(width), [], [(f'  default = "{one_line(profiles[0])}"', "grey")], []]


def _first_setup_lines(width: int) -> list[Line]:
    lines: list[Line] = [[("No API is configured yet.", "text strong")], [], [("Set", "text")]]
    for name, meaning in _SETTINGS:
        lines.append([column("", 2), column(name, 20, "accent strong"), (meaning, "grey")])
    lines += [[], *_paragraph_lines("or create a profile, with scaicore-tui config init, in", width, "text")]
    lines += [
        *_config_path_lines(width),
        [],
        [("  [profiles.default]", "grey")],
        [('  url = "https://scaiflow.example.com"', "grey")],
    ]
    return [*lines, []]


def _config_path_lines(width: int) -> list[Line]:
    return [[("  ", "text"), (line, "accent strong")] for line in wrap(str(config_file()), width - 2)]


def _demo_lines(width: int) -> list[Line]:
    key = key_name("demo", KeyContext.WELCOME)
    return _paragraph_lines(
        f"Or press {key}: the demo starts a ScaiGrid on this machine and runs flows on it. It needs no account, "
        "and nothing leaves this machine.",
        width,
        "text",
    )


def _paragraph_lines(text: str, width: int, colour: str) -> list[Line]:
    return [[(line, colour)] for line in wrap(text, width)]
