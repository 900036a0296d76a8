"""The rows of the benchmark table: their registration, results and limits."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import tests.bench

# Units of results that are the same on every machine. Everything else is only meaningful beside a reference.
COUNT_UNITS = frozenset({"", "bytes", "bytes/s", "bytes/run", "calls", "×"})


@dataclass(frozen=True)
class Row:
    """One result. The `target` limits the `ratio` to the `reference` if there is one, otherwise the `value`.

    Without a `value` nothing was measured, and the `note` says why. Without a `target` there is no limit. `goal` is the
    name of the goal that the row shows, if there is one. Raises ValueError for a time or a size without a reference.
    """

    name: str
    value: float | None = None
    unit: str = ""
    target: float | None = None
    is_minimum: bool = False
    reference: float | None = None
    reference_name: str = ""
    note: str = ""
    goal: str = ""

    def __post_init__(self) -> None:
        if self.value is not None and self.reference is None and self.unit not in COUNT_UNITS:
            raise ValueError(f"{self.name}: {self.unit} mean nothing without a reference of the same run")

    @property
    def ratio(self) -> float | None:
        """Return how many times the reference the value is."""
        return self.value / self.reference if self.value is not None and self.reference else None

    @property
    def is_met(self) -> bool | None:
        """Return True if the target is met; None without a target or a value."""
        compared = self.value if self.reference is None else self.ratio
        if self.target is None or compared is None:
            return None
        return compared >= self.target if self.is_minimum else compared <= self.target

    @property
    def limit(self) -> str:
        """Return the target as text."""
        if self.target is None:
            return ""
        is_ratio = self.reference is not None or (self.value is None and self.reference_name)
        return f"{'≥' if self.is_minimum else '≤'} {self.target:,g}{' ×' if is_ratio else ''}"


@dataclass(frozen=True)
class Setting:
    """How to measure: with `small` sizes only counts are meaningful; `peers` is a folder with other programs."""

    small: bool = False
    peers: Path | None = None

    def size(self, full: int, small: int) -> int:
        """Return the size for this setting."""
        return small if self.small else full


Measure = Callable[[Setting], Iterable[Row]]

# By name, in the order of the table.
_ROWS: dict[str, tuple[int, Measure]] = {}


def row(name: str, position: int) -> Callable[[Measure], Measure]:
    """Register a function that yields one or more rows; `position` is their position in the table."""

    def register(measure: Measure) -> Measure:
        _ROWS[name] = (position, measure)
        return measure

    return register


def names() -> list[str]:
    """Return the names of all measurements, in the order of the table."""
    for module in pkgutil.iter_modules(tests.bench.__path__, "tests.bench."):
        if not module.name.startswith(("tests.bench.__main__", "tests.bench.test_")):
            import_module(module.name)
    return sorted(_ROWS, key=lambda name: (_ROWS[name][0], name))


def measure_rows(setting: Setting, only: Iterable[str] = ()) -> Iterator[Row]:
    """Yield the rows, each as soon as it is measured."""
    selected = set(only)
    for name in names():
        if not selected or name in selected:
            yield from _ROWS[name][1](setting)
