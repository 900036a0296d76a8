"""Find the container of each visit, from the order of the events alone. Pure; all that it finds is inferred.

The API tells no parents (API §2). Three facts are used, the strongest first:

- Control moves at once: a node that is entered right after a container is in it, and one that is entered right after
  another ended is next to that one. All visits of a node vote, since a node has one container in its flow.
- A container encloses all visits of the nodes in it.
- The body of a loop is one path: no second node begins in it while one is open.

What is still ambiguous goes into the innermost container around all candidates, else to the top level.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from itertools import islice

from msgspec import Struct

from scaicore_tui.runs.model import NodeKey

LOOP_KINDS = frozenset({"foreach", "while"})
# The kinds of blocks that can have others inside them. Most kinds of API §2 are steps of their own.
CONTAINER_KINDS = LOOP_KINDS | {"parallel", "try", "budget"}
# Of the containers that are open when a node is entered, only the newest are examined.
MAX_OPEN_CONTAINERS = 32
STILL_OPEN = 1 << 62

_TOP: NodeKey = (None, None)


class Interval(Struct, frozen=True, gc=False):
    """The events from the first to the last of one visit, by their numbers in the run.

    `end` is STILL_OPEN while the visit is. `key` identifies the node, `kind` is its block kind.
    """

    key: NodeKey
    kind: str | None
    start: int
    end: int
    has_failed: bool = False

    @property
    def is_container(self) -> bool:
        return self.kind in CONTAINER_KINDS and self.start != self.end


def find_parents(intervals: Sequence[Interval]) -> list[int | None]:
    """Return for each interval the index of the container's, or None. `intervals` are sorted by their starts."""
    around = list(_containers_around(intervals))
    enclosing = _enclosing_keys(intervals, around)
    votes = _count_votes(intervals, around)
    containers = {key: _vote_winner(votes[key], keys) for key, keys in enclosing.items() if key in votes}
    _add_containers_without_votes(containers, intervals, around, enclosing)
    return [
        _innermost_visit(intervals, around[index], containers.get(item.key)) for index, item in enumerate(intervals)
    ]


def _containers_around(intervals: Sequence[Interval]) -> Iterator[list[int]]:
    """Yield for each interval the containers that are open at its start and not closed before its end, oldest first."""
    open_: dict[int, None] = {}
    ends: list[tuple[int, int]] = []
    for index, item in enumerate(intervals):
        while ends and ends[0][0] < item.start:
            del open_[heappop(ends)[1]]
        newest = list(islice(reversed(open_), MAX_OPEN_CONTAINERS))
        yield [other for other in reversed(newest) if intervals[other].end >= item.end]
        if item.is_container:
            open_[index] = None
            heappush(ends, (item.end, index))


def _enclosing_keys(
    intervals: Sequence[Interval], around: Sequence[Sequence[int]]
) -> dict[NodeKey, dict[NodeKey, None]]:
    """Return for each node the containers that enclose all its visits."""
    found: dict[NodeKey, dict[NodeKey, None]] = {}
    for item, outer in zip(intervals, around, strict=True):
        keys = dict.fromkeys(intervals[index].key for index in outer if intervals[index].key != item.key)
        known = found.get(item.key)
        found[item.key] = keys if known is None else {key: None for key in known if key in keys}
    return found


def _count_votes(intervals: Sequence[Interval], around: Sequence[Sequence[int]]) -> dict[NodeKey, Counter[NodeKey]]:
    """Return for each node how many of its visits follow at once on something in a container, by container."""
    started = {item.start: index for index, item in enumerate(intervals)}
    ended = {item.end: index for index, item in enumerate(intervals) if item.end != STILL_OPEN}
    votes: dict[NodeKey, Counter[NodeKey]] = {}
    earlier: list[NodeKey | None] = []
    last: dict[NodeKey, Interval] = {}
    for index, item in enumerate(intervals):
        before = last.get(item.key)
        last[item.key] = item
        found = _container_by_order(
            intervals, around[index], earlier, started.get(item.start - 1), ended.get(item.start - 1)
        )
        if found is None and not around[index]:
            found = _TOP
        earlier.append(found)
        # A node that failed is entered again after a pause: what came before by chance says nothing.
        if found is not None and (before is None or not before.has_failed):
            votes.setdefault(item.key, Counter())[found] += 1
    return votes


def _container_by_order(
    intervals: Sequence[Interval],
    outer: Sequence[int],
    earlier: Sequence[NodeKey | None],
    entered: int | None,
    ended: int | None,
) -> NodeKey | None:
    """Return the container of a visit by the event right before it: visit `entered` began, or visit `ended` ended."""
    if ended is not None and intervals[ended].start != intervals[ended].end:
        return earlier[ended]
    if entered is None:
        return None
    if intervals[entered].is_container:
        return intervals[entered].key if entered in outer else None
    # A second node begins at the same moment only as another branch of a parallel.
    found = earlier[entered]
    is_branch = any(intervals[index].key == found and intervals[index].kind == "parallel" for index in outer)
    return found if is_branch else None


def _vote_winner(votes: Counter[NodeKey], enclosing: Mapping[NodeKey, None]) -> NodeKey | None:
    possible = {key: count for key, count in votes.items() if key in enclosing or key == _TOP}
    return max(possible, key=lambda key: possible[key]) if possible else None


def _add_containers_without_votes(
    containers: dict[NodeKey, NodeKey | None],
    intervals: Sequence[Interval],
    around: Sequence[Sequence[int]],
    enclosing: Mapping[NodeKey, Mapping[NodeKey, None]],
) -> None:
    occupied = _occupied_loops(intervals, around, containers)
    for key, keys in enclosing.items():
        if containers.get(key) is None:
            free = [outer for outer in keys if outer not in occupied.get(key, ())] or list(keys)
            containers[key] = _innermost_of_all(free, enclosing)


def _occupied_loops(
    intervals: Sequence[Interval], around: Sequence[Sequence[int]], containers: Mapping[NodeKey, NodeKey | None]
) -> dict[NodeKey, set[NodeKey]]:
    """Return for each node without a container the loops in which another node was open when it was entered."""
    open_child: dict[int, int] = {}
    occupied: dict[NodeKey, set[NodeKey]] = {}
    for index, item in enumerate(intervals):
        container = containers.get(item.key)
        for outer in around[index]:
            if intervals[outer].kind not in LOOP_KINDS:
                continue
            if container is None and open_child.get(outer, -1) > item.start:
                occupied.setdefault(item.key, set()).add(intervals[outer].key)
            elif intervals[outer].key == container:
                open_child[outer] = max(open_child.get(outer, -1), item.end)
    return occupied


def _innermost_of_all(keys: Sequence[NodeKey], enclosing: Mapping[NodeKey, Mapping[NodeKey, None]]) -> NodeKey:
    """Return the innermost of `keys` that is not beside another of them; without one, the top level."""
    comparable = [
        key for key in keys if all(other == key or other in enclosing[key] or key in enclosing[other] for other in keys)
    ]
    return max(comparable, key=lambda key: len([other for other in keys if other in enclosing[key]]), default=_TOP)


def _innermost_visit(intervals: Sequence[Interval], outer: Sequence[int], container: NodeKey | None) -> int | None:
    return next((index for index in reversed(outer) if intervals[index].key == container), None)
