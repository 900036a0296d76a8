"""The type of tokens and keys: it goes into no log, no message and no traceback; and what takes them out of words that
others chose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hmac import compare_digest
from typing import NoReturn

MASK = "…"
# A shorter text stands in many words by accident.
MIN_SECRET_CHARS = 8
# So many characters of a longer one in a row are shown nowhere either: servers quote tokens in part.
FRAGMENT_CHARS = 12

_SENDABLE = re.compile(r"[\x21-\x7e]+")
_IN_URL = re.compile(r"(?<=//)[^\s/@]*@")
_known: set[str] = set()
# Every stretch of a secret holds one of these whole: its pieces of half that length, from its beginning on. Of each is
# kept what stands before and behind it.
_PIECE = FRAGMENT_CHARS // 2
_pieces: dict[str, set[tuple[str, str]]] = {}


class Secret:
    """A text that does not print, and is neither pickled nor copied. Only who sends it asks it to `reveal` itself."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text
        if len(text) >= MIN_SECRET_CHARS:
            _known.add(text)
            for at in range(0, len(text) - _PIECE + 1, _PIECE):
                before, piece, behind = _around(text, at)
                _pieces.setdefault(piece, set()).add((before, behind))

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    @property
    def is_sendable(self) -> bool:
        """Whether a header can carry it: what keeps one from being sent would be told with the text."""
        return _SENDABLE.fullmatch(self._text) is not None

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and compare_digest(_bytes(self), _bytes(other))

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a secret is written nowhere")


def redact(text: str) -> str:
    """`text` without secrets that this process knows, or stretches of them, and without users and passwords of URLs."""
    parts, end = list[str](), 0
    for begin, stop in sorted({*_stretches(text), *_short_ones(text)}):
        if begin > end or not parts:
            parts += [text[end:begin], MASK]
        end = max(end, stop)
    return _IN_URL.sub(f"{MASK}@", "".join([*parts, text[end:]]))


def _stretches(text: str) -> Iterator[tuple[int, int]]:
    """Where stretches of secrets stand; a long one in parts, each next to the one before."""
    for at in range(len(text) - _PIECE + 1):
        if text[at : at + _PIECE] in _pieces:
            before, piece, behind = _around(text, at)
            for before_piece, behind_piece in _pieces[piece]:
                begin = at - _common(before[::-1], before_piece[::-1])
                stop = at + _PIECE + _common(behind, behind_piece)
                if stop - begin >= FRAGMENT_CHARS:
                    yield begin, stop


def _around(text: str, at: int) -> tuple[str, str, str]:
    """Return a piece, between as much of what stands before and behind it."""
    stop = at + _PIECE
    return text[max(0, at - _PIECE) : at], text[at:stop], text[stop : stop + _PIECE]


def _common(one: str, other: str) -> int:
    """Return how many characters both begin with."""
    return next(
        (at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other))
    )


def _short_ones(text: str) -> Iterator[tuple[int, int]]:
    """Where secrets stand that are no longer than a stretch."""
    for known in _known:
        at = text.find(known) if len(known) < FRAGMENT_CHARS else -1
        while at >= 0:
            yield at, at + len(known)
            at = text.find(known, at + 1)


def _bytes(secret: Secret) -> bytes:
    """Whatever the environment held, also what is no text."""
    return secret.reveal().encode("utf-8", "surrogatepass")
