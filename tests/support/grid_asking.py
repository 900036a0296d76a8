"""Nodes of flows that ask a person."""

from __future__ import annotations

from scaicore_tui.grid.store import Store
from tests.support.grid import node, says, told

ASK = node("ask", "hitl_review", title="Review", options=["yes", "no"], context={"n": "{{input.n}}"})
AFTER = node("after", "tool_http", **says("{{ask.resolution}}"))


def entered(store: Store) -> list[str]:
    return [payload["node_id"] for payload in told(store, "block.entered")]
