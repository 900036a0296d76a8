"""Parse the text of a query for a subject. An unknown field, operator or value is an error, never a text search."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from scaicore_tui.analysis.query.fields import CHECKPOINTS, EVENTS, OPERATORS, RUNS, Field, FieldKind, Subject
from scaicore_tui.analysis.query.regex import Regex, RegexError
from scaicore_tui.analysis.query.tokens import Kind, Token, tokens
from scaicore_tui.analysis.query.tree import (
    And,
    DurationValue,
    MomentValue,
    Not,
    NumberValue,
    Op,
    Or,
    PatternValue,
    Query,
    QueryError,
    Test,
    TextValue,
    Tree,
    Value,
    Word,
)
from scaicore_tui.analysis.query.values import is_moment, parse_duration, parse_number

MAX_DEPTH = 40
# SQLite refuses expressions that are much deeper.
MAX_TOKENS = 300
_DURATION_HINT = "a duration such as 200ms, 5s, 10m or 2d"
_MOMENT_HINT = "a time such as 2026-11-25, 14:00 or 1h (ago)"


def parse_query(text: str, subject: Subject) -> Query:
    """Return the query in `text` about `subject`. Raises QueryError with the position of what is wrong."""
    return _parse(text, subject.name)


@lru_cache(64)
def _parse(text: str, subject: str) -> Query:
    return Query(text, _Parser(text, SUBJECTS[subject]).parse())


SUBJECTS = {subject.name: subject for subject in (RUNS, EVENTS, CHECKPOINTS)}


class _Parser:
    """Parses one text by recursive descent: a method for each rule of the grammar."""

    def __init__(self, text: str, subject: Subject) -> None:
        self._text = text
        self._subject = subject
        self._tokens = list(tokens(text))
        if len(self._tokens) > MAX_TOKENS:
            token = self._tokens[MAX_TOKENS]
            raise QueryError(f"it has more than {MAX_TOKENS} parts", token.begin, len(text))
        self._next = 0
        self._depth = 0

    def parse(self) -> Tree:
        if not self._tokens:
            return And(())
        tree = self._either()
        if (token := self._peek()) is not None:
            raise QueryError("there is a ) without a (", token.begin, token.end)
        return tree

    def _peek(self) -> Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _take(self, *kinds: Kind) -> Token | None:
        """Return the next token and go on, if it is of one of `kinds`."""
        token = self._peek()
        if token is None or token.kind not in kinds:
            return None
        self._next += 1
        return token

    def _either(self) -> Tree:
        parts = [self._both()]
        while self._take(Kind.OR):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _both(self) -> Tree:
        parts = [self._one()]
        while (token := self._peek()) is not None and token.kind not in (Kind.OR, Kind.CLOSE):
            self._take(Kind.AND)
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _one(self) -> Tree:
        token = self._take(Kind.NOT, Kind.OPEN, Kind.FIELD, Kind.WORD)
        if token is None:
            raise self._missing()
        if token.kind is Kind.WORD:
            return Word(token.text)
        if token.kind is Kind.FIELD:
            return self._test(token)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise QueryError("too many ( and ! are in each other", token.begin, token.end)
        part = Not(self._one()) if token.kind is Kind.NOT else self._group(token)
        self._depth -= 1
        return part

    def _group(self, opening: Token) -> Tree:
        tree = self._either()
        if self._take(Kind.CLOSE) is None:
            raise QueryError("a ( has no )", opening.begin, opening.end)
        return tree

    def _missing(self) -> QueryError:
        token = self._peek()
        before = self._tokens[self._next - 1] if self._next else None
        what = f"after {before.text}" if before is not None else "here"
        begin, end = (len(self._text) - 1, len(self._text)) if token is None else (token.begin, token.end)
        return QueryError(f"a word or a test such as status:failed is missing {what}", begin, end)

    def _test(self, token: Token) -> Tree:
        name, *path = token.text.split(".")
        field = _find_field(name, token, self._subject)
        if path and field.kind is not FieldKind.JSON:
            raise QueryError(f"{name} has no members", token.begin, token.end, name)
        values: list[Token] = []
        while (value := self._take(Kind.VALUE, Kind.PATTERN)) is not None:
            values.append(value)
        op = _operator(field, token, values)
        return Test(field.name, op, tuple(_value(field, op, value) for value in values), tuple(path))


def _find_field(name: str, token: Token, subject: Subject) -> Field:
    field = subject.fields.get(name) or subject.fields.get(name.lower())
    if field is not None:
        return field
    near = nearest(name, subject.fields)
    hint = "" if near else f"; to find the text, write it in quotation marks; fields: {', '.join(subject.fields)}"
    raise QueryError(f"{subject.name} have no field {name}{hint}", token.begin, token.end, near)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the one of `known` that `word` is most like; empty if it is like none."""
    return next(iter(difflib.get_close_matches(word.lower(), list(known), 1, 0.6)), "")


def _operator(field: Field, token: Token, values: list[Token]) -> Op:
    """Return the operator; with a regular expression as value, `:` stands for `~`."""
    op = Op(token.op)
    if any(value.kind is Kind.PATTERN for value in values) and op is Op.HAS:
        op = Op.MATCHES
    allowed = OPERATORS[field.kind]
    if op not in allowed:
        begin = token.end
        raise QueryError(
            f"{field.name} is a {field.kind}: it takes {' '.join(allowed)}, not {op}", begin, begin + len(token.op), ":"
        )
    return op


def _value(field: Field, op: Op, token: Token) -> Value:
    if op is Op.MATCHES:
        return _pattern(token)
    if token.kind is Kind.PATTERN:
        raise QueryError(f"a regular expression needs ~, not {op}", token.begin, token.end)
    is_ordered = op in (Op.ABOVE, Op.AT_LEAST, Op.BELOW, Op.AT_MOST)
    if field.kind is FieldKind.JSON:
        return _number(token) if is_ordered else TextValue(token.text)
    if field.choices:
        return _choice(field, op, token)
    return _READERS[field.kind](token)


def _choice(field: Field, op: Op, token: Token) -> Value:
    """Return one of the words of a field; with `:` also the beginning of some."""
    text = token.text.lower()
    if text in field.choices or (op is Op.HAS and any(choice.startswith(text) for choice in field.choices)):
        return TextValue(text)
    near = nearest(text, field.choices)
    raise QueryError(
        f"{field.name} is never {token.text}: it is {', '.join(field.choices)}", token.begin, token.end, near
    )


def _pattern(token: Token) -> Value:
    try:
        Regex(token.text)
    except RegexError as error:
        begin = token.begin + (token.kind is Kind.PATTERN or token.is_quoted) + error.position
        raise QueryError(f"the regular expression {error}", min(begin, token.end - 1), token.end) from None
    return PatternValue(token.text)


def _number(token: Token) -> Value:
    number = parse_number(token.text)
    if number is None:
        raise QueryError(f"{token.text} is not a number", token.begin, token.end)
    return NumberValue(number)


def _duration(token: Token) -> Value:
    ms = parse_duration(token.text)
    if ms is None:
        raise QueryError(f"{token.text} is not {_DURATION_HINT}", token.begin, token.end)
    return DurationValue(token.text, ms)


def _moment(token: Token) -> Value:
    if not is_moment(token.text):
        raise QueryError(f"{token.text} is not {_MOMENT_HINT}", token.begin, token.end)
    return MomentValue(token.text)


_READERS: Mapping[FieldKind, Callable[[Token], Value]] = {
    FieldKind.TEXT: lambda token: TextValue(token.text),
    FieldKind.NUMBER: _number,
    FieldKind.DURATION: _duration,
    FieldKind.MOMENT: _moment,
}
