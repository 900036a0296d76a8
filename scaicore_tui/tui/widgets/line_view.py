"""Base of all views made of lines: draws visible lines on demand and repaints only those that changed.

Only visible lines are kept, so that 100,000 rows are as fast as 100.
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

ASCII_CLASS = "-ascii"


class LineView(ScrollView, can_focus=False, metaclass=AbstractMeta):
    """A scrolling view of lines. Subclasses return the number of lines and draw one."""

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
        """The total number of lines."""

    @abstractmethod
    def draw(self, line: int) -> Line:
        """Return the spans of line number `line`."""

    def move(self, by: int) -> None:
        """Move down by `by` lines; up if `by` is negative."""
        self.scroll_to_line(self.top + by)

    def page(self, by: int) -> None:
        """Move down by `by` pages, with one line of overlap."""
        self.move(by * max(1, self.size.height - 1))

    def jump(self, *, to_end: bool) -> None:
        """Move to the beginning or the end."""
        self.move(self.line_count if to_end else -self.line_count)

    @property
    def top(self) -> int:
        """The number of the first visible line."""
        return int(self.scroll_offset.y)

    @property
    def max_scroll_y(self) -> int:
        # Computed from the line count: setting Textual's virtual size would lay out the whole screen again.
        return max(0, self.line_count - self.size.height)

    @property
    def allow_vertical_scroll(self) -> bool:
        return self.max_scroll_y > 0

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return self.line_count

    def render_line(self, y: int) -> Strip:
        spans = self._painted_lines[y] = self._pending_lines.pop(y, []) or self._draw_row(y)
        return line.to_strip(spans, self.size.width, self._style, ascii_only=self.app.has_class(ASCII_CLASS))

    def repaint(self) -> None:
        """Repaint the lines that changed, and no others."""
        self._pending_lines.clear()
        for y in range(self.size.height):
            self._repaint_row(y)

    def repaint_lines(self, *lines: int) -> None:
        """Repaint these lines if they are visible and changed: faster than a look at all of them."""
        for y in {number - self.top for number in lines}:
            if 0 <= y < self.size.height:
                self._repaint_row(y)

    def set_dimmed(self, *, dimmed: bool) -> None:
        """Dim the text of stale data, or stop dimming. Status colours are kept."""
        if dimmed != self._is_dimmed:
            self._is_dimmed = dimmed
            self._styles.clear()
            self.refresh()

    def scroll_to_line(self, line: int) -> None:
        """Make `line` the first visible one, or come as close as the number of lines allows."""
        self.scroll_to(y=line, animate=False, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Repaint only the lines that changed; Textual would repaint the whole view."""
        if round(old_value) != round(new_value):
            self.repaint()

    def notify_style_update(self) -> None:
        self._painted_lines.clear()
        self._styles.clear()
        super().notify_style_update()

    def _repaint_row(self, y: int) -> None:
        spans = self._draw_row(y)
        if spans != self._painted_lines.get(y):
            self._pending_lines[y] = spans
            self.refresh(Region(0, y, self.size.width, 1))
        else:
            self._pending_lines.pop(y, None)

    def _draw_row(self, y: int) -> list[Span]:
        line = y + self.top
        return list(self.draw(line)) if line < self.line_count else []

    def _style(self, colour: str) -> Style:
        if colour not in self._styles:
            self._styles[colour] = self.rich_style + self._make_style(colour)
        return self._styles[colour]

    def _make_style(self, colour: str) -> Style:
        name = colour.removesuffix(line.STRONG).removesuffix(line.BADGE)
        is_dimmed = self._is_dimmed and name == "text"
        # No component classes: Textual would apply the style sheet for each colour of each widget.
        foreground = Color.parse(self.app.theme_variables[f"state-{'grey' if is_dimmed else name}"]).rich_color
        return Style(
            color=foreground,
            bold=name != colour and not is_dimmed,
            # The terminal's own palette has no grey.
            dim=(is_dimmed and self.app.current_theme.ansi) or None,
            reverse=colour.endswith(line.BADGE) or None,
        )


class StaticLines(LineView):
    """Lines that do not scroll, as many as the widget is high."""

    DEFAULT_CSS = """
    StaticLines { height: 1; }
    """

    @property
    def line_count(self) -> int:
        return self.size.height


class TextPager(LineView):
    """Scrolls through the lines that `build` returns for a width. Rebuilds them when the width changes."""

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
        """Build the lines again, because their content changed."""
        self._built_lines = self._build(self.size.width)
        self.repaint()

    def on_resize(self) -> None:
        """Wrap for the new width."""
        self.rebuild()

    def find(self, colour: str, lines: Iterable[int]) -> int | None:
        """Return the first of `lines` that has `colour` while the line above has not; None if there is none."""
        return next(
            (line for line in lines if self._has_colour(line, colour) and not self._has_colour(line - 1, colour)), None
        )

    def _has_colour(self, line: int, colour: str) -> bool:
        return 0 <= line < len(self._built_lines) and any(found == colour for _, found in self._built_lines[line])
