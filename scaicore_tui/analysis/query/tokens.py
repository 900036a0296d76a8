"""Split the text of a query into tokens with their positions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from scaicore_tui.analysis.query.tree import FIELD, QueryError

MAX_QUERY_CHARS = 2_000


class Kind(StrEnum):
    """The kinds of tokens."""

    OPEN = "("
    CLOSE = ")"
    OR = "|"
    AND = "AND"
    NOT = "!"
    WORD = "word"
    FIELD = "field"
    VALUE = "value"
    PATTERN = "pattern"


class Token(Struct, frozen=True):
    """A token, from character `begin` to before `end`. `text` is its meaning: without quotation marks and escapes.

    A FIELD is a name with its path, and `op` is the operator; the VALUEs and PATTERNs after it are its values.
    `is_quoted` marks a word in quotation marks; `is_listed` a value in a list.
    """

    kind: Kind
    text: str
    begin: int
    end: int
    op: str = ""
    is_quoted: bool = False
    is_listed: bool = False


_SPACE = re.compile(r"[\s]+")
_CHUNK = re.compile(r"[^\s()|\"]+")
_LISTED = re.compile(r"[^\s()|\",]+")
_LIST_GAP = re.compile(r"[\s,]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)("?)', re.DOTALL)
_REGEX = re.compile(r"/((?:[^/\\]|\\.)*)/(?=[\s),|]|\Z)", re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')
_SIGNS = {"(": Kind.OPEN, ")": Kind.CLOSE, "|": Kind.OR}
_KEYWORDS = {"AND": Kind.AND, "OR": Kind.OR, "or": Kind.OR, "NOT": Kind.NOT}


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a query. Raises QueryError for a text in quotation marks, or a list, that does not end."""
    if len(text) > MAX_QUERY_CHARS:
        raise QueryError(f"it is longer than {MAX_QUERY_CHARS:,} characters", MAX_QUERY_CHARS, len(text))
    at = 0
    while (at := _skip(_SPACE, text, at)) < len(text):
        last = None
        for last in _next(text, at):
            yield last
        at = at + 1 if last is None else _end_of(last, text)


def _end_of(last: Token, text: str) -> int:
    """Return where the token after `last` begins at the earliest: after the end of its list, if it is in one."""
    return text.index(")", _skip(_LIST_GAP, text, last.end)) + 1 if last.is_listed else last.end


def _skip(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()


def _next(text: str, at: int) -> Iterator[Token]:
    """Yield the token at `at`; after a field also its values."""
    if (kind := _SIGNS.get(text[at])) is not None:
        yield Token(kind, text[at], at, at + 1)
    elif text[at] == '"':
        yield _quoted(text, at, Kind.WORD)
    elif text[at] in "!-" and text[at + 1 : at + 2].strip():
        yield Token(Kind.NOT, text[at], at, at + 1)
    elif field := FIELD.match(text, at):
        yield Token(Kind.FIELD, field[1] + field[2], at, field.start(3), field[3])
        yield from _values(text, field)
    else:
        found = _CHUNK.match(text, at)
        end = at + 1 if found is None else found.end()
        word = text[at:end]
        yield Token(_KEYWORDS.get(word, Kind.WORD), word, at, end)


def _quoted(text: str, at: int, kind: Kind, *, is_listed: bool = False) -> Token:
    found = _QUOTED.match(text, at)
    if found is None or not found[2]:
        raise QueryError('a text in " has no end', at, len(text))
    return Token(kind, _ESCAPED.sub(r"\1", found[1]), at, found.end(), is_quoted=True, is_listed=is_listed)


def _values(text: str, field: re.Match[str]) -> Iterator[Token]:
    """Yield the value, or the values in a list, after a field and its operator."""
    at = field.end()
    if text[at : at + 1] != "(":
        if (value := _value(text, at, _CHUNK, is_listed=False)) is None:
            raise QueryError(f"{field[0]} needs a value", field.start(), at)
        yield value
        return
    count, at = 0, _skip(_LIST_GAP, text, at + 1)
    while text[at : at + 1] != ")":
        value = _value(text, at, _LISTED, is_listed=True)
        if value is None:
            raise QueryError("a list has no end", field.end(), len(text))
        yield value
        count, at = count + 1, _skip(_LIST_GAP, text, value.end)
    if not count:
        raise QueryError(f"{field[0]} needs a value", field.start(), at + 1)


def _value(text: str, at: int, plain: re.Pattern[str], *, is_listed: bool) -> Token | None:
    if text[at : at + 1] == '"':
        return _quoted(text, at, Kind.VALUE, is_listed=is_listed)
    if (regex := _REGEX.match(text, at)) is not None:
        return Token(Kind.PATTERN, regex[1].replace("\\/", "/"), at, regex.end(), is_listed=is_listed)
    found = plain.match(text, at)
    return None if found is None else Token(Kind.VALUE, found[0], at, found.end(), is_listed=is_listed)
