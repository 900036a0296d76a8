"""The rows of the table: which there are, what each must reach, and what measuring one yields."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import tests.bench


@dataclass(frozen=True)
class Row:
    """One result. What is judged is the `ratio` to the `least`, where there is one, or else the `value`.

    Without a `value` it was not measured, and the `note` says why; without a `target` it is only told.
    """

    name: str
    value: float | None = None
    unit: str = ""
    target: float | None = None
    at_least: bool = False
    least: float | None = None
    beside: str = ""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times the least it is."""
        return self.value / self.least if self.value is not None and self.least else None

    @property
    def reached(self) -> bool | None:
        """Whether it is what it must be; None where nothing says so."""
        judged = self.value if self.least is None else self.ratio
        if self.target is None or judged is None:
            return None
        return judged >= self.target if self.at_least else judged <= self.target

    @property
    def must(self) -> str:
        """The target, in a word."""
        if self.target is None:
            return ""
        return f"{'≥' if self.at_least else '≤'} {self.target:,g}{' ×' if self.least is not None else ''}"


@dataclass(frozen=True)
class Setting:
    """How to measure: `small` is for counts, where times say nothing; `peers` is a folder with other programs."""

    small: bool = False
    peers: Path | None = None

    def size(self, full: int, small: int) -> int:
        """How many of something."""
        return small if self.small else full


Measure = Callable[[Setting], Iterable[Row]]

# By name, in the order of the table.
_ROWS: dict[str, tuple[int, Measure]] = {}


def row(name: str, place: int) -> Callable[[Measure], Measure]:
    """Register what yields a row, or some that are measured together; `place` orders the table."""

    def register(measure: Measure) -> Measure:
        _ROWS[name] = (place, measure)
        return measure

    return register


def names() -> list[str]:
    """All there are, in the order of the table."""
    for module in pkgutil.iter_modules(tests.bench.__path__, "tests.bench."):
        if not module.name.startswith(("tests.bench.__main__", "tests.bench.test_")):
            import_module(module.name)
    return sorted(_ROWS, key=lambda name: (_ROWS[name][0], name))


def measured(setting: Setting, only: Iterable[str] = ()) -> Iterator[Row]:
    """The rows, each as soon as it is known."""
    wanted = set(only)
    for name in names():
        if not wanted or name in wanted:
            yield from _ROWS[name][1](setting)
