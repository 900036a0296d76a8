"""The dialog that continues all breakpoints of one node, or of one Core."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from scaicore_tui.tui.batch import Batch
from scaicore_tui.tui.desk import Desk
from scaicore_tui.tui.messages import OptionChosen
from scaicore_tui.tui.paint import Piece
from scaicore_tui.tui.screens.bulk import BulkScreen
from scaicore_tui.wire import Option
from scaicore_tui.wire.checkpoints import CONTINUE


class ContinueAllScreen(BulkScreen):
    """Continues those of one of `scopes`. Which is chosen; until then the last one, the widest, is listed."""

    def __init__(self, desk: Desk, scopes: Mapping[str, Batch], hidden: frozenset[str]) -> None:
        super().__init__(desk, list(scopes.values())[-1], hidden, [Option(id=scope) for scope in scopes])
        self._scopes = scopes

    @property
    def listed(self) -> Batch:
        scope = self.chosen
        return self._batch if scope is None else self._scopes[scope]

    @property
    def resolution(self) -> str | None:
        return None if self.chosen is None else CONTINUE

    def title_pieces(self) -> Iterator[Piece]:
        if self._sent is not None:
            yield from super().title_pieces()
        else:
            yield "Continue all breakpoints", "accent strong"

    def on_option_chosen(self, chosen: OptionChosen) -> None:
        """List those that are meant."""
        self.reading.reread()
        super().on_option_chosen(chosen)
