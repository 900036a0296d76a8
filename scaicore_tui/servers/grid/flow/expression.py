"""The language of conditions and templates: a small part of Python's expressions, interpreted here and never by Python.

An expression can read the names it is given, compare and calculate. It cannot reach an attribute of a Python object,
call anything but the functions listed here, or build anything much larger than its operands.

No library does this. Tried with the 36 hostile expressions and 16 others of `tests/servers/test_grid_expression.py`:

- simpleeval 1.0 evaluates 18 hostile ones; `'%1000000000d' % 1` builds a gigabyte. An unknown name is an error, and
  `order.items` is a method of the dictionary. It checks every value that it passes: reading one of 100,000 items takes
  93 ms instead of 3 µs. With operators, functions, names, lookups and limits of our own, little of it would be left.
- Jinja 3.1, sandboxed, compiles to Python. It evaluates 12 hostile ones, `order.items` is a method too, and a missing
  value does not equal `null`.
- CEL (cel-python 0.5) is another language: 12 of the 16 others fail, such as `a and not b`. It takes 100 ms to import.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

MAX_EXPRESSION_CHARS: Final = 500
MAX_RESULT_ITEMS: Final = 1024 * 1024
"""Characters of a string or items of a list. Repeated doubling would otherwise fill the memory."""
MAX_INTEGER_BITS: Final = 8192
"""Python refuses to format much longer integers."""

_LITERALS: Final[Mapping[str, Any]] = {"true": True, "false": False, "null": None}
_COMPARISONS: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda member, whole: member in whole,
    ast.NotIn: lambda member, whole: member not in whole,
}
_ARITHMETIC: Final[Mapping[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class ExpressionError(ValueError):
    """The text is not an expression of this language, or its values do not fit its operators."""


def _round(value: float, digits: int = 0) -> float:
    if not 0 <= digits <= 12:
        raise ExpressionError("round takes 0 to 12 digits")
    return round(value, digits) if digits else round(value)


_FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {"len": len, "round": _round, "sum": sum}


@lru_cache(maxsize=512)
def _parse(text: str) -> ast.expr:
    if len(text) > MAX_EXPRESSION_CHARS:
        raise ExpressionError(f"an expression of {len(text)} characters is too long")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"cannot read {text!r}") from error


def evaluate(text: str, names: Mapping[str, Any]) -> Any:
    """Return the value of `text`; an unknown name or key in it is None. Raises ExpressionError."""
    tree = _parse(text)
    try:
        return _evaluate(tree, names)
    except (TypeError, ArithmeticError, RecursionError) as error:
        raise ExpressionError(f"cannot evaluate {text!r}: {error}") from error


def check_expression(text: str) -> None:
    """Raise ExpressionError if `evaluate` would refuse `text` whatever the values are."""
    for part in ast.walk(_parse(text)):
        if isinstance(part, ast.expr) and type(part) not in _EVALUATORS:
            raise ExpressionError(f"{type(part).__name__} is not allowed in {text!r}")
        if isinstance(part, ast.Call):
            _function(part)
        if isinstance(part, ast.Constant):
            _constant(part, {})


def _evaluate(tree: ast.expr, names: Mapping[str, Any]) -> Any:
    rule = _EVALUATORS.get(type(tree))
    if rule is None:
        raise ExpressionError(f"{type(tree).__name__} is not allowed")
    return rule(tree, names)


def _name(tree: ast.Name, names: Mapping[str, Any]) -> Any:
    return _LITERALS[tree.id] if tree.id in _LITERALS else names.get(tree.id)


def _attribute(tree: ast.Attribute, names: Mapping[str, Any]) -> Any:
    return _lookup(_evaluate(tree.value, names), tree.attr)


def _subscript(tree: ast.Subscript, names: Mapping[str, Any]) -> Any:
    return _lookup(_evaluate(tree.value, names), _evaluate(tree.slice, names))


def _lookup(whole: Any, key: Any) -> Any:
    """Return a mapping's value or a list's item, None if missing. Never reads an attribute of an object."""
    if isinstance(whole, Mapping):
        return whole.get(key)
    if isinstance(whole, list) and isinstance(key, int) and -len(whole) <= key < len(whole):
        return whole[key]
    return None


def _boolean(tree: ast.BoolOp, names: Mapping[str, Any]) -> Any:
    stop_at = isinstance(tree.op, ast.Or)
    value: Any = not stop_at
    for part in tree.values:
        value = _evaluate(part, names)
        if bool(value) is stop_at:
            break
    return value


def _unary(tree: ast.UnaryOp, names: Mapping[str, Any]) -> Any:
    value = _evaluate(tree.operand, names)
    if isinstance(tree.op, ast.Not):
        return not value
    if isinstance(tree.op, ast.USub):
        return -value
    raise ExpressionError(f"{type(tree.op).__name__} is not allowed")


def _compare(tree: ast.Compare, names: Mapping[str, Any]) -> bool:
    left = _evaluate(tree.left, names)
    for sign, part in zip(tree.ops, tree.comparators, strict=True):
        right = _evaluate(part, names)
        compare = _COMPARISONS.get(type(sign))
        if compare is None:
            raise ExpressionError(f"{type(sign).__name__} is not allowed")
        if not compare(left, right):
            return False
        left = right
    return True


def _arithmetic(tree: ast.BinOp, names: Mapping[str, Any]) -> Any:
    calculate = _ARITHMETIC.get(type(tree.op))
    if calculate is None:
        raise ExpressionError(f"{type(tree.op).__name__} is not allowed")
    left, right = _evaluate(tree.left, names), _evaluate(tree.right, names)
    if isinstance(tree.op, ast.Mult) and not (isinstance(left, int | float) and isinstance(right, int | float)):
        raise ExpressionError("only numbers can be multiplied")  # "a" * 10**9 would fill the memory
    return _check_bounds(calculate(left, right))


def _conditional(tree: ast.IfExp, names: Mapping[str, Any]) -> Any:
    return _evaluate(tree.body if _evaluate(tree.test, names) else tree.orelse, names)


def _function(tree: ast.Call) -> Callable[..., Any]:
    if not isinstance(tree.func, ast.Name) or tree.func.id not in _FUNCTIONS or tree.keywords:
        raise ExpressionError("only len, round and sum can be called")
    return _FUNCTIONS[tree.func.id]


def _call(tree: ast.Call, names: Mapping[str, Any]) -> Any:
    return _check_bounds(_function(tree)(*(_evaluate(part, names) for part in tree.args)))


def _constant(tree: ast.Constant, _names: Mapping[str, Any]) -> Any:
    if not isinstance(tree.value, str | int | float | None):
        raise ExpressionError(f"{tree.value!r} is not a JSON value")
    return _check_bounds(tree.value)


def _check_bounds(value: Any) -> Any:
    """Return `value` if it can be sent as JSON and is not too large. Raises ExpressionError."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ExpressionError("the result is not a finite number")
    if isinstance(value, int) and value.bit_length() > MAX_INTEGER_BITS:
        raise ExpressionError("the result is too large a number")
    if isinstance(value, str | list) and len(value) > MAX_RESULT_ITEMS:
        raise ExpressionError("the result is too long")
    return value


_EVALUATORS: Final[Mapping[type[ast.expr], Callable[[Any, Mapping[str, Any]], Any]]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _unary,
    ast.Compare: _compare,
    ast.BinOp: _arithmetic,
    ast.IfExp: _conditional,
    ast.Call: _call,
    ast.List: lambda tree, names: [_evaluate(part, names) for part in tree.elts],
}
