"""The type of tokens and keys: it goes into no log, no message and no traceback; and what takes them out of words that
others chose."""

from __future__ import annotations

import re
from hmac import compare_digest
from typing import NoReturn

BLOT = "…"
# A shorter text stands in many words by accident.
SHORTEST = 8

_SENDABLE = re.compile(r"[\x21-\x7e]+")
_IN_URL = re.compile(r"(?<=//)[^\s/@]*@")
_known: set[str] = set()


class Secret:
    """A text that does not print, and is neither pickled nor copied. Only who sends it asks it to `reveal` itself."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text
        if len(text) >= SHORTEST:
            _known.add(text)

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    @property
    def is_sendable(self) -> bool:
        """Whether a header can carry it: what keeps one from being sent would be told with the text."""
        return _SENDABLE.fullmatch(self._text) is not None

    def __repr__(self) -> str:
        return f"Secret({BLOT})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and compare_digest(_bytes(self), _bytes(other))

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a secret is written nowhere")


def redacted(text: str) -> str:
    """`text` without any secret that this process knows, and without users and passwords of URLs."""
    # The longest first: one may begin like another.
    for known in sorted(_known, key=len, reverse=True):
        text = text.replace(known, BLOT)
    return _IN_URL.sub(f"{BLOT}@", text)


def _bytes(secret: Secret) -> bytes:
    """Whatever the environment held, also what is no text."""
    return secret.reveal().encode("utf-8", "surrogatepass")
