"""One run while it executes: its state in memory, which can be rebuilt from the store at any time."""

from __future__ import annotations

import asyncio
from collections import ChainMap
from collections.abc import Callable, MutableMapping
from functools import cached_property
from typing import Any

from scaicore_tui.servers.grid.engine.context import EngineContext
from scaicore_tui.servers.grid.engine.failure import NodeFailed
from scaicore_tui.servers.grid.engine.run_limits import RunLimits
from scaicore_tui.servers.grid.engine.steps import StepLog, Telemetry
from scaicore_tui.servers.grid.flow.expression import ExpressionError
from scaicore_tui.servers.grid.flow.template import render
from scaicore_tui.servers.grid.store import Execution

Scope = ChainMap[str, Any]
"""The variables that templates and conditions can read; inner bodies come before outer ones."""


class RunContext:
    """An execution in progress.

    `finished_or_suspended` is set once the run has ended, or waits for a person for the first time. The run of a
    sub-flow shares the limits of its `caller`.
    """

    def __init__(self, engine: EngineContext, execution: Execution, caller: RunContext | None = None) -> None:
        self.engine = engine
        self.execution = execution
        self.graph = engine.cores[execution.core_id]
        self.telemetry = Telemetry(engine.store, engine.clock, execution)
        self.limits: RunLimits = RunLimits() if caller is None else caller.limits
        self.steps = StepLog(engine.store, self.telemetry, execution.id, self.limits)
        self.branches: BranchCounter = BranchCounter(
            self._on_status_change, None if caller is None else caller.branches
        )
        self.finished_or_suspended = asyncio.Event()
        self._status = execution.status
        self._duration_ms: int | None = None

    def root_scope(self) -> Scope:
        """Return the outermost scope: the run's input and the flow's variables."""
        return ChainMap({"input": self.execution.input, "vars": self.variables})

    @property
    def duration_ms(self) -> int:
        """Return the duration so far, or the final one once the run has completed.

        The feed and the response to an invocation therefore report the same number.
        """
        return self.telemetry.elapsed_ms() if self._duration_ms is None else self._duration_ms

    def complete(self, output: Any) -> None:
        """Store the output and emit the `completed` event."""
        self._duration_ms = self.telemetry.elapsed_ms()
        with self.engine.store.transaction():
            self.engine.store.execution_table.complete(self.execution.id, output)
            self.telemetry.completed(output, self._duration_ms)

    def fail(self, failure: NodeFailed) -> None:
        """Store the failure and emit the `failed` event."""
        with self.engine.store.transaction():
            self.engine.store.execution_table.fail(self.execution.id, failure.as_error())
            self.telemetry.failed(failure.as_error())

    def abandon(self, failure: NodeFailed) -> None:
        """Fail a run that no task executes, and every step that is open in it."""
        with self.engine.store.transaction():
            for path in self.steps.open_paths():
                self.steps.fail(path, self.graph.by_id[node_id_of(path)], failure)
            self.fail(failure)

    def _on_status_change(self, status: str) -> None:
        if status != self._status:
            self._status = status
            self.engine.store.execution_table.set_status(self.execution.id, status)
        if status == "suspended":
            self.finished_or_suspended.set()

    @cached_property
    def variables(self) -> MutableMapping[str, Any]:
        """The flow's variables, with the values that the run has set so far. Raises NodeFailed."""
        try:
            values = dict(render(self.graph.variables, {"input": self.execution.input}))
        except ExpressionError as error:
            raise NodeFailed("EXPRESSION_ERROR", f"the flow's variables: {error}") from error
        for path, value in self.steps.exited_values():
            if self.graph.by_id[node_id_of(path)].type == "data_variable_set":
                values.update(value)
        return values


def node_id_of(path: str) -> str:
    """Return the id of the node at the end of a step path."""
    return path.rpartition("/")[2].partition("~")[0]


class BranchCounter:
    """Counts the branches of a run that can move, to tell a suspended run from a running one.

    `on_change` is called with `suspended` when the last branch stops, and with `running` when one resumes. A sub-flow
    whose branches have all stopped holds up one branch of its `caller`.
    """

    def __init__(self, on_change: Callable[[str], None], caller: BranchCounter | None = None) -> None:
        self._on_change = on_change
        self._caller = caller
        self._moving = 1

    def fork(self, branches: int) -> None:
        """Replace one branch by `branches` of them."""
        self._moving += branches - 1

    def suspend(self) -> None:
        """Stop one branch: it waits for a person, or has ended before the other branches."""
        self._moving -= 1
        if self._moving == 0:
            self._on_change("suspended")
            if self._caller is not None:
                self._caller.suspend()

    def resume(self) -> None:
        """Let one suspended branch move again."""
        if self._moving == 0 and self._caller is not None:
            self._caller.resume()
        self._moving += 1
        self._report_running()

    def _report_running(self) -> None:
        # Reported even if other branches never stopped: after a restart the store still has the run as suspended.
        self._on_change("running")
        if self._caller is not None:
            self._caller._report_running()
