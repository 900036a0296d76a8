"""Limits of one run: how many steps it may take, and how large its values may become.

Flows are programs: they loop, and build values out of values. Without limits a small flow could fill the memory or keep
the server busy for ever.
"""

from __future__ import annotations

from typing import Any, Final

from scaicore_tui.servers.grid.engine.failure import NodeFailed
from scaicore_tui.servers.grid.flow.value_size import ValueTooLarge, json_size

MAX_RUN_STEPS: Final = 20_000
"""Visits and loop rounds of one run, including those of its sub-flows."""
MAX_RUN_CHARS: Final = 32 * 1024 * 1024
"""Total size of the values of all its steps, in characters of JSON."""


class RunLimits:
    """Counts down what one run may still use."""

    def __init__(self) -> None:
        self._steps_left = MAX_RUN_STEPS
        self._chars_left = MAX_RUN_CHARS

    def count_step(self, name: str) -> None:
        """Count a visit or a loop round of the node `name`. Raises NodeFailed after the last one allowed."""
        self._steps_left -= 1
        if self._steps_left < 0:
            raise NodeFailed("STEP_LIMIT", f"node {name!r}: a run may take {MAX_RUN_STEPS} steps")

    def count_values(self, name: str, *values: Any) -> None:
        """Count the values of a step of the node `name`. Raises NodeFailed if one value, or their total, is too
        large.
        """
        try:
            self._chars_left -= sum(map(json_size, values))
        except ValueTooLarge as error:
            raise NodeFailed("VALUE_TOO_LARGE", f"node {name!r}: {error}") from error
        if self._chars_left < 0:
            raise NodeFailed("RUN_TOO_LARGE", f"node {name!r}: the values of a run may have {MAX_RUN_CHARS} characters")
