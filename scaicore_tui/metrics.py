"""Counters, gauges and histograms, and their text in Prometheus' format 0.0.4. No I/O, no clock.

The format is a page long, and of a library the rest (registries, a server, metrics of processes) would not be used.

A label never carries more than a fixed number of names that come from outside: later ones are counted as OTHER. Which
names have a series of their own never changes while the program runs, so no counter ever goes down.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import accumulate
from math import inf, isinf, isnan
from typing import NamedTuple

from msgspec import Struct

from scaicore_tui.text import one_line

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# The value of a label for all names beyond the limit, and for a missing name.
OTHER, UNKNOWN = "other", "unknown"
MAX_LABEL_CELLS = 80
_ESCAPED_IN_LABELS = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_ESCAPED_IN_HELP = str.maketrans({"\\": r"\\", "\n": r"\n"})


class Kind(StrEnum):
    """The types of metrics."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Sample(NamedTuple):
    """One line of a metric: `suffix` follows the metric's name."""

    value: float
    labels: tuple[tuple[str, str], ...] = ()
    suffix: str = ""


class Family(Struct, frozen=True):
    """A metric with its samples at one moment, which can be read once. `meaning` is one sentence for people."""

    name: str
    kind: Kind
    meaning: str
    samples: Iterable[Sample]


def gauge(name: str, meaning: str, value: float) -> Family:
    """Return a gauge without labels."""
    return Family(name, Kind.GAUGE, meaning, (Sample(value),))


def gauges(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Family:
    """Return a gauge with one label, and a sample for each of its values."""
    return Family(name, Kind.GAUGE, meaning, [Sample(value, ((label, key),)) for key, value in values.items()])


def counters(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Family:
    """Return counters that are counted elsewhere, with one label."""
    return Family(name, Kind.COUNTER, meaning, [Sample(value, ((label, key),)) for key, value in values.items()])


def counter(name: str, meaning: str, value: float) -> Family:
    """Return a counter that is counted elsewhere, without labels."""
    return Family(name, Kind.COUNTER, meaning, (Sample(value),))


class Names:
    """Names from outside as values of labels: safe to show, cut to MAX_LABEL_CELLS, and at most `limit` of them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: dict[tuple[str, ...], None] = {}

    def labels(self, *names: str | None) -> tuple[str, ...]:
        """Return the values of labels for one name, or for several that belong together."""
        labels = tuple(safe_label(name) if name else UNKNOWN for name in names)
        if labels in self._known:
            return labels
        if len(self._known) >= self._limit:
            return (OTHER,) * len(names)
        self._known[labels] = None
        return labels


@lru_cache(2_000)
def safe_label(name: str) -> str:
    """Return a name from outside as the value of a label: one line, without characters that control anything."""
    return one_line(name[:2_000], MAX_LABEL_CELLS)


class Counter:
    """A counter with labels. One thread may add while another reads."""

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        self._name, self._meaning, self._labels = name, meaning, labels
        self._values: dict[tuple[str, ...], float] = {}

    def add(self, *values: str, amount: float = 1) -> None:
        """Count `amount`, which is not negative, for these values of the labels."""
        self._values[values] = self._values.get(values, 0) + amount

    def family(self) -> Family:
        """Return the counts so far."""
        rows = list(self._values.items())
        samples = [Sample(count, tuple(zip(self._labels, values, strict=True))) for values, count in rows]
        return Family(self._name, Kind.COUNTER, self._meaning, samples)


class Durations:
    """A histogram of durations with labels. One thread may add while another reads.

    `bounds` are the upper bounds of the buckets in seconds, in ascending order.
    """

    def __init__(self, name: str, meaning: str, bounds: Sequence[float], *labels: str) -> None:
        self._name, self._meaning, self._labels = name, meaning, labels
        self._bounds = tuple(bounds)
        self._rows: dict[tuple[str, ...], list[float]] = {}

    def add(self, *values: str, seconds: float) -> None:
        """Count one duration for these values of the labels. A negative one, of clocks that disagree, counts as 0."""
        row = self._rows.get(values)
        if row is None:
            # The counts of the buckets, of what is longer than all bounds, and the sum of the durations.
            row = self._rows[values] = [0.0] * (len(self._bounds) + 2)
        row[bisect_left(self._bounds, seconds)] += 1
        row[-1] += max(0.0, seconds)

    def family(self) -> Family:
        """Return the histograms so far. Their samples are made when they are read."""
        rows = [(values, tuple(row)) for values, row in list(self._rows.items())]
        samples = (sample for values, row in rows for sample in self._samples(values, row))
        return Family(self._name, Kind.HISTOGRAM, self._meaning, samples)

    def _samples(self, values: tuple[str, ...], row: Sequence[float]) -> Iterator[Sample]:
        labels = tuple(zip(self._labels, values, strict=True))
        *counts, total_s = row
        cumulative = list(accumulate(counts))
        for bound, count in zip((*self._bounds, inf), cumulative, strict=True):
            yield Sample(count, (*labels, ("le", _number(bound))), "_bucket")
        yield Sample(total_s, labels, "_sum")
        yield Sample(cumulative[-1], labels, "_count")


def render(families: Iterable[Family]) -> bytes:
    """Return the text of metrics."""
    return "".join(line for family in families for line in _lines(family)).encode()


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.meaning.translate(_ESCAPED_IN_HELP)}\n# TYPE {family.name} {family.kind}\n"
    for value, labels, suffix in family.samples:
        pairs = ",".join(f'{name}="{text.translate(_ESCAPED_IN_LABELS)}"' for name, text in labels)
        yield f"{family.name}{suffix}{f'{{{pairs}}}' if pairs else ''} {_number(value)}\n"


def _number(value: float) -> str:
    if isnan(value):
        return "NaN"
    if isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
