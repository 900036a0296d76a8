"""What is pasted is text, from the marker at its beginning to the one at its end. Pure."""

from __future__ import annotations

ESCAPE, SHOWN = "\x1b", "␛"
BEGIN, END = "\x1b[200~", "\x1b[201~"


class Paste:
    """Collects pasted text, wherever it was cut, and shows the escapes in it."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        # What may be the beginning of the end marker.
        self.held = ""

    def feed(self, data: str) -> tuple[str, bool, str]:
        """Take what was read: the text once it is complete, whether it is, and what was read behind it."""
        data = self.held + data
        text, end, rest = data.partition(END)
        self.held = "" if end else next(END[:size] for size in range(len(END) - 1, -1, -1) if data.endswith(END[:size]))
        self._parts.append(text.removesuffix(self.held))
        return self.collected() if end else "", bool(end), rest

    def collected(self) -> str:
        """Return the text so far, and begin a new one."""
        text = "".join(self._parts).replace(ESCAPE, SHOWN)
        self._parts = []
        return text
