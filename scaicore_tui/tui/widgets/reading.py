"""Text to read: lines that are wrapped once and scrolled through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from scaicore_tui.tui.paint import Pieces
from scaicore_tui.tui.widgets.lines import Lines


class Reading(Lines):
    """Lines made by `make` for a width, each time that changes."""

    def __init__(self, make: Callable[[int], Sequence[Pieces]], *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._make = make
        self._made: Sequence[Pieces] = ()

    @property
    def line_count(self) -> int:
        return len(self._made)

    def draw(self, line: int) -> Pieces:
        return self._made[line]

    def reread(self) -> None:
        """Make the lines again: what they say changed."""
        self._made = self._make(self.size.width)
        self.repaint()

    def on_resize(self) -> None:
        """Wrap for the new width."""
        self.reread()

    def find(self, colour: str, lines: Iterable[int]) -> int | None:
        """The first of `lines` that begins a passage with something in `colour`; None where none does."""
        return next((line for line in lines if self._has(line, colour) and not self._has(line - 1, colour)), None)

    def _has(self, line: int, colour: str) -> bool:
        return 0 <= line < len(self._made) and any(found == colour for _, found in self._made[line])
