"""What is pasted is text. Textual's parser takes an escape in it for a key's beginning, and what follows for keys."""

from __future__ import annotations

ESCAPE, SHOWN = "\x1b", "␛"
BEGIN, END = "\x1b[200~", "\x1b[201~"
# A mark that was cut has at most so many signs.
PART = len(BEGIN) - 1


class PasteGuard:
    """Shows the escapes in what a terminal says is pasted; all else goes through as it is, at once."""

    def __init__(self) -> None:
        self._is_pasting = False
        # The end of what went through; and of a paste, what may be the beginning of its end.
        self._before = self._held = ""

    def feed(self, data: str) -> str:
        """The next piece of what a terminal sends, wherever it was cut."""
        passed = ""
        while data:
            taken, data = self._pasted(data) if self._is_pasting else self._typed(data)
            passed += taken
        return passed

    def _typed(self, data: str) -> tuple[str, str]:
        seen, begin, rest = (self._before + data).partition(BEGIN)
        self._is_pasting = bool(begin)
        self._before = "" if begin else seen[-PART:]
        return data[: len(data) - len(rest)], rest

    def _pasted(self, data: str) -> tuple[str, str]:
        text, end, rest = (self._held + data).partition(END)
        self._is_pasting = not end
        self._held = "" if end else next(END[:size] for size in range(PART, -1, -1) if text.endswith(END[:size]))
        return text.removesuffix(self._held).replace(ESCAPE, SHOWN) + end, rest
