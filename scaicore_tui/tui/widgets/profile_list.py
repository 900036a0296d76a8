"""The profiles that there are to choose from."""

from __future__ import annotations

from collections.abc import Sequence

from scaicore_tui.config.choices import Choice
from scaicore_tui.text import cells, one_line
from scaicore_tui.tui.link_words import name_piece
from scaicore_tui.tui.messages import RunAction
from scaicore_tui.tui.paint import Piece, Pieces, piece
from scaicore_tui.tui.widgets.rows import Rows

NAME_WIDTH, HERE_WIDTH = 20, 6


class ProfileList(Rows):
    """One row for each; `current` is the one that is open."""

    def __init__(self, choices: Sequence[Choice], current: str | None) -> None:
        super().__init__()
        self._choices = choices
        self._current = current
        self.cursor = next((row for row, one in enumerate(choices) if one.name == current), 0)
        self.is_front = True

    @property
    def row_count(self) -> int:
        return len(self._choices)

    @property
    def empty_words(self) -> str:
        return "there is none: scaicore-tui config init writes the first"

    @property
    def selected(self) -> Choice | None:
        """The profile under the cursor."""
        return self._choices[self.cursor] if self._choices else None

    def draw_row(self, row: int) -> Pieces:
        choice = self._choices[row]
        name = name_piece(choice.name, choice.color, NAME_WIDTH - 3)
        lead: Piece = (" ", "text")
        named = [name] if choice.color is not None else [lead, name, lead]
        blank = " " * (NAME_WIDTH - sum(cells(text) for text, _ in named))
        here = piece("open" if choice.name == self._current else "", HERE_WIDTH, "green")
        facts = (choice.core, "protected" * choice.protected, "read-only" * choice.read_only)
        told = "".join(f" · {one_line(fact)}" for fact in facts if fact)
        return [*named, (blank, "text"), here, (one_line(choice.url), "text"), (told, "grey")]

    def opened(self) -> None:
        self.post_message(RunAction("switch"))
