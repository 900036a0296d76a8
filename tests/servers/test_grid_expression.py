"""Conditions and templates: their values, and their limits against harmful expressions."""

from __future__ import annotations

from typing import Any

import pytest

from scaicore_tui.servers.grid.flow.expression import MAX_RESULT_ITEMS, ExpressionError, check_expression, evaluate
from scaicore_tui.servers.grid.flow.template import expressions, render

NAMES: dict[str, Any] = {
    "classify": {"amount": 250, "intent": "refund", "lines": [1, 2, 3]},
    "vars": {"limit": 200.5},
    "flag": True,
    "long": "x" * 600_000,
    "many": [0] * 600_000,
    "huge": 2**8191,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("classify.amount > vars.limit", True),
        ("100 < classify.amount <= 250", True),
        ("classify.intent == 'refund' and not flag", False),
        ("classify.intent in ['bug', 'refund']", True),
        ("'x' not in classify.lines", True),
        ("classify['lines'][-1]", 3),
        ("classify.lines[7]", None),
        ("nothing.at.all", None),
        ("nothing or 'a default'", "a default"),
        ("classify.amount and flag", True),
        ("'big' if classify.amount > 100 else 'small'", "big"),
        ("-classify.amount + 1", -249),
        ("round(classify.amount / 3, 2)", 83.33),
        ("round(2.6)", 3),
        ("len(classify.lines) * sum(classify.lines)", 18),
        ("true and not false and null == null", True),
        ("nothing == null and classify.nothing == null", True),
        ("classify.items", None),
    ],
)
def test_an_expression_has_a_value(text: str, value: Any) -> None:
    check_expression(text)
    assert evaluate(text, NAMES) == value


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "(lambda: 1)()",
        "[x for x in classify.lines]",
        "classify.get('amount')",
        "open('/etc/passwd')",
        "len(*classify)",
        "round(1, digits=2)",
        "(x := 1)",
        "f'{flag}'",
        "{'a': 1}",
        "1 if",
        "1j",
        "b'bytes'",
        "...",
        "1e999",
        "1 +" * 400 + "1",
        "(" * 240 + "1" + ")" * 240,
        "",
    ],
)
def test_other_python_is_refused_by_the_check_and_by_evaluation(text: str) -> None:
    with pytest.raises(ExpressionError):
        check_expression(text)
    with pytest.raises(ExpressionError):
        evaluate(text, NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "nothing > 1",
        "classify.amount / 0",
        "'ab' * 1000000000",
        "2 ** 9",
        "9 ** 9 ** 9",
        "1 << 1000000000",
        "'%1000000000d' % 1",
        "long + long",
        "many + many",
        "huge * huge",
        "sum([huge, huge])",
        "~flag",
        "flag is true",
        "1e308 * 10",
        "sum([1e308, 1e308])",
        "round(1, 999999999)",
        "len(flag)",
        "classify[classify]",
    ],
)
def test_unsuitable_values_are_an_expression_error(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(text, NAMES)


def test_attributes_of_python_objects_cannot_be_read() -> None:
    assert evaluate("classify.__class__", NAMES) is None
    assert evaluate("flag.__class__.__mro__", NAMES) is None


def test_repeated_doubling_is_stopped() -> None:
    value: Any = "x"
    while len(value) <= MAX_RESULT_ITEMS // 2:
        value = evaluate("value + value", {"value": value})
    with pytest.raises(ExpressionError, match="too long"):
        evaluate("value + value + value", {"value": value})


def test_a_template_that_is_the_whole_string_keeps_the_type() -> None:
    assert render("{{classify.amount}}", NAMES) == 250
    assert render("{{classify.lines}}", NAMES) == [1, 2, 3]


def test_templates_inside_text_and_structures_are_filled() -> None:
    value = {"say": "{{classify.intent}}: {{classify.amount}} EUR, {{nothing}}{{flag}}", "keep": [1, "{{flag}}"]}
    assert render(value, NAMES) == {"say": "refund: 250 EUR, true", "keep": [1, True]}


def test_data_that_looks_like_a_template_is_not_rendered() -> None:
    assert render("{{input}}", {"input": "{{secret}}", "secret": 1}) == "{{secret}}"


def test_every_expression_of_a_structure_is_found() -> None:
    assert list(expressions({"a": "{{x}} and {{y}}", "b": [{"c": "{{z}}"}, 4]})) == ["x", "y", "z"]
