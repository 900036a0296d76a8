"""The life of one execution: its beginning, its walk, its end, and the executions of its sub-flows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from scaicore_tui.grid.dice import seeded_id
from scaicore_tui.grid.failure import NodeFailed
from scaicore_tui.grid.run import Run
from scaicore_tui.grid.store import Execution
from scaicore_tui.grid.telemetry import Telemetry
from scaicore_tui.grid.walker import Walker
from scaicore_tui.grid.world import World


def begin(world: World, execution: Execution) -> Execution:
    """Write down a new execution, and tell the feed that it started."""
    with world.store.transaction():
        world.store.runs.add(execution)
        Telemetry(world.store, world.clock, execution).started()
    return execution


async def execute(run: Run) -> Any:
    """Walk a run to its end, from wherever it stands; the output. Raises NodeFailed."""
    try:
        output = await Walker(run, partial(_call, run)).finish()
    except NodeFailed as failure:
        run.fail(failure)
        raise
    run.complete(output)
    return output


async def _call(caller: Run, core_id: str, values: Mapping[str, Any], path: str) -> Any:
    """Run another Core as a sub-flow of `caller`; the same call is the same execution, also after a restart."""
    child_id = seeded_id("exec", caller.execution.id, path)
    child = caller.world.store.runs.find(child_id) or _begin_child(caller, child_id, core_id, values)
    try:
        return await execute(Run(caller.world, child, caller))
    except NodeFailed as failure:
        raise NodeFailed("SUBFLOW_FAILED", f"{core_id} failed: {failure.message}") from failure


def _begin_child(caller: Run, child_id: str, core_id: str, values: Mapping[str, Any]) -> Execution:
    child = Execution(
        id=child_id,
        core_id=core_id,
        root_id=caller.execution.root_id,
        origin=caller.execution.origin,
        entry=caller.world.cores[core_id].entry.id,
        status="running",
        started_at=caller.world.clock.now(),
        instance_key=None,
        input=values,
    )
    return begin(caller.world, child)
