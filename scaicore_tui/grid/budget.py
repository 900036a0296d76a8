"""What a run may use: how large one value may be, and how many steps and how much room a run has with its sub-flows.

Flows are programs: they loop, and they build values out of values. Without these bounds a small one fills the memory,
or keeps the server from doing anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from scaicore_tui.grid.failure import NodeFailed

MAX_SIZE: Final = 1536 * 1024
"""So many characters one value may have as JSON, about: more than an input has, with what a flow adds to it."""
MAX_DEPTH: Final = 100
"""What is nested deeper might be too deep for those who show it. An input has at most 64 levels."""
MAX_STEPS: Final = 20_000
"""So many visits and rounds of loops one run may have, its sub-flows' included."""
MAX_KEPT: Final = 32 * 1024 * 1024
"""So many characters the values of all its steps may have together."""

_TOO_DEEP: Final = f"a value may be nested {MAX_DEPTH} levels deep"


class TooLarge(ValueError):
    """A value that no node may have."""


def json_size(value: Any) -> int:
    """About how many characters `value` has as JSON. Raises TooLarge.

    A part that stands in it a thousand times counts a thousand times, and is looked at once.
    """
    return _measure(value, {})[0]


def _measure(value: Any, known: dict[int, tuple[int, int]], depth: int = 0) -> tuple[int, int]:
    """The size and the height of a value; those of the containers that were measured already are `known`."""
    if value is None or isinstance(value, str | int | float):
        return _scalar_size(value), 0
    found = known.get(id(value))
    if found is None:
        if depth > MAX_DEPTH:
            raise TooLarge(_TOO_DEEP)
        names, parts = (value.keys(), value.values()) if isinstance(value, Mapping) else ((), value)
        size, height = 2 + len(parts) + sum(len(name) + 3 for name in names), 0
        for part in parts:
            part_size, part_height = _measure(part, known, depth + 1)
            size += part_size
            height = max(height, part_height)
            if size > MAX_SIZE:
                raise TooLarge(f"a value may have {MAX_SIZE} characters")
        found = known[id(value)] = (size, height + 1)
    if depth + found[1] > MAX_DEPTH:
        raise TooLarge(_TOO_DEEP)
    return found


def _scalar_size(value: Any) -> int:
    if isinstance(value, str):
        return len(value) + 2
    return 1 + value.bit_length() // 3 if isinstance(value, int) else 4


class RunBudget:
    """What is left to one run."""

    def __init__(self) -> None:
        self._steps = MAX_STEPS
        self._room = MAX_KEPT

    def take_step(self, name: str) -> None:
        """Count a visit of a node, or a round of a loop. Raises NodeFailed where there were too many."""
        self._steps -= 1
        if self._steps < 0:
            raise NodeFailed("STEP_LIMIT", f"node {name!r}: a run may take {MAX_STEPS} steps")

    def keep(self, name: str, *values: Any) -> None:
        """Count the values of a step of a node. Raises NodeFailed where one or all of the run's are too large."""
        try:
            self._room -= sum(map(json_size, values))
        except TooLarge as error:
            raise NodeFailed("VALUE_TOO_LARGE", f"node {name!r}: {error}") from error
        if self._room < 0:
            raise NodeFailed("RUN_TOO_LARGE", f"node {name!r}: the values of a run may have {MAX_KEPT} characters")
