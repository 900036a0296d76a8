"""The queries used before, shown again one by one, as a shell does. Pure."""

from __future__ import annotations

from collections.abc import Sequence


class History:
    """The queries used before, oldest first, and the one that is shown again."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        # Index of the text that is shown; as many as there are while none is.
        self._shown = 0
        self._typed = ""

    def load(self, texts: Sequence[str]) -> None:
        """Put `texts`, oldest first, before those of this session."""
        self._texts = [*(text for text in texts if text not in self._texts), *self._texts]
        self.leave()

    def add(self, text: str) -> None:
        """Add a query that was used; it becomes the newest."""
        self._texts = [*(other for other in self._texts if other != text), text]
        self.leave()

    def leave(self) -> None:
        """Forget which one is shown."""
        self._shown = len(self._texts)

    @property
    def is_shown(self) -> bool:
        """True while one of them is shown again."""
        return self._shown < len(self._texts)

    def older(self, typed: str) -> str | None:
        """Return the one before; `typed` is kept for when the person comes back. None if there is none before."""
        if not self._shown:
            return None
        if not self.is_shown:
            self._typed = typed
        self._shown -= 1
        return self._texts[self._shown]

    def newer(self) -> str:
        """Return the next one, and what was typed after the newest."""
        self._shown += 1
        return self._texts[self._shown] if self.is_shown else self._typed
