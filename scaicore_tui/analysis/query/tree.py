"""The typed tree of a query, its errors, and its text: `format_query` of a tree parses to the same tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from scaicore_tui.errors import UsageError


class QueryError(UsageError):
    """A query cannot be parsed: what is wrong, from character `begin` to before `end`, counted from 0.

    `suggestion` is the nearest correct word; empty if there is none.
    """

    def __init__(self, problem: str, begin: int, end: int, suggestion: str = "") -> None:
        hint = f"did you mean {suggestion}?" if suggestion else "scaicore-tui help queries"
        super().__init__(f"query, character {begin + 1}: {problem}", effect="nothing was searched", hint=hint)
        self.problem = problem
        self.begin = begin
        self.end = max(end, begin + 1)
        self.suggestion = suggestion


class Op(StrEnum):
    """The operators between a field and its value. HAS: a text contains it, a time or number is in it."""

    HAS = ":"
    EQUAL = "="
    UNEQUAL = "!="
    MATCHES = "~"
    ABOVE = ">"
    AT_LEAST = ">="
    BELOW = "<"
    AT_MOST = "<="


class TextValue(Struct, frozen=True):
    """A text; for a field with fixed words, one of these or its beginning."""

    text: str


class NumberValue(Struct, frozen=True):
    """A number."""

    number: int | float


class DurationValue(Struct, frozen=True):
    """A duration such as `200ms`. `text` is as typed."""

    text: str
    ms: float


class MomentValue(Struct, frozen=True):
    """A time such as `2026-11-25`, `14:00` or `1h` (ago), as typed: the last two depend on the time of evaluation."""

    text: str


class PatternValue(Struct, frozen=True):
    """A regular expression."""

    source: str


Value = TextValue | NumberValue | DurationValue | MomentValue | PatternValue


class Word(Struct, frozen=True, tag=True):
    """A text that must occur anywhere in the row, whatever its case."""

    text: str


class Test(Struct, frozen=True, tag=True):
    """A test of a field: true if it is true for any of `values`; with UNEQUAL, if the field has none of them.

    `path` leads into the JSON of the field. Without a value in the row, a test is false.
    """

    # Not a class of tests, whatever its name.
    __test__ = False

    field: str
    op: Op
    values: tuple[Value, ...]
    path: tuple[str, ...] = ()


class Not(Struct, frozen=True, tag=True):
    """The opposite of `part`."""

    part: Tree


class And(Struct, frozen=True, tag=True):
    """True if all parts are; so also without any."""

    parts: tuple[Tree, ...]


class Or(Struct, frozen=True, tag=True):
    """True if any part is; so not without any."""

    parts: tuple[Tree, ...]


Tree = Word | Test | Not | And | Or
EVERYTHING = And(())
NOTHING = Or(())


class Query(Struct, frozen=True):
    """A query that was parsed: its text as typed, and its tree."""

    text: str
    tree: Tree

    @property
    def is_empty(self) -> bool:
        """True if every row matches, as there is no condition."""
        return self.tree == EVERYTHING

    def also(self, *conditions: Tree) -> Query:
        """Return a query that also needs `conditions`."""
        return Query(self.text, And((self.tree, *conditions))) if conditions else self


def tests_in(tree: Tree) -> Iterator[Test]:
    """Yield all tests of fields in `tree`."""
    match tree:
        case Test():
            yield tree
        case Not(part):
            yield from tests_in(part)
        case And(parts) | Or(parts):
            for part in parts:
                yield from tests_in(part)


KEYWORDS = frozenset({"AND", "OR", "or", "NOT"})
# A word that the parser reads as itself, without quotation marks.
_PLAIN = re.compile(r"[^\s()|\",!/-][^\s()|\",]*")
# What the parser takes for the beginning of a test of a field.
FIELD = re.compile(r"([A-Za-z_]\w*)((?:\.[^\s:=!~<>()|\",.]+)*)(!=|>=|<=|[:=~<>])", re.ASCII)


def format_query(tree: Tree) -> str:
    """Return the text of a tree. Parsing it gives the same tree."""
    match tree:
        case And(parts):
            return " ".join(_grouped(part) if isinstance(part, And | Or) else format_query(part) for part in parts)
        case Or(parts):
            return " | ".join(_grouped(part) if isinstance(part, Or) else format_query(part) for part in parts)
        case Not(part):
            return f"!{_grouped(part) if isinstance(part, And | Or) else format_query(part)}"
        case Word(text):
            return quoted(text, is_word=True)
        case Test():
            return f"{'.'.join((tree.field, *tree.path))}{_format_values(tree)}"


def _grouped(tree: Tree) -> str:
    return f"({format_query(tree)})"


def _format_values(test: Test) -> str:
    values = [_format_value(value) for value in test.values]
    return f"{test.op}{values[0] if len(values) == 1 else '(' + ', '.join(values) + ')'}"


def _format_value(value: Value) -> str:
    match value:
        case PatternValue(source):
            return f"/{_escape_slashes(source)}/"
        case NumberValue(number):
            return repr(number)
        case DurationValue(text) | MomentValue(text) | TextValue(text):
            return quoted(text)


def _escape_slashes(source: str) -> str:
    """Return a regular expression in which each slash that is not escaped is."""
    return re.sub(r"\\.|/", lambda found: "\\/" if found[0] == "/" else found[0], source, flags=re.DOTALL)


def quoted(text: str, *, is_word: bool = False) -> str:
    """Return a text as the parser reads it: in quotation marks, unless it is plain."""
    is_plain = _PLAIN.fullmatch(text) and not (is_word and (text in KEYWORDS or FIELD.match(text)))
    return text if is_plain else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
