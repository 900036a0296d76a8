"""The field for a query, and the line below it that says what is wrong with the query, or how it can be completed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input

from scaicore_tui.tui.query_history import History
from scaicore_tui.tui.query_messages import QueryTyped, RememberQuery, ValuesNeeded, ViewWanted
from scaicore_tui.tui.render.line import Line
from scaicore_tui.tui.widgets.inputs import FilterBar
from scaicore_tui.tui.widgets.line_view import StaticLines

if TYPE_CHECKING:
    from scaicore_tui.tui.query_model import QueryModel

# Enough to know whether there is anything to say.
MIN_HINT_CELLS = 40


class QueryHint(StaticLines):
    """The line below a query. It takes no room while it has nothing to say."""

    DEFAULT_CSS = """
    QueryHint { display: none; background: $panel; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._query_model: QueryModel | None = None

    def draw(self, line: int) -> Line:
        hint = [] if self._query_model is None else self._query_model.hint(self.size.width - 2)
        return [(" ", "text"), *hint]

    def show(self, model: QueryModel) -> None:
        """Show what the model says now."""
        self._query_model = model
        self.display = bool(model.hint(MIN_HINT_CELLS))
        self.repaint()


class QueryBar(FilterBar):
    """Filters while a person types. Until a query can be read, the one before stays in force.

    Enter keeps the filter, Escape clears it, ctrl+s saves it as a view. Tab completes, and so does the right arrow at
    the end; up and down go through the queries used before.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "keep", "keep", show=False),
        Binding("tab", "complete", "complete", show=False),
        Binding("right", "complete_or_move", "complete", show=False),
        Binding("up", "older_query", "older", show=False),
        Binding("down", "newer_query", "newer", show=False),
        Binding("ctrl+s", "save_view", "save as a view", show=False),
    ]

    def __init__(self, subject: str, history: History) -> None:
        super().__init__()
        if subject == "runs":
            self.placeholder = "find runs: words, !words, tests such as status:failed"
        else:
            self.placeholder = "find checkpoints: words, !words, tests such as is:due"
        self.hint = QueryHint()
        self._subject = subject
        self._query_history = history

    @cached_property
    def _query_model(self) -> QueryModel:
        from scaicore_tui.tui.query_model import QueryModel

        return QueryModel(self._subject)

    def open(self) -> None:
        """Show the bar with its line, and focus it."""
        super().open()
        self._query_model.forget_values()
        self._query_history.leave()
        self._update()

    def set_text(self, text: str) -> None:
        """Show the text of a query that was not typed here."""
        with self.prevent(Input.Changed):
            self.value = text

    def show_values(self, values: Mapping[str, Sequence[tuple[str, int]]]) -> None:
        """Offer values of fields, each with how often it occurs."""
        self._query_model.set_values(values)
        self.hint.show(self._query_model)

    def action_close(self, kept: bool) -> None:
        self.hint.display = False
        if kept and self.value.strip():
            self._query_history.add(self.value)
            self.post_message(RememberQuery(self.value, self._subject))
        super().action_close(kept)

    def action_keep(self) -> None:
        """Close the bar, unless the query cannot be read: then the line below says why."""
        if self._query_model.problem is None:
            self.action_close(kept=True)

    def action_save_view(self) -> None:
        """Keep the query and ask for the name of a view, unless the query cannot be read."""
        if self._query_model.problem is None:
            self.post_message(ViewWanted(self.value.strip()))
            self.action_close(kept=True)

    def action_complete(self) -> None:
        self._query_model.edit(self.value, self.cursor_position)
        accepted = self._query_model.accept()
        if accepted is not None:
            self.value, self.cursor_position = accepted

    def action_complete_or_move(self) -> None:
        if self.value and self.cursor_position >= len(self.value):
            self.action_complete()
        else:
            self.action_cursor_right()

    def action_older_query(self) -> None:
        text = self._query_history.older(self.value)
        if text is not None:
            self._show_text(text)

    def action_newer_query(self) -> None:
        """Show the query after this one; without one, close the bar."""
        if self._query_history.is_shown:
            self._show_text(self._query_history.newer())
        else:
            self.action_keep()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Post the query, if the text can be read as one."""
        event.stop()
        # Textual also calls the handler of the base class, which posts the text as it is.
        event.prevent_default()
        self._update()

    def _show_text(self, text: str) -> None:
        self.value = text
        self.cursor_position = len(text)

    def _update(self) -> None:
        query = self._query_model.edit(self.value, self.cursor_position)
        if (field := self._query_model.wanted_field) is not None:
            self.post_message(ValuesNeeded(field))
        if query is not None:
            self.post_message(QueryTyped(query))
        self.hint.show(self._query_model)
