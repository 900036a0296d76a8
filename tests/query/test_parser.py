"""The grammar of queries: what is read, and what is said about what cannot be read."""

from __future__ import annotations

import pytest

from scaicore_tui.analysis.query import CHECKPOINTS, EVENTS, RUNS, QueryError, Subject, format_query, parse_query
from scaicore_tui.analysis.query.tree import And, Not, Op, Or, PatternValue, Test, TextValue, Word
from scaicore_tui.analysis.query.values import parse_duration, parse_period
from tests.support.builders import NOON

A, B, C = Word("a"), Word("b"), Word("c")
FAILED = Test("status", Op.HAS, (TextValue("failed"),))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", And(())),
        ("a b", And((A, B))),
        ("a AND b", And((A, B))),
        ("a b | c", Or((And((A, B)), C))),
        ("a (b or c)", And((A, Or((B, C))))),
        ("!a -b NOT c", And((Not(A), Not(B), Not(C)))),
        ("!(a | b)", Not(Or((A, B)))),
        ("status:failed", FAILED),
        ("STATUS:FAILED", FAILED),
        ("!status:failed a", And((Not(FAILED), A))),
        ('"a b" "status:failed"', And((Word("a b"), Word("status:failed")))),
        (r'"q\"o"', Word('q"o')),
        ("12:30 ! and 5%", And((Word("12:30"), Word("!"), Word("and"), Word("5%")))),
        ("core:(a, b c)", Test("core", Op.HAS, (TextValue("a"), TextValue("b"), TextValue("c")))),
        ('core:(a "b)") c', And((Test("core", Op.HAS, (TextValue("a"), TextValue("b)"))), C))),
        ("error:/a b/ c", And((Test("error", Op.MATCHES, (PatternValue("a b"),)), C))),
        (r"error~/a\/b/", Test("error", Op.MATCHES, (PatternValue("a/b"),))),
        ("error~a.b", Test("error", Op.MATCHES, (PatternValue("a.b"),))),
        ("input.path:/usr/bin", Test("input", Op.HAS, (TextValue("/usr/bin"),), ("path",))),
    ],
)
def test_a_query_is_read_as_a_tree(text: str, tree: object) -> None:
    assert parse_query(text, RUNS).tree == tree
    assert parse_query(format_query(parse_query(text, RUNS).tree), RUNS).tree == tree


@pytest.mark.parametrize(
    ("text", "subject", "begin", "end", "suggestion", "problem"),
    [
        ("a stats:failed", RUNS, 2, 7, "status", "no field stats"),
        ("http://x", RUNS, 0, 4, "", "in quotation marks"),
        ("status:faild", RUNS, 7, 12, "failed", "never faild"),
        ("status=fail", RUNS, 7, 11, "failed", "never fail"),
        ("is:wating", RUNS, 3, 9, "waiting", "it is waiting, running"),
        ("core>5", RUNS, 4, 5, ":", "core is a text: it takes : = != ~, not >"),
        ("core.x:5", RUNS, 0, 6, "core", "no members"),
        ("duration>5", RUNS, 9, 10, "", "200ms"),
        ("started>noon", RUNS, 8, 12, "", "14:00"),
        ("events>x", RUNS, 7, 8, "", "not a number"),
        ("input.a>x", RUNS, 8, 9, "", "not a number"),
        ("error:", RUNS, 0, 6, "", "needs a value"),
        ("core:(a", RUNS, 5, 7, "", "no end"),
        ("core:()", RUNS, 0, 7, "", "needs a value"),
        ("(a | b", RUNS, 0, 1, "", "no )"),
        ("a) b", RUNS, 1, 2, "", "without a ("),
        ("a |", RUNS, 2, 3, "", "missing after |"),
        ("| a", RUNS, 0, 1, "", "missing here"),
        ('"a', RUNS, 0, 2, "", "no end"),
        ("error~/a(b/", RUNS, 10, 11, "", "( without )"),
        ("error=/a/", RUNS, 6, 9, "", "needs ~"),
        ("(" * 50 + "a" + ")" * 50, RUNS, 40, 41, "", "too many"),
        ("a " * 400, RUNS, 600, 800, "", "more than 300"),
        ("a" * 3_000, RUNS, 2_000, 3_000, "", "longer than"),
        ("typ:x", EVENTS, 0, 3, "type", "events have no field typ"),
        ("status:x", EVENTS, 0, 6, "", "fields: type, core"),
        ("asignee:x", CHECKPOINTS, 0, 7, "assignee", "checkpoints have no field"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_position(
    text: str, subject: Subject, begin: int, end: int, suggestion: str, problem: str
) -> None:
    with pytest.raises(QueryError) as raised:
        parse_query(text, subject)
    error = raised.value
    assert (error.begin, error.end, error.suggestion) == (begin, end, suggestion)
    assert problem in error.problem
    assert f"character {begin + 1}" in str(error)


@pytest.mark.parametrize(
    ("text", "ms"),
    [("200ms", 200), ("5s", 5_000), ("1.5h", 5_400_000), ("1h30m", 5_400_000), ("2d", 172_800_000), ("5", None)],
)
def test_a_duration_is_read(text: str, ms: float | None) -> None:
    assert parse_duration(text) == ms


DAY, HOUR, MINUTE = 86_400_000_000, 3_600_000_000, 60_000_000


@pytest.mark.parametrize(
    ("text", "begin", "length"),
    [
        ("11:30", NOON - HOUR // 2, MINUTE),
        ("12:00:00", NOON, 1_000_000),
        ("12:01", NOON + MINUTE - DAY, MINUTE),
        ("2026-04-28", NOON - 36 * HOUR, DAY),
        ("2026-04-29T11:00Z", NOON - HOUR, 1_000_000),
        ("1h", NOON - HOUR, None),
    ],
)
def test_a_moment_is_read_as_of_now(text: str, begin: int, length: int | None) -> None:
    period = parse_period(text, NOON)
    assert period is not None
    assert period.begin == begin
    assert length is None or period.end - period.begin == length


@pytest.mark.parametrize("text", ["", "noon", "25:00", "2026-13-01", "7", "1x"])
def test_other_texts_are_no_moments(text: str) -> None:
    assert parse_period(text, NOON) is None
