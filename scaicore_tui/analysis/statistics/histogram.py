"""A histogram of durations with logarithmic buckets: quantiles are within 1 % of the exact values.

All counts are digits, of LANE_BITS bits, of one integer: two histograms are merged by adding two integers, whatever
their ranges, so that merging is associative and exact. The same with a minus takes samples out again.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from math import ceil, log, log1p
from sys import byteorder

from msgspec import Struct

from scaicore_tui.units import Micros

# Largest relative error. A little under 1 %, so that rounding does not reach that.
MAX_ERROR = 0.0099
_GAMMA = (1 + MAX_ERROR) / (1 - MAX_ERROR)
# The logarithm of _GAMMA, computed without loss of precision.
_LOG_GAMMA = log1p(MAX_ERROR) - log1p(-MAX_ERROR)
_MICROS_PER_MS = 1_000
# About 3,000 years. Longer durations are counted as this long.
MAX_MICROS = 10**17
LANE_BITS = 32
_LANE_BYTES = LANE_BITS // 8
_BASE_BYTES = 2
# Types of arrays, by growing size of an item.
_CODES = "BHI"


def bucket_of(micros: int) -> int:
    """Return the bucket of a duration in microseconds. Bucket 0 has those of no microsecond."""
    return 1 + int(log(min(micros, MAX_MICROS)) / _LOG_GAMMA) if micros > 0 else 0


def value_of(bucket: int) -> float:
    """Return the duration in milliseconds that stands for a bucket: all of its durations are within MAX_ERROR of it."""
    return 0.0 if bucket < 1 else 2 * _GAMMA**bucket / (_GAMMA + 1) / _MICROS_PER_MS


def rank_of(share: float, count: int) -> int:
    """Return the index, in sorted order, of the value of which `share` are at most as large: the nearest rank."""
    return min(count - 1, max(0, ceil(share * count) - 1))


def exact_quantile(values: Iterable[float], share: float) -> float | None:
    """Return the exact quantile of durations by the same rule as `Histogram.quantile`; None if there are none."""
    ordered = sorted(values)
    return ordered[rank_of(share, len(ordered))] if ordered else None


class Histogram(Struct, frozen=True, gc=False):
    """Counts of durations. As a difference of two histograms it may have negative counts: then it is only to be merged.

    `lanes` has the count of bucket `b` in the bits from `b * LANE_BITS` on.
    """

    lanes: int = 0

    @classmethod
    def of(cls, durations: Iterable[Micros]) -> Histogram:
        """Return the histogram of durations in microseconds."""
        buckets = list(map(bucket_of, durations))
        if not buckets:
            return cls()
        # Counted in an array from the lowest bucket on, which is fast: this runs for each commit of events.
        base = min(buckets)
        counts = array("I", bytes(_LANE_BYTES * (max(buckets) - base + 1)))
        for bucket in buckets:
            counts[bucket - base] += 1
        return cls(_lanes(counts) << LANE_BITS * base)

    def __add__(self, other: Histogram) -> Histogram:
        return Histogram(self.lanes + other.lanes)

    def __sub__(self, other: Histogram) -> Histogram:
        return Histogram(self.lanes - other.lanes)

    def __bool__(self) -> bool:
        return self.lanes != 0

    @property
    def counts(self) -> array[int]:
        """The counts of all buckets, from bucket 0 on."""
        size = -(-self.lanes.bit_length() // LANE_BITS)
        found = array("I", self.lanes.to_bytes(size * _LANE_BYTES, byteorder))
        if byteorder == "big":
            found.reverse()
        return found

    @property
    def count(self) -> int:
        """The number of durations."""
        return sum(self.counts)

    def quantile(self, share: float) -> float | None:
        """Return the duration in milliseconds that `share` of all do not exceed, within 1 %; None without durations."""
        return self.quantiles((share,))[0]

    def quantiles(self, shares: Iterable[float]) -> tuple[float | None, ...]:
        """Return `quantile` of each share."""
        counts = self.counts
        total = sum(counts)
        return tuple(_quantile(counts, rank_of(share, total)) if total else None for share in shares)

    def to_bytes(self) -> bytes:
        """Return the histogram as bytes: a few, and one for each bucket from the first used to the last.

        With counts above 255 these are two or four each. Without durations there are no bytes.
        """
        if not self.lanes:
            return b""
        base = ((self.lanes & -self.lanes).bit_length() - 1) // LANE_BITS
        counts = Histogram(self.lanes >> LANE_BITS * base).counts
        highest = max(counts)
        code = next(code for code in _CODES if highest < 1 << 8 * array(code).itemsize)
        packed = array(code, counts)
        if byteorder == "big":
            packed.byteswap()
        return code.encode() + base.to_bytes(_BASE_BYTES, "little") + packed.tobytes()

    @classmethod
    def from_bytes(cls, source: bytes) -> Histogram:
        """Return the histogram that `to_bytes` wrote. Raises ValueError for other bytes."""
        if not source:
            return cls()
        code = chr(source[0])
        if code not in _CODES:
            raise ValueError("not a histogram")
        packed = array(code, source[1 + _BASE_BYTES :])
        if byteorder == "big":
            packed.byteswap()
        return cls(_lanes(array("I", packed)) << LANE_BITS * int.from_bytes(source[1 : 1 + _BASE_BYTES], "little"))


def _lanes(counts: array[int]) -> int:
    """Return the integer whose digits are `counts`, from the lowest on."""
    if byteorder == "big":
        counts = counts[::-1]
    return int.from_bytes(counts.tobytes(), byteorder)


def _quantile(counts: array[int], rank: int) -> float:
    passed = 0
    for bucket, count in enumerate(counts):
        passed += count
        if passed > rank:
            return value_of(bucket)
    return value_of(len(counts) - 1)
