"""The base of all that is painted here: a view that draws lines on demand, and repaints only lines that changed.

Never holds more lines than are visible, so that it is as fast over 100,000 rows as over 100.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence

from rich.style import Style
from textual.color import Color
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from scaicore_tui.tui.abstract import AbstractMeta
from scaicore_tui.tui.render import line
from scaicore_tui.tui.render.line import Line, Span
from scaicore_tui.tui.theme import TERMINAL

ASCII_CLASS = "-ascii"


class LineView(ScrollView, can_focus=False, metaclass=AbstractMeta):
    """A scrolling view. Subclasses say how many lines there are, and draw one."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    LineView {
        overflow: hidden hidden;
        scrollbar-size: 0 0;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self._painted_lines: dict[int, list[Span]] = {}
        self._pending_lines: dict[int, list[Span]] = {}
        self._styles: dict[str, Style] = {}
        self._is_dimmed = False

    @property
    @abstractmethod
    def line_count(self) -> int:
        """How many lines there are to scroll through."""

    @abstractmethod
    def draw(self, line: int) -> Line:
        """What line number `line` shows."""

    def move(self, by: int) -> None:
        """Go down by so many lines; up where `by` is negative."""
        self.scroll_to_line(self.top + by)

    def page(self, by: int) -> None:
        """Go down by so many pages, of which a line stays in sight."""
        self.move(by * max(1, self.size.height - 1))

    def jump(self, *, to_end: bool) -> None:
        """Go to the beginning or the end."""
        self.move(self.line_count if to_end else -self.line_count)

    @property
    def top(self) -> int:
        """The number of the first line shown."""
        return int(self.scroll_offset.y)

    @property
    def max_scroll_y(self) -> int:
        # Of the lines there are, not of a virtual size: setting that would lay out the whole screen again.
        return max(0, self.line_count - self.size.height)

    @property
    def allow_vertical_scroll(self) -> bool:
        return self.max_scroll_y > 0

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return self.line_count

    def render_line(self, y: int) -> Strip:
        pieces = self._painted_lines[y] = self._pending_lines.pop(y, []) or self._draw_row(y)
        return line.to_strip(pieces, self.size.width, self._style, ascii_only=self.app.has_class(ASCII_CLASS))

    def repaint(self) -> None:
        """Paint again whatever looks different now, and nothing else."""
        self._pending_lines.clear()
        for y in range(self.size.height):
            pieces = self._draw_row(y)
            if pieces != self._painted_lines.get(y):
                self._pending_lines[y] = pieces
                self.refresh(Region(0, y, self.size.width, 1))

    def set_dimmed(self, *, dimmed: bool) -> None:
        """Draw text faintly, as what is shown was true long ago; or again as ever. States keep their colours."""
        if dimmed != self._is_dimmed:
            self._is_dimmed = dimmed
            self._styles.clear()
            self.refresh()

    def scroll_to_line(self, line: int) -> None:
        """Make `line` the first one shown, as far as there are lines below it."""
        self.scroll_to(y=line, animate=False, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Repaint what differs, in place of the whole view."""
        if round(old_value) != round(new_value):
            self.repaint()

    def notify_style_update(self) -> None:
        self._painted_lines.clear()
        self._styles.clear()
        super().notify_style_update()

    def _draw_row(self, y: int) -> list[Span]:
        line = y + self.top
        return list(self.draw(line)) if line < self.line_count else []

    def _style(self, colour: str) -> Style:
        if colour not in self._styles:
            self._styles[colour] = self.rich_style + self._make_style(colour)
        return self._styles[colour]

    def _make_style(self, colour: str) -> Style:
        name = colour.removesuffix(line.STRONG).removesuffix(line.BADGE)
        is_faint = self._is_dimmed and name == "text"
        # Not a component class each: the style sheet would be applied for each colour of each widget.
        ink = Color.parse(self.app.theme_variables[f"state-{'grey' if is_faint else name}"]).rich_color
        # A terminal's own colours have no grey.
        is_dim = is_faint and self.app.theme == TERMINAL
        is_badge = colour.endswith(line.BADGE)
        return Style(color=ink, bold=name != colour and not is_faint, dim=is_dim or None, reverse=is_badge or None)


class StaticLines(LineView):
    """A few lines that do not scroll."""

    DEFAULT_CSS = """
    StaticLines { height: 1; }
    """

    @property
    def line_count(self) -> int:
        return self.size.height


class TextPager(LineView):
    """Lines made by `make` for a width, each time that changes."""

    def __init__(self, build: Callable[[int], Sequence[Line]], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._build = build
        self._built_lines: Sequence[Line] = ()

    @property
    def line_count(self) -> int:
        return len(self._built_lines)

    def draw(self, line: int) -> Line:
        return self._built_lines[line]

    def rebuild(self) -> None:
        """Make the lines again: what they say changed."""
        self._built_lines = self._build(self.size.width)
        self.repaint()

    def on_resize(self) -> None:
        """Wrap for the new width."""
        self.rebuild()

    def find(self, colour: str, lines: Iterable[int]) -> int | None:
        """The first of `lines` that begins a passage with something in `colour`; None where none does."""
        return next(
            (line for line in lines if self._has_colour(line, colour) and not self._has_colour(line - 1, colour)), None
        )

    def _has_colour(self, line: int, colour: str) -> bool:
        return 0 <= line < len(self._built_lines) and any(found == colour for _, found in self._built_lines[line])
