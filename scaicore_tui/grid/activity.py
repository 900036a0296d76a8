"""Whether a run can move: how many of its branches are under way, and how many wait for a person."""

from __future__ import annotations

from collections.abc import Callable


class Activity:
    """Counts the branches of one run that can move; a sub-flow without any holds up one branch of its caller.

    `on_change` hears `suspended` when the last branch stops to wait, and `running` whenever one goes on.
    """

    def __init__(self, on_change: Callable[[str], None], caller: Activity | None = None) -> None:
        self._on_change = on_change
        self._caller = caller
        self._moving = 1

    def fork(self, branches: int) -> None:
        """The branch that asks becomes `branches` of them."""
        self._moving += branches - 1

    def wait(self) -> None:
        """One branch stops, to wait or because it came to its end before others."""
        self._moving -= 1
        if self._moving == 0:
            self._on_change("suspended")
            if self._caller is not None:
                self._caller.wait()

    def go_on(self) -> None:
        """One waiting branch has its answer."""
        if self._moving == 0 and self._caller is not None:
            self._caller.go_on()
        self._moving += 1
        self._tell_running()

    def _tell_running(self) -> None:
        # Also when other branches never stopped: after a restart, the store still has the run as suspended.
        self._on_change("running")
        if self._caller is not None:
            self._caller._tell_running()
