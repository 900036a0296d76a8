"""The status bar and the line below it that tells what is wrong. One line repaints once a second, if its text does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import events

from scaicore_tui.session import ConnectionState
from scaicore_tui.text import cell_width
from scaicore_tui.tui.keymap import KeyAction
from scaicore_tui.tui.messages import InvokeKeyAction
from scaicore_tui.tui.notices import Notice
from scaicore_tui.tui.render import status as words
from scaicore_tui.tui.render.line import Line, Span, hanging_indent, justify, line_width, wrap_spans
from scaicore_tui.tui.render.status import StatusModel, problem_text
from scaicore_tui.tui.widgets.line_view import StaticLines


class Heading(StaticLines):
    """The heading of one pane."""

    DEFAULT_CSS = """
    Heading { background: $panel; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self._left: Sequence[Span] = ()
        self._end: Sequence[Span] = ()
        self._active = False

    def show(self, left: Sequence[Span], end: Sequence[Span] = (), *, active: bool = False) -> None:
        """The heading says `left`, and `end` at the right edge if there is room."""
        self._left, self._end, self._active = left, end, active
        self.repaint()

    def draw(self, line: int) -> Line:
        mark = ("▍", "accent strong") if self._active else (" ", "text")
        return justify([mark, *self._left], [*self._end, (" ", "text")], self.size.width)


MAX_NOTICE_LINES = 4


class NoticeBar(StaticLines):
    """One notice, and how many more stand. Takes more than a line only where the words need it."""

    _lines: list[str] = []  # noqa: RUF012  (replaced, never changed)
    _colour = "text"
    _end: Span = ("", "text")

    def show(self, notice: Notice | None, count: int) -> None:
        """Show `notice`, the newest of `count`."""
        room = self.app.size.width - 18
        self._lines = hanging_indent(notice.text, room, MAX_NOTICE_LINES) if notice is not None else []
        self._colour = notice.colour if notice is not None else "text"
        more = f"1 of {count} · " if count > 1 else ""
        self._end = (f"{more}esc ok ", "grey") if notice is not None and notice.sticky else ("", "text")
        height = max(1, len(self._lines))
        if self.size.height != height:
            self.styles.height = height
        self.repaint()

    def draw(self, line: int) -> Line:
        if line >= len(self._lines):
            return ()
        said: list[Span] = [(" ", "text"), (self._lines[line], self._colour)]
        return justify(said, [self._end], self.size.width) if line == 0 else said


MAX_HINT_LINES = 3


class ActionHint(StaticLines):
    """Takes more than a line only where the words need it."""

    DEFAULT_CSS = """
    ActionHint { height: 2; padding: 1 1 0 1; }
    """

    _said: tuple[Span, ...] = ()
    _lines: Sequence[Line] = ()

    def show(self, *said: Span) -> None:
        """Say this."""
        self._said = said
        self._wrap()

    def on_resize(self) -> None:
        """Wrap for the new width."""
        self._wrap()

    def draw(self, line: int) -> Line:
        return self._lines[line] if line < len(self._lines) else ()

    def _wrap(self) -> None:
        self._lines = wrap_spans(self._said, self.size.width, MAX_HINT_LINES) if self.size.width else [self._said]
        self.styles.height = max(1, len(self._lines)) + 1
        self.repaint()


GAP: Span = ("   ", "text")
# From here on everything fits on one line.
ONE_LINE_WIDTH = 112
MAX_TROUBLE_LINES = 3


class StatusBar(StaticLines):
    """State of the link, counts, feed: on one line, or on two where the screen is narrow."""

    DEFAULT_CSS = """
    StatusBar { background: $panel; height: 2; }
    """

    status: StatusModel | None = None

    def show(self, standing: StatusModel) -> None:
        """Tell how things stand."""
        self.status = standing
        self.repaint()

    def draw(self, line: int) -> Line:
        if self.status is None:
            return ()
        standing, width = self.status, self.size.width - 1
        # What changes every second stands first: a line is written from its left edge to its last change.
        counts, name = words.count_spans(standing), self._named(20 if self.size.height == 1 else 12)
        room = self.size.width - 1 - line_width(name) - line_width(_short(counts))
        link: list[Span] = [(" ", "text"), *words.connection_spans(standing, room)]
        if self.size.height == 1:
            left = [*link, *name, GAP, *counts]
            end = [*words.filter_spans(standing), (" · ", "grey"), *words.feed_spans(standing)]
            if line_width(left) + line_width(end) >= width:
                end = words.filter_spans(standing)
            return justify(left, end, width)
        if line == 0:
            left = [*link, *name]
            return (
                justify(left, counts, width + 1)
                if line_width(left) + line_width(counts) < width
                else [*left, *_short(counts)]
            )
        return justify([(" ", "text"), *words.filter_spans(standing)], words.feed_spans(standing), width)

    def _named(self, width: int) -> list[Span]:
        """The profile, where it is not told with the state."""
        standing = self.status
        if standing is None or standing.recording_age_s is not None:
            return []
        return [GAP, words.name_span(standing.name, standing.color, width)]


def _short(counts: list[Span]) -> list[Span]:
    """The counts with shorter words: all of them must fit."""
    return [("  ", "text"), *((text.replace("ning", "").replace("ing", "").replace("ed", ""), c) for text, c in counts)]


class ErrorBanner(StaticLines):
    """Why the screen is not live. Takes no room while it is."""

    DEFAULT_CSS = """
    ErrorBanner { height: auto; display: none; }
    """

    _lines: list[str] = []  # noqa: RUF012  (replaced, never changed)
    _colour = "amber"

    def show(self, standing: StatusModel) -> None:
        """Tell what is wrong, if anything is."""
        reason = problem_text(standing)
        self._colour = "red" if standing.state is ConnectionState.OFFLINE else "amber"
        self._lines = hanging_indent(reason, self.app.size.width - 3, MAX_TROUBLE_LINES) if reason else []
        self.display = bool(reason)
        if self._lines:
            self.styles.height = len(self._lines)
        self.repaint()

    def draw(self, line: int) -> Line:
        return [(" ", "text"), (self._lines[line], self._colour)] if line < len(self._lines) else ()


ALWAYS = ("next_pane", "back", "help", "quit")


class Footer(StaticLines):
    """Keys and labels of some actions. `ALWAYS` has its place at the end, however narrow it is."""

    DEFAULT_CSS = """
    Footer { background: $panel; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self._actions: list[KeyAction] = []

    def show(self, actions: Iterable[KeyAction]) -> None:
        """Offer these actions, the most important first."""
        self._actions = [action for action in actions if action.label]
        self.repaint()

    def draw(self, line: int) -> Line:
        pieces: list[Span] = [(" ", "text")]
        for action in self._fitting():
            pieces += [(action.first_key, "accent strong"), (f" {action.label}  ", "grey")]
        return pieces

    def on_click(self, event: events.Click) -> None:
        """Ask for the action under the mouse. A double click asks once: its second half may meet another footer,
        where the first one closed a dialog."""
        if event.chain > 1:
            return
        x = 1
        for action in self._fitting():
            x += _width(action)
            if event.x < x:
                self.post_message(InvokeKeyAction(action.id))
                return

    def _fitting(self) -> list[KeyAction]:
        ending = [action for action in self._actions if action.id in ALWAYS]
        room = self.size.width - 1 - sum(map(_width, ending))
        shown = []
        for action in self._actions:
            if action in ending:
                continue
            room -= _width(action)
            if room < 0:
                break
            shown.append(action)
        return shown + ending


def _width(action: KeyAction) -> int:
    return cell_width(action.first_key) + cell_width(action.label) + 3
