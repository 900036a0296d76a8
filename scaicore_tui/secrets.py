"""The type of tokens and keys, which never prints itself, and `redact`, which removes known secrets from any text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from hmac import compare_digest
from typing import NoReturn

MASK = "…"
# Shorter secrets are not redacted: they occur in ordinary text by accident.
MIN_SECRET_CHARS = 8
# Parts of a secret of this length or more are redacted too: servers quote tokens in part.
FRAGMENT_CHARS = 12

_SENDABLE = re.compile(r"[\x21-\x7e]+")
_IN_URL = re.compile(r"(?<=//)[^\s/@]*@")
_known: set[str] = set()
# Each secret is cut into chunks of half that length: every fragment contains one chunk as a whole. The value holds the
# characters before and after each occurrence of the chunk.
_CHUNK_CHARS = FRAGMENT_CHARS // 2
_chunks: dict[str, set[tuple[str, str]]] = {}


class Secret:
    """A text that does not print and cannot be pickled or copied. Only code that sends it calls `reveal`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text
        if len(text) >= MIN_SECRET_CHARS:
            _known.add(text)
            for start in range(0, len(text) - _CHUNK_CHARS + 1, _CHUNK_CHARS):
                before, chunk, after = _chunk_in_context(text, start)
                _chunks.setdefault(chunk, set()).add((before, after))

    def reveal(self) -> str:
        """Return the secret text."""
        return self._text

    @property
    def is_sendable(self) -> bool:
        """Return True if an HTTP header can carry it. Checked here: the HTTP client's error would quote the text."""
        return _SENDABLE.fullmatch(self._text) is not None

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and compare_digest(_bytes(self), _bytes(other))

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied")


def redact(text: str) -> str:
    """Return `text` without the secrets that this process knows, their fragments, and the user part of URLs."""
    parts, end = list[str](), 0
    for begin, stop in sorted({*_find_fragments(text), *_find_short_secrets(text)}):
        if begin > end or not parts:
            parts += [text[end:begin], MASK]
        end = max(end, stop)
    return _IN_URL.sub(f"{MASK}@", "".join([*parts, text[end:]]))


def replace_known(text: str, replacement: Callable[[str], str]) -> str:
    """Return `text` with each whole secret that this process knows replaced; a fast check for much text."""
    for known in tuple(_known):
        if known in text:
            text = text.replace(known, replacement(known))
    return text


def _find_fragments(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each fragment of a secret; a long one as several spans that touch or overlap."""
    for start in range(len(text) - _CHUNK_CHARS + 1):
        if text[start : start + _CHUNK_CHARS] in _chunks:
            before, chunk, after = _chunk_in_context(text, start)
            # A copy: another thread may add secrets meanwhile.
            for secret_before, secret_after in tuple(_chunks[chunk]):
                begin = start - _common_prefix_length(before[::-1], secret_before[::-1])
                stop = start + _CHUNK_CHARS + _common_prefix_length(after, secret_after)
                if stop - begin >= FRAGMENT_CHARS:
                    yield begin, stop


def _chunk_in_context(text: str, start: int) -> tuple[str, str, str]:
    """Return the chunk at `start` with the characters before and after it, up to a chunk's length each."""
    stop = start + _CHUNK_CHARS
    return text[max(0, start - _CHUNK_CHARS) : start], text[start:stop], text[stop : stop + _CHUNK_CHARS]


def _common_prefix_length(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(one), len(other)))


def _find_short_secrets(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each secret that is shorter than a fragment."""
    for known in tuple(_known):
        start = text.find(known) if len(known) < FRAGMENT_CHARS else -1
        while start >= 0:
            yield start, start + len(known)
            start = text.find(known, start + 1)


def _bytes(secret: Secret) -> bytes:
    """Encode the secret; text from the environment may hold lone surrogates."""
    return secret.reveal().encode("utf-8", "surrogatepass")
