"""Bars of one or a few lines: pane heading, notices, action hint, status, error banner, footer.

A line is repainted only if its text changes: the status bar, at most once a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import events

from scaicore_tui.session import ConnectionState
from scaicore_tui.text import cell_width
from scaicore_tui.tui.key_contexts import KeyAction, KeyContext
from scaicore_tui.tui.keymap import key_name
from scaicore_tui.tui.messages import InvokeKeyAction
from scaicore_tui.tui.notices import Notice
from scaicore_tui.tui.render.line import Line, Span, hanging_indent, justify, line_width, wrap_spans
from scaicore_tui.tui.render.status import (
    StatusModel,
    connection_spans,
    count_spans,
    feed_spans,
    filter_spans,
    name_span,
    problem_text,
)
from scaicore_tui.tui.widgets.line_view import StaticLines


class Heading(StaticLines):
    """The heading of one pane; the active one has a mark at the left."""

    DEFAULT_CSS = """
    Heading { background: $panel; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self._left: Sequence[Span] = ()
        self._right: Sequence[Span] = ()
        self._active = False

    def show(self, left: Sequence[Span], end: Sequence[Span] = (), *, active: bool = False) -> None:
        """Show `left`, and `right` at the right edge if there is room."""
        self._left, self._right, self._active = left, end, active
        self.repaint()

    def draw(self, line: int) -> Line:
        mark = ("▍", "accent strong") if self._active else (" ", "text")
        return justify([mark, *self._left], [*self._right, (" ", "text")], self.size.width)


class TextLines(StaticLines):
    """As many lines as there are to show; without any it takes no room."""

    DEFAULT_CSS = """
    TextLines { display: none; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self._shown_lines: Sequence[Line] = ()

    def show(self, lines: Sequence[Line]) -> None:
        """Show `lines`. The layout changes only if their number does."""
        if len(lines) != len(self._shown_lines):
            self.display = bool(lines)
            self.styles.height = max(1, len(lines))
        self._shown_lines = lines
        self.repaint()

    def draw(self, line: int) -> Line:
        return self._shown_lines[line] if line < len(self._shown_lines) else ()


MAX_NOTICE_LINES = 4
NOTICE_END_CELLS = 18


class NoticeBar(StaticLines):
    """The newest notice and how many more are open. As high as its text needs, up to MAX_NOTICE_LINES."""

    _lines: list[str] = []  # noqa: RUF012  (replaced, never changed)
    _colour = "text"
    _right: Span = ("", "text")

    def show(self, notice: Notice | None, count: int) -> None:
        """Show `notice`, the newest of `count`."""
        # A notice that stays ends with the key that dismisses it.
        is_sticky = notice is not None and notice.sticky
        width = self.app.size.width - (NOTICE_END_CELLS if is_sticky else 2)
        self._lines = hanging_indent(notice.text, width, MAX_NOTICE_LINES) if notice is not None else []
        self._colour = notice.colour if notice is not None else "text"
        more = f"1 of {count} · " if count > 1 else ""
        back = key_name("back", KeyContext.RUNS)
        self._right = (f"{more}{back} ok ", "grey") if notice is not None and notice.sticky else ("", "text")
        height = max(1, len(self._lines))
        if self.size.height != height:
            self.styles.height = height
        self.repaint()

    def draw(self, line: int) -> Line:
        if line >= len(self._lines):
            return ()
        spans: list[Span] = [(" ", "text"), (self._lines[line], self._colour)]
        return justify(spans, [self._right], self.size.width) if line == 0 else spans


MAX_HINT_LINES = 3


class ActionHint(StaticLines):
    """The effect of the confirm key of a dialog, or why it does nothing. As high as its text needs."""

    DEFAULT_CSS = """
    ActionHint { height: 2; padding: 1 1 0 1; }
    """

    _spans: tuple[Span, ...] = ()
    _lines: Sequence[Line] = ()

    def __init__(self, *, margin_lines: int = 1) -> None:
        """`margin_lines` are the empty lines above the text."""
        super().__init__()
        self._margin_lines = margin_lines

    def show(self, *spans: Span) -> None:
        """Show `spans`, wrapped."""
        self._spans = spans
        self._wrap()

    def on_resize(self) -> None:
        """Wrap for the new width."""
        self._wrap()

    def draw(self, line: int) -> Line:
        return self._lines[line] if line < len(self._lines) else ()

    def _wrap(self) -> None:
        self._lines = wrap_spans(self._spans, self.size.width, MAX_HINT_LINES) if self.size.width else [self._spans]
        self.styles.height = max(1, len(self._lines)) + self._margin_lines
        self.repaint()


SEPARATOR: Span = ("   ", "text")
# From this width on the status bar fits on one line.
ONE_LINE_WIDTH = 112
MAX_PROBLEM_LINES = 3


class StatusBar(StaticLines):
    """Connection status, counts and filter: on one line, or on two if the screen is narrow."""

    DEFAULT_CSS = """
    StatusBar { background: $panel; height: 2; }
    """

    status: StatusModel | None = None

    def show(self, status: StatusModel) -> None:
        """Show `status`."""
        self.status = status
        self.repaint()

    def draw(self, line: int) -> Line:
        if self.status is None:
            return ()
        status, width = self.status, self.size.width - 1
        # What changes every second comes first: a repaint writes from the left edge up to the last change.
        counts, name = count_spans(status), self._name_spans(20 if self.size.height == 1 else 12)
        available = self.size.width - 1 - line_width(name) - line_width(_shorten_counts(counts))
        connection: list[Span] = [(" ", "text"), *connection_spans(status, available)]
        if self.size.height == 1:
            left = [*connection, *name, SEPARATOR, *counts]
            right = [*filter_spans(status), (" · ", "grey"), *feed_spans(status)]
            if line_width(left) + line_width(right) >= width:
                right = filter_spans(status)
            return justify(left, right, width)
        if line == 0:
            left = [*connection, *name]
            return (
                justify(left, counts, width + 1)
                if line_width(left) + line_width(counts) < width
                else [*left, *_shorten_counts(counts)]
            )
        return justify([(" ", "text"), *filter_spans(status)], feed_spans(status), width)

    def _name_spans(self, width: int) -> list[Span]:
        """Return the profile's name; empty if the connection status contains it (offline)."""
        status = self.status
        if status is None or status.recording_age_s is not None:
            return []
        return [SEPARATOR, name_span(status.name, status.color, width)]


def _shorten_counts(counts: list[Span]) -> list[Span]:
    """Return the counts with abbreviated words, so that all of them fit."""
    return [("  ", "text"), *((text.replace("ning", "").replace("ing", "").replace("ed", ""), c) for text, c in counts)]


class ErrorBanner(StaticLines):
    """Why the screen is not live. Hidden while it is."""

    DEFAULT_CSS = """
    ErrorBanner { height: auto; display: none; }
    """

    _lines: list[str] = []  # noqa: RUF012  (replaced, never changed)
    _colour = "amber"

    def show(self, status: StatusModel) -> None:
        """Show the problem in `status`, if there is one."""
        reason = problem_text(status)
        self._colour = "red" if status.state is ConnectionState.OFFLINE else "amber"
        self._lines = hanging_indent(reason, self.app.size.width - 3, MAX_PROBLEM_LINES) if reason else []
        self.display = bool(reason)
        if self._lines:
            self.styles.height = len(self._lines)
        self.repaint()

    def draw(self, line: int) -> Line:
        return [(" ", "text"), (self._lines[line], self._colour)] if line < len(self._lines) else ()


ALWAYS_SHOWN = ("next_pane", "back", "help", "quit")


class Footer(StaticLines):
    """Keys and labels of actions. Those in ALWAYS_SHOWN come last and are shown at any width."""

    DEFAULT_CSS = """
    Footer { background: $panel; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self._actions: list[KeyAction] = []

    def show(self, actions: Iterable[KeyAction]) -> None:
        """Show `actions`, most important first; those without a label are left out."""
        self._actions = [action for action in actions if action.label]
        self.repaint()

    def draw(self, line: int) -> Line:
        spans: list[Span] = [(" ", "text")]
        for action in self._fitting_actions():
            spans += [(action.first_key, "accent strong"), (f" {action.label}  ", "grey")]
        return spans

    def on_click(self, event: events.Click) -> None:
        """Request the action under the mouse.

        The second click of a double click is ignored: the first one may have closed a dialog, so that the second one
        hits the footer of another screen.
        """
        if event.chain > 1:
            return
        x = 1
        for action in self._fitting_actions():
            x += _action_width(action)
            if event.x < x:
                self.post_message(InvokeKeyAction(action.id))
                return

    def _fitting_actions(self) -> list[KeyAction]:
        last = [action for action in self._actions if action.id in ALWAYS_SHOWN]
        available = self.size.width - 1 - sum(map(_action_width, last))
        shown = []
        for action in self._actions:
            if action in last:
                continue
            available -= _action_width(action)
            if available < 0:
                break
            shown.append(action)
        return shown + last


def _action_width(action: KeyAction) -> int:
    return cell_width(action.first_key) + cell_width(action.label) + 3
