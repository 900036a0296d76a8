"""The meaning of the operators for numbers, durations and moments: comparisons of the number that is stored."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from scaicore_tui.analysis.query.tree import DurationValue, MomentValue, NumberValue, Op, Value
from scaicore_tui.analysis.query.values import parse_period
from scaicore_tui.units import Micros

# Durations that are stored as the time at which they began: the longer, the lower.
_AGES = frozenset({"age", "idle"})
_HOLDS: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_MIRRORED = {"=": "=", ">": "<", ">=": "<=", "<": ">", "<=": ">="}


class Comparison(Struct, frozen=True):
    """A comparison with a number; `sign` is also its operator in SQL."""

    sign: str
    number: int | float

    def holds(self, value: float) -> bool:
        """Return whether it is true for `value`."""
        return _HOLDS[self.sign](value, self.number)


def comparisons(field: str, op: Op, value: Value, now: Micros) -> Sequence[Comparison]:
    """Return the comparisons that are all true for a stored number if it passes the test; `now` is since 1970.

    For UNEQUAL, those of EQUAL: the test is their opposite.
    """
    sign = "=" if op in (Op.HAS, Op.EQUAL, Op.UNEQUAL) else op.value
    match value:
        case NumberValue(number):
            return [Comparison(sign, number)]
        case DurationValue(_, ms) if field in _AGES:
            return [Comparison(_MIRRORED[sign], now - round(ms * 1000))]
        case DurationValue(_, ms):
            return [Comparison(sign, ms)]
        case MomentValue(text):
            return _within(sign, text, now)
        case _:
            raise TypeError(value)


def _within(sign: str, text: str, now: Micros) -> Sequence[Comparison]:
    period = parse_period(text, now)
    if period is None:
        raise ValueError(text)
    match sign:
        case ">":
            return [Comparison(">=", period.later)]
        case ">=":
            return [Comparison(">=", period.begin)]
        case "<":
            return [Comparison("<", period.begin)]
        case "<=":
            return [Comparison("<", max(period.later, period.begin + 1))]
        case _:
            return [Comparison(">=", period.begin), Comparison("<", period.end)]
