"""Evaluate a query in memory: `compile_query` returns a predicate for rows.

What a test means is defined here and in `comparisons`; the SQL of the store must agree, which a test shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from scaicore_tui.analysis.query.compare import Comparison, comparisons
from scaicore_tui.analysis.query.fields import Field, FieldKind, Subject, cheapest_first
from scaicore_tui.analysis.query.json_values import json_matcher
from scaicore_tui.analysis.query.regex import Regex
from scaicore_tui.analysis.query.tree import (
    And,
    Not,
    Op,
    Or,
    PatternValue,
    Query,
    Test,
    TextValue,
    Tree,
    Value,
    Word,
    tests_in,
)
from scaicore_tui.units import Micros


class Row(Protocol):
    """A row of a subject. `text` is what words are looked for in, in lower case."""

    @property
    def text(self) -> str: ...

    def values(self, field: str) -> Sequence[Any]:
        """Return the values of a field: texts, numbers, or one JSON value. None if the row has none.

        Of a duration or a moment, the number that is stored: milliseconds, or microseconds since 1970. That of an age
        is the time at which it began.
        """


Predicate = Callable[[Row], bool]


def compile_query(query: Query, subject: Subject, now: Micros) -> Predicate:
    """Return whether a row matches, for rows of `subject`; `now` is in microseconds since 1970."""
    return _compile(cheapest_first(query.tree, subject), subject, now)


def _compile(tree: Tree, subject: Subject, now: Micros) -> Predicate:
    match tree:
        case Word(text):
            needle = storable(text.lower())
            return lambda row: needle in row.text
        case Not(part):
            inner = _compile(part, subject, now)
            return lambda row: not inner(row)
        case And(parts):
            compiled = [_compile(part, subject, now) for part in parts]
            return lambda row: all(part(row) for part in compiled)
        case Or(parts):
            compiled = [_compile(part, subject, now) for part in parts]
            return lambda row: any(part(row) for part in compiled)
        case Test():
            return _test(tree, subject.fields[tree.field], now)


def asks_for(query: Query, subject: Subject, name: str, word: str) -> bool:
    """Return whether a query tests for `word`, one of the words that the field `name` is limited to."""
    field = subject.fields[name]
    tests = (test for test in tests_in(query.tree) if test.field == name)
    return any(_matcher(test, field, value, 0)(word) for test in tests for value in test.values)


def storable(text: str) -> str:
    """Return `text` as SQLite stores it: it refuses unpaired surrogates."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _test(test: Test, field: Field, now: Micros) -> Predicate:
    name, accepts = field.name, value_matcher(test, field, now)
    if test.op is Op.UNEQUAL:
        return lambda row: not any(accepts(value) for value in row.values(name))
    return lambda row: any(accepts(value) for value in row.values(name))


def value_matcher(test: Test, field: Field, now: Micros) -> Callable[[Any], bool]:
    """Return whether a value of the field passes a test, or equals one of its values if it is for UNEQUAL."""
    matchers = [_matcher(test, field, value, now) for value in test.values]
    return matchers[0] if len(matchers) == 1 else lambda found: any(matches(found) for matches in matchers)


def _matcher(test: Test, field: Field, value: Value, now: Micros) -> Callable[[Any], bool]:
    if field.kind is FieldKind.JSON:
        return json_matcher(test, value)
    if isinstance(value, PatternValue):
        return Regex(value.source).search
    if isinstance(value, TextValue):
        return _text_matcher(test.op, field, value.text)
    return _number_matcher(comparisons(test.field, test.op, value, now))


def _text_matcher(op: Op, field: Field, text: str) -> Callable[[Any], bool]:
    if op is not Op.HAS:
        return lambda found: found == text
    needle = text.lower()
    if field.choices:
        return lambda found: found.startswith(needle)
    return lambda found: needle in found.lower()


def _number_matcher(tests: Sequence[Comparison]) -> Callable[[Any], bool]:
    return lambda found: all(test.holds(found) for test in tests)
