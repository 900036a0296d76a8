"""Counts the visits of nodes that end while a session runs, for its metrics. Called in the journal's thread."""

from __future__ import annotations

from collections import Counter as Multiset
from collections.abc import Iterable
from typing import NamedTuple

from scaicore_tui.analysis.statistics.tally import Tally
from scaicore_tui.metrics import Counter, Durations, Family, Names
from scaicore_tui.timefmt import MICROS_PER_SECOND

# Nodes with series of their own; each has up to 30.
MAX_NODES = 100
BOUNDS_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800)
WAIT_BOUNDS_S = (10, 60, 300, 900, 3_600, 4 * 3_600, 86_400)
_LABELS = ("core_id", "node_id")
# Core, node id and block kind.
_Node = tuple[str | None, str | None, str | None]


class _Visits(NamedTuple):
    """The visits of one node; the durations in microseconds."""

    durations: Multiset[int]
    waits: Multiset[int]
    visits: int
    failed: int


class VisitMetrics:
    """The visits and their durations by Core and node. Waits for people are apart, as in the statistics."""

    def __init__(self) -> None:
        self._names = Names(MAX_NODES)
        self._visits = Counter(
            "scaicore_node_visits_total", "Visits of nodes that ended, by outcome.", *_LABELS, "outcome"
        )
        self._durations = Durations(
            "scaicore_node_visit_duration_seconds",
            "How long visits took that waited for no person.",
            BOUNDS_S,
            *_LABELS,
        )
        self._waits = Durations(
            "scaicore_node_wait_duration_seconds",
            "How long visits took that waited for a person, themselves or in something inside them.",
            WAIT_BOUNDS_S,
            *_LABELS,
        )

    def count(self, added: Iterable[Tally], removed: Iterable[Tally]) -> None:
        """Count the visits in `added`, except those that were counted before, as `removed` tells.

        Where a late event corrects a visit, that is not counted again.
        """
        before = _sum(removed)
        for node, found in _sum(added).items():
            known = before.get(node)
            self._add(node, found if known is None else _without(found, known))

    def families(self) -> list[Family]:
        """Return the metrics as they are now."""
        return [self._visits.family(), self._durations.family(), self._waits.family()]

    def _add(self, node: _Node, found: _Visits) -> None:
        core_id, node_id, kind = node
        labels = self._names.labels(core_id, node_id or f"({kind or 'block'})")
        if found.failed:
            self._visits.add(*labels, "failed", amount=found.failed)
        if found.visits > found.failed:
            self._visits.add(*labels, "ok", amount=found.visits - found.failed)
        for histogram, durations in ((self._durations, found.durations), (self._waits, found.waits)):
            for micros in durations.elements():
                histogram.add(*labels, seconds=micros / MICROS_PER_SECOND)


def _sum(tallies: Iterable[Tally]) -> dict[_Node, _Visits]:
    """Return the visits by node over all days."""
    total: dict[_Node, _Visits] = {}
    for tally in tallies:
        for core_id, node_id, kind, _, day in tally.rows():
            known = total.get((core_id, node_id, kind)) or _Visits(Multiset(), Multiset(), 0, 0)
            known.durations.update(day.durations)
            known.waits.update(day.waits)
            visits = known.visits + len(day.durations) + len(day.waits) + day.unknown
            total[core_id, node_id, kind] = known._replace(visits=visits, failed=known.failed + day.failed)
    return total


def _without(found: _Visits, known: _Visits) -> _Visits:
    """Return what is new in `found`."""
    return _Visits(
        found.durations - known.durations,
        found.waits - known.waits,
        max(0, found.visits - known.visits),
        max(0, found.failed - known.failed),
    )
