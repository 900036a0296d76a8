"""The type of tokens and keys: it goes into no log, no message and no traceback."""

from __future__ import annotations

from hmac import compare_digest


class Secret:
    """A text that does not print. Only who sends it asks it to `reveal` itself."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)
