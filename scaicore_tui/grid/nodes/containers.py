"""The nodes with nodes inside: loops, which visit their body again and again, and parallel branches."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from scaicore_tui.grid.expression import evaluate
from scaicore_tui.grid.failure import NodeFailed
from scaicore_tui.grid.graph import DONE
from scaicore_tui.grid.journal import Outcome
from scaicore_tui.grid.nodes.frame import Frame
from scaicore_tui.grid.template import render

BODY: Final = "body"
_DEFAULT_LIMIT: Final = 50
_ROUNDS_AT_ONCE: Final = 100


async def loop(frame: Frame) -> Outcome:
    """For each of `items`, or `while` a condition holds: visit the body. The value lists what each round collected."""
    results: list[Any] = []
    first = frame.run.graph.after(frame.node.id, BODY)
    while (item := _next_item(frame, len(results))) is not None:
        frame.run.budget.take_step(frame.node.id)
        if len(results) % _ROUNDS_AT_ONCE == _ROUNDS_AT_ONCE - 1:
            # A body that waits for nothing leaves no time to anybody else.
            await frame.run.world.work(0)
        names = frame.names.new_child({frame.node.config.get("as", "item"): item[0], "index": len(results)})
        value = await frame.walk(first, names, f"{frame.path}[{len(results)}]/")
        if "collect" in frame.node.config:
            value = render(frame.node.config["collect"], names)
            frame.run.budget.keep(frame.node.id, value)
        results.append(value)
    return Outcome(results, DONE)


def _next_item(frame: Frame, index: int) -> tuple[Any] | None:
    """The item of the next round, None after the last. What decides is noted: variables change between two walks."""
    limit = int(frame.node.config.get("limit", _DEFAULT_LIMIT))
    if "while" in frame.node.config:
        condition = frame.node.config["while"]
        holds = frame.run.journal.note(
            f"{frame.path}?{index}", frame.node, lambda: bool(evaluate(condition, frame.names))
        )
        return (index,) if holds and index < limit else None
    items = frame.run.journal.note(f"{frame.path}?items", frame.node, lambda: frame.setting("items"))
    if not isinstance(items, list):
        raise NodeFailed("NOT_A_LIST", f"{frame.node.label!r} wants a list of items")
    if len(items) > limit:
        raise NodeFailed("LOOP_LIMIT", f"{frame.node.label!r} got {len(items)} items, its limit is {limit}")
    return (items[index],) if index < len(items) else None


async def parallel(frame: Frame) -> Outcome:
    """Walk all branches at the same time. The value maps each branch to its last value.

    A failed branch lets the others come to their ends first, so that no block stays open.
    """
    ports = frame.run.graph.body_ports(frame.node)
    branches = _Branches(frame, len(ports))
    values = await asyncio.gather(*(branches.walk(port) for port in ports), return_exceptions=True)
    for value in values:
        if isinstance(value, BaseException):
            raise value
    return Outcome(dict(zip(ports, values, strict=True)), DONE)


class _Branches:
    """The branches of one fork; the last to end goes on as the branch that forked."""

    def __init__(self, frame: Frame, number: int) -> None:
        self._frame = frame
        self._left = number
        frame.run.activity.fork(number)

    async def walk(self, port: str) -> Any:
        frame = self._frame
        start = frame.run.graph.after(frame.node.id, port)
        try:
            value = await frame.walk(start, frame.names.new_child(), f"{frame.path}.{port}/")
        except NodeFailed:
            self._ended()
            raise
        self._ended()
        return value

    def _ended(self) -> None:
        """Never called when the server stops: a cancelled branch has not ended, it goes on after the restart."""
        self._left -= 1
        if self._left:
            self._frame.run.activity.wait()
