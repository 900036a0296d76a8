"""The language of conditions and templates: a small part of Python's expressions, walked and never evaluated by Python.

It can read the names it is given, compare and calculate. It can reach no attribute of a Python object, call nothing
but the functions listed here, and build nothing much bigger than its operands.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

MAX_LENGTH: Final = 500
MAX_RESULT: Final = 1024 * 1024
"""So many characters or items a result may have: by doubling, little becomes all that there is room for."""
MAX_BITS: Final = 8192
"""So many bits a whole number may have: Python writes no longer ones down."""

_WORDS: Final[Mapping[str, Any]] = {"true": True, "false": False, "null": None}
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
    """The text is not of this language, or its values do not fit its operators."""


def _round(value: float, digits: int = 0) -> float:
    if not 0 <= digits <= 12:
        raise ExpressionError("round takes 0 to 12 digits")
    return round(value, digits) if digits else round(value)


_FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {"len": len, "round": _round, "sum": sum}


@lru_cache(maxsize=512)
def _parse(text: str) -> ast.expr:
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"an expression of {len(text)} characters is too long")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"cannot read {text!r}") from error


def evaluate(text: str, names: Mapping[str, Any]) -> Any:
    """The value of `text` where `names` holds; an unknown name or key is None. Raises ExpressionError."""
    tree = _parse(text)
    try:
        return _value(tree, names)
    except (TypeError, ArithmeticError, RecursionError) as error:
        raise ExpressionError(f"cannot evaluate {text!r}: {error}") from error


def check(text: str) -> None:
    """Raise ExpressionError if `text` holds anything that `evaluate` refuses whatever the values are."""
    for part in ast.walk(_parse(text)):
        if isinstance(part, ast.expr) and type(part) not in _RULES:
            raise ExpressionError(f"{type(part).__name__} is not allowed in {text!r}")
        if isinstance(part, ast.Call):
            _function(part)
        if isinstance(part, ast.Constant):
            _constant(part, {})


def _value(tree: ast.expr, names: Mapping[str, Any]) -> Any:
    rule = _RULES.get(type(tree))
    if rule is None:
        raise ExpressionError(f"{type(tree).__name__} is not allowed")
    return rule(tree, names)


def _name(tree: ast.Name, names: Mapping[str, Any]) -> Any:
    return _WORDS[tree.id] if tree.id in _WORDS else names.get(tree.id)


def _attribute(tree: ast.Attribute, names: Mapping[str, Any]) -> Any:
    return _member(_value(tree.value, names), tree.attr)


def _subscript(tree: ast.Subscript, names: Mapping[str, Any]) -> Any:
    return _member(_value(tree.value, names), _value(tree.slice, names))


def _member(whole: Any, key: Any) -> Any:
    """Data only: keys of mappings and places of lists, never an attribute of an object."""
    if isinstance(whole, Mapping):
        return whole.get(key)
    if isinstance(whole, list) and isinstance(key, int) and -len(whole) <= key < len(whole):
        return whole[key]
    return None


def _boolean(tree: ast.BoolOp, names: Mapping[str, Any]) -> Any:
    stop_at = isinstance(tree.op, ast.Or)
    value: Any = not stop_at
    for part in tree.values:
        value = _value(part, names)
        if bool(value) is stop_at:
            break
    return value


def _unary(tree: ast.UnaryOp, names: Mapping[str, Any]) -> Any:
    value = _value(tree.operand, names)
    if isinstance(tree.op, ast.Not):
        return not value
    if isinstance(tree.op, ast.USub):
        return -value
    raise ExpressionError(f"{type(tree.op).__name__} is not allowed")


def _compare(tree: ast.Compare, names: Mapping[str, Any]) -> bool:
    left = _value(tree.left, names)
    for sign, part in zip(tree.ops, tree.comparators, strict=True):
        right = _value(part, names)
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
    left, right = _value(tree.left, names), _value(tree.right, names)
    if isinstance(tree.op, ast.Mult) and not (isinstance(left, int | float) and isinstance(right, int | float)):
        raise ExpressionError("only numbers can be multiplied")  # "a" * 10**9 would fill the memory
    return _bounded(calculate(left, right))


def _either(tree: ast.IfExp, names: Mapping[str, Any]) -> Any:
    return _value(tree.body if _value(tree.test, names) else tree.orelse, names)


def _function(tree: ast.Call) -> Callable[..., Any]:
    if not isinstance(tree.func, ast.Name) or tree.func.id not in _FUNCTIONS or tree.keywords:
        raise ExpressionError("only len, round and sum can be called")
    return _FUNCTIONS[tree.func.id]


def _call(tree: ast.Call, names: Mapping[str, Any]) -> Any:
    return _bounded(_function(tree)(*(_value(part, names) for part in tree.args)))


def _constant(tree: ast.Constant, _names: Mapping[str, Any]) -> Any:
    if not isinstance(tree.value, str | int | float | None):
        raise ExpressionError(f"{tree.value!r} is nothing that JSON knows")
    return _bounded(tree.value)


def _bounded(value: Any) -> Any:
    """What can't be sent, or would not end, must not come to be."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ExpressionError("the result is not a finite number")
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise ExpressionError("the result is too large a number")
    if isinstance(value, str | list) and len(value) > MAX_RESULT:
        raise ExpressionError("the result is too long")
    return value


_RULES: Final[Mapping[type[ast.expr], Callable[[Any, Mapping[str, Any]], Any]]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _unary,
    ast.Compare: _compare,
    ast.BinOp: _arithmetic,
    ast.IfExp: _either,
    ast.Call: _call,
    ast.List: lambda tree, names: [_value(part, names) for part in tree.elts],
}
