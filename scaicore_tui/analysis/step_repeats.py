"""Count iterations and attempts among the steps of one container. Pure.

A loop's body begins with the same node each time; a node that failed and is entered again, with nothing in between, is
tried again. Where the first node of a body failed and nothing came in between, both are possible: that is ambiguous.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from scaicore_tui.runs.model import NodeKey


class Child(NamedTuple):
    """One step of a container: its node, and whether it failed."""

    key: NodeKey
    has_failed: bool


class Repeat(NamedTuple):
    """The iteration and the attempt of a step, from 1, or None if it is in no loop, or was not tried again."""

    iteration: int | None
    attempt: int | None
    is_ambiguous: bool = False


class _Count(NamedTuple):
    """`group` is the iteration; outside of loops the number of the node's passage, with all its attempts."""

    group: int
    key: NodeKey
    attempt: int
    is_ambiguous: bool


def count_repeats(children: Sequence[Child], *, is_loop: bool) -> list[Repeat]:
    """Return the repeats of `children`, which are in the order of their begin."""
    counts = list(_count_in_loop(children) if is_loop else _count_outside(children))
    retried = {(count.group, count.key) for count in counts if count.attempt > 1}
    ambiguous = _first_ambiguous(counts)
    return [
        Repeat(
            count.group if is_loop else None,
            count.attempt if (count.group, count.key) in retried else None,
            is_ambiguous=index >= ambiguous,
        )
        for index, count in enumerate(counts)
    ]


def _first_ambiguous(counts: Sequence[_Count]) -> int:
    """Return the index from which on counts are ambiguous: once one is, all later ones may be wrong.

    The attempt before the first ambiguous one may be wrong too: perhaps it was the only one.
    """
    first = next((index for index, count in enumerate(counts) if count.is_ambiguous), len(counts))
    if first == len(counts):
        return first
    return next(index for index in range(first - 1, -1, -1) if counts[index].key == counts[first].key)


def _count_in_loop(children: Sequence[Child]) -> Iterator[_Count]:
    iteration, attempts = 1, dict[NodeKey, int]()
    last: dict[NodeKey, Child] = {}
    for index, child in enumerate(children):
        is_ambiguous = False
        if child.key in attempts:
            is_first, failed = child.key == children[0].key, last[child.key].has_failed
            follows = children[index - 1].key == child.key
            is_ambiguous = (failed and follows) if is_first else not failed
            if not failed or (is_first and not follows):
                iteration, attempts = iteration + 1, {}
        attempts[child.key] = attempts.get(child.key, 0) + 1
        last[child.key] = child
        yield _Count(iteration, child.key, attempts[child.key], is_ambiguous)


def _count_outside(children: Sequence[Child]) -> Iterator[_Count]:
    """Count where nothing repeats but what failed; that something else does is ambiguous."""
    counts: dict[NodeKey, _Count] = {}
    failed: dict[NodeKey, bool] = {}
    for child in children:
        before = counts.get(child.key)
        if before is None:
            count = _Count(1, child.key, 1, is_ambiguous=False)
        elif failed[child.key]:
            count = _Count(before.group, child.key, before.attempt + 1, is_ambiguous=False)
        else:
            count = _Count(before.group + 1, child.key, 1, is_ambiguous=True)
        counts[child.key], failed[child.key] = count, child.has_failed
        yield count
