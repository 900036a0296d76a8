"""The form of the selected checkpoint in the inbox: text, context, options, comment, and what Enter would send."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import TextArea

from scaicore_tui.protocol import Option
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import key_name
from scaicore_tui.tui.messages import OptionChosen
from scaicore_tui.tui.render.line import Line, Span
from scaicore_tui.tui.render.option_lines import OptionLines, option_lines
from scaicore_tui.tui.render.value_rows import Section
from scaicore_tui.tui.widgets.bars import ActionHint, Heading
from scaicore_tui.tui.widgets.line_view import LineView, StaticLines, TextPager
from scaicore_tui.tui.widgets.text_areas import SafeTextArea
from scaicore_tui.tui.widgets.value_list import ValueList

# Lines below the text: options, comment, and what Enter does.
OTHER_LINES = 4


def comment_note() -> str:
    """Return how to come to the field for a comment."""
    return f"comment: {key_name('next_field', KeyContext.INBOX)}"


class OptionBar(StaticLines):
    """The options with their digits, as high as they need. A click chooses one."""

    DEFAULT_CSS = """
    OptionBar { padding: 0 1; display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._options: Sequence[Option] = ()
        self._chosen: str | None = None
        self._note = ""
        self._laid_out = OptionLines()

    def show(self, options: Sequence[Option], chosen: str | None, note: str) -> None:
        """Show `options`, the `chosen` one marked, and a `note` after them."""
        self._options, self._chosen, self._note = options, chosen, note
        self._lay_out_options()

    def on_resize(self) -> None:
        self._lay_out_options()

    def draw(self, line: int) -> Line:
        lines = self._laid_out.lines
        return lines[line] if line < len(lines) else ()

    def on_click(self, event: events.Click) -> None:
        """Choose the option under the mouse."""
        content = event.get_content_offset(self)
        index = None if content is None else self._laid_out.option_at(content.y, content.x)
        if index is not None:
            self.post_message(OptionChosen(self._options[index].id))

    def _lay_out_options(self) -> None:
        self.display = bool(self._options)
        # Hidden until now, it has no width of its own yet.
        width = self.size.width or max(1, self.app.size.width - 2)
        self._laid_out = option_lines(self._options, self._chosen, width, self._note)
        self.styles.height = max(1, len(self._laid_out.lines))
        self.repaint()


class ContextList(ValueList):
    """The context. It has a cursor only while keys go to it."""

    def cursor_mark(self, row: int) -> Span:
        return super().cursor_mark(row) if self.has_keys else ("  ", "text")


class ItemForm(Vertical):
    """Shows what the selected checkpoint asks, and the fields to answer it. `build` returns the text for a width."""

    DEFAULT_CSS = """
    ItemForm { height: 1fr; }
    ItemForm TextPager { height: 1fr; padding: 0 1; }
    ItemForm ValueList { height: 1; display: none; }
    ItemForm.-reading ValueList { height: 2fr; }
    ItemForm TextArea { height: 1; border: none; padding: 0 1; background: $panel; display: none; }
    ItemForm TextArea:focus { height: 3; border: none; background: $boost; }
    ItemForm TextArea.-typing { display: block; }
    ItemForm TextArea.-typed { height: auto; max-height: 3; display: block; }
    ItemForm ActionHint { height: 1; padding: 0 1; }
    """

    def __init__(self, build: Callable[[int], Sequence[Line]]) -> None:
        super().__init__()
        self.pager = TextPager(build)
        self.context_list = ContextList("no context")
        # Markup is read in a placeholder, so it names no configured keys; the footer does.
        self.comment_field = SafeTextArea(placeholder="comment (optional): tab goes back, ctrl+s sends")
        self._heading = Heading()
        self._options = OptionBar()
        self._hint = ActionHint(margin_lines=0)
        self._key: object = None
        self._is_text_cut = False

    def compose(self) -> ComposeResult:
        yield self._heading
        yield self.pager
        yield self.context_list
        yield self._options
        yield self.comment_field
        yield self._hint

    @property
    def has_context(self) -> bool:
        """True if there is a context that folds."""
        return bool(self.context_list.row_count)

    @property
    def is_reading(self) -> bool:
        """True if keys go to the text and the context."""
        return self.has_class("-reading")

    @property
    def active_view(self) -> LineView:
        """The view that keys move in: the context, or the text if there is none."""
        return self.context_list if self.has_context else self.pager

    @property
    def paged_view(self) -> LineView:
        """The view that is scrolled by pages: the text, unless all of it is visible."""
        return self.pager if self.pager.max_scroll_y else self.active_view

    def set_reading(self, *, reading: bool) -> None:
        """Give the keys to the text and the context, or take them from there."""
        self.set_class(reading, "-reading")
        self.context_list.set_active(active=reading)

    def show_item(self, key: object, heading: Sequence[Span], context: Sequence[Section], comment: str) -> None:
        """Show another item, or the same one again; `key` tells which. The text is built again."""
        is_other, self._key = key != self._key, key
        self.context_list.display = bool(context)
        self.context_list.show(context, is_other=is_other)
        if is_other:
            self.pager.scroll_to_line(0)
        # While it has the keys, its newest characters may not be in the draft yet.
        if is_other or (comment != self.comment_field.text and not self.comment_field.has_focus):
            with self.comment_field.prevent(TextArea.Changed):
                self.comment_field.text = comment
                self.comment_field.move_cursor(self.comment_field.document.end)
        self.mark_typed()
        self.pager.rebuild()
        self._fit_text()
        self._heading.show(heading, self._more_spans(), active=self.is_reading)

    def show_answer(self, options: Sequence[Option], chosen: str | None, hint: Sequence[Span], note: str = "") -> None:
        """Show the options, the `chosen` one marked, and what Enter would do."""
        self._options.show(options, chosen, note)
        self._hint.show(*hint)

    def focus_comment(self) -> None:
        """Show the comment, and give it the keys."""
        self.comment_field.add_class("-typing")
        self.comment_field.focus()

    def leave_comment(self) -> None:
        """Hide the comment if it is empty."""
        self.comment_field.remove_class("-typing")
        self.mark_typed()

    def mark_typed(self) -> None:
        """Show the comment while there is one, also without the focus."""
        self.comment_field.set_class(bool(self.comment_field.text), "-typed")

    def set_comment(self, text: str) -> None:
        """Replace the comment, as if it was typed."""
        self.comment_field.text = text
        self.comment_field.move_cursor(self.comment_field.document.end)

    def _fit_text(self) -> None:
        """Let the text be as high as it is long, so that the options stand below it; a long one scrolls."""
        others = 1 + (self.context_list.display and self.context_list.row_count) + OTHER_LINES
        fits = self.pager.line_count <= self.size.height - others and not (self.is_reading and self.has_context)
        self.pager.styles.height = self.pager.line_count if fits else "1fr"
        self._is_text_cut = not fits

    def _more_spans(self) -> list[Span]:
        if not self._is_text_cut:
            return []
        below = self.pager.line_count - self.pager.top - self.pager.size.height
        key = key_name("read_form", KeyContext.INBOX)
        return [(f"{key}: {below} more lines", "accent")] if below > 0 and self.pager.size.height else []
