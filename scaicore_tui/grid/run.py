"""One execution in memory: everything that a walk over its graph needs, rebuilt from the store at will."""

from __future__ import annotations

import asyncio
from collections import ChainMap
from collections.abc import MutableMapping
from functools import cached_property
from typing import Any

from scaicore_tui.grid.activity import Activity
from scaicore_tui.grid.budget import RunBudget
from scaicore_tui.grid.expression import ExpressionError
from scaicore_tui.grid.failure import NodeFailed
from scaicore_tui.grid.journal import Journal
from scaicore_tui.grid.store import Execution
from scaicore_tui.grid.telemetry import Telemetry
from scaicore_tui.grid.template import render
from scaicore_tui.grid.world import World

Names = ChainMap[str, Any]
"""What templates and conditions can see, inner bodies before outer ones."""


class Run:
    """An execution that is being walked. `settled` is set once it has ended, or waits for the first time.

    A sub-flow's run is a part of its `caller`'s.
    """

    def __init__(self, world: World, execution: Execution, caller: Run | None = None) -> None:
        self.world = world
        self.execution = execution
        self.graph = world.cores[execution.core_id]
        self.telemetry = Telemetry(world.store, world.clock, execution)
        self.budget: RunBudget = RunBudget() if caller is None else caller.budget
        self.journal = Journal(world.store, self.telemetry, execution.id, self.budget)
        self.activity: Activity = Activity(self._moved, None if caller is None else caller.activity)
        self.settled = asyncio.Event()
        self._status = execution.status
        self._took_ms: int | None = None

    def names(self) -> Names:
        """The outermost scope."""
        return ChainMap({"input": self.execution.input, "vars": self.variables})

    @property
    def duration_ms(self) -> int:
        """How long it took, or has taken so far: the feed and the answer to an invocation tell the same."""
        return self.telemetry.elapsed_ms() if self._took_ms is None else self._took_ms

    def complete(self, output: Any) -> None:
        self._took_ms = self.telemetry.elapsed_ms()
        with self.world.store.transaction():
            self.world.store.runs.complete(self.execution.id, output)
            self.telemetry.completed(output, self._took_ms)

    def fail(self, failure: NodeFailed) -> None:
        with self.world.store.transaction():
            self.world.store.runs.fail(self.execution.id, failure.as_error())
            self.telemetry.failed(failure.as_error())

    def abandon(self, failure: NodeFailed) -> None:
        """Fail a run that nobody walks, and every visit that it is in."""
        with self.world.store.transaction():
            for path in self.journal.open_paths():
                self.journal.fail(path, self.graph.by_id[node_of(path)], failure)
            self.fail(failure)

    def _moved(self, status: str) -> None:
        if status != self._status:
            self._status = status
            self.world.store.runs.set_status(self.execution.id, status)
        if status == "suspended":
            self.settled.set()

    @cached_property
    def variables(self) -> MutableMapping[str, Any]:
        """The flow's own values, overwritten by what the run has set so far. Raises NodeFailed."""
        try:
            values = dict(render(self.graph.variables, {"input": self.execution.input}))
        except ExpressionError as error:
            raise NodeFailed("EXPRESSION_ERROR", f"the flow's variables: {error}") from error
        for path, value in self.journal.exits():
            if self.graph.by_id[node_of(path)].type == "data_variable_set":
                values.update(value)
        return values


def node_of(path: str) -> str:
    """The id of the node that a step's path ends with."""
    return path.rpartition("/")[2].partition("~")[0]
