"""Suspended runs: where they stop, the contents of their checkpoints, and how they resume."""

from __future__ import annotations

from typing import Any

import pytest

from scaicore_tui.servers.grid.checkpoints import AlreadyClosed, NotAnOption
from scaicore_tui.servers.grid.store import Store
from tests.support.grid import AFTER, ASK, Bench, assert_sound, entered, flow, node, on_bench, says, stopping, told

REVIEW_FLOW = flow([ASK, AFTER], ["start > ask", "ask > after"])


def test_a_review_suspends_the_run_until_it_is_resolved() -> None:
    async def work(bench: Bench) -> Store:
        assert await bench.finished({"n": 3}) == "suspended"
        assert told(bench.store, "block.exited") == []
        bench.answer("ask", "yes", comment="fine")
        await bench.until(lambda: bench.statuses() == ["completed"])
        return bench.store

    store = on_bench([REVIEW_FLOW], work)
    assert_sound(store.events())
    (checkpoint,) = store.checkpoints()
    row = checkpoint.as_row()
    assert row["status"] == "resolved"
    assert row["context"] == {"n": 3}
    assert (row["resolution"], row["resolved_by"], row["comment"]) == ("yes", "usr_test", "fine")
    answer = {"resolution": "yes", "resolved_by": "usr_test", "comment": "fine"}
    assert told(store, "block.exited", "ask")[0]["result_binding_value"] == answer
    assert store.executions()[0].output == "yes"


def test_a_run_continues_at_the_port_named_like_the_resolution() -> None:
    nodes = [ASK, AFTER, node("refuse", "tool_http", **says("refused"))]
    document = flow(nodes, ["start > ask", "ask.no > refuse", "ask.out > after"])

    async def work(bench: Bench) -> list[Any]:
        for option in ("yes", "no"):
            await bench.finished()
            bench.answer("ask", option)
        await bench.until(lambda: bench.statuses() == ["completed", "completed"])
        return [execution.output for execution in bench.store.executions()]

    assert on_bench([document], work) == ["yes", "refused"]


def test_a_checkpoint_accepts_only_its_options_and_only_once() -> None:
    async def work(bench: Bench) -> None:
        await bench.finished()
        with pytest.raises(NotAnOption, match="choose one of yes, no"):
            bench.answer("ask", "maybe")
        resolved = bench.answer("ask", "no")
        with pytest.raises(AlreadyClosed) as late:
            bench.checkpoints.resolve(resolved, "yes", by="usr_late")
        assert late.value.checkpoint.body["resolution"] == "no"

    on_bench([REVIEW_FLOW], work)


def test_a_breakpoint_stops_before_a_node_and_shows_the_variables() -> None:
    nodes = [node("a", "tool_http", **says(1)), stopping(node("b", "tool_http", **says(2)))]

    async def work(bench: Bench) -> Store:
        assert await bench.finished({"n": 1}) == "suspended"
        assert entered(bench.store) == ["a"]
        bench.answer("b", "continue")
        await bench.until(lambda: bench.statuses() == ["completed"])
        return bench.store

    store = on_bench([flow(nodes, ["start > a", "a > b"])], work)
    row = store.checkpoints()[0].as_row()
    assert (row["checkpoint_type"], row["options"]) == ("debug_breakpoint", ["continue"])
    assert row["presentation"] == {"title": "Breakpoint", "message": "before b"}
    assert row["context"] == {"input": {"n": 1}, "vars": {}, "start": {"n": 1}, "a": 1}


EXPIRING = {"options": ["yes", "no"], "deadline": 60}


def test_an_expired_checkpoint_can_fail_the_run() -> None:
    async def work(bench: Bench) -> Store:
        await bench.finished()
        bench.checkpoints.expire_due()
        assert bench.pending()
        await bench.clock.sleep(60)
        bench.checkpoints.expire_due()
        await bench.until(lambda: bench.statuses() == ["failed"])
        return bench.store

    store = on_bench([flow([node("ask", "checkpoint", expiry_action="fail", **EXPIRING)], ["start > ask"])], work)
    assert_sound(store.events())
    assert store.checkpoints()[0].status == "expired"
    assert told(store, "block.failed", "ask")[0]["error"]["code"] == "CHECKPOINT_EXPIRED"


def test_an_expired_checkpoint_can_continue_with_the_default() -> None:
    config: dict[str, Any] = {"expiry_action": "continue", "default_resolution": "no", **EXPIRING}

    async def work(bench: Bench) -> Any:
        await bench.finished()
        await bench.clock.sleep(61)
        bench.checkpoints.expire_due()
        await bench.until(lambda: bench.statuses() == ["completed"])
        return bench.store.executions()[0].output

    assert on_bench([flow([node("ask", "checkpoint", **config), AFTER], ["start > ask", "ask > after"])], work) == "no"


def test_the_fields_of_a_checkpoint() -> None:
    config: dict[str, Any] = {
        "title": "For {{input.who}}",
        "message": "Pay {{input.n}}?",
        "options": [{"id": "pay", "label": "Pay"}, {"id": "wait", "label": "Wait"}],
        "sections": [{"type": "context", "fields": [{"name": "n", "value": "{{input.n}}"}]}],
        "priority": "{{'high' if input.n > 5 else 'low'}}",
        "assignee": "group:finance",
        "deadline": 90,
        "expiry_action": "fail",
    }

    async def work(bench: Bench) -> dict[str, Any]:
        await bench.finished({"n": 9, "who": "Ada"})
        return bench.pending()[0].as_row()

    row = on_bench([flow([node("ask", "hitl_review", **config)], ["start > ask"])], work)
    assert row["presentation"]["title"] == "For Ada"
    assert row["prompt"] == row["presentation"]["message"] == "Pay 9?"
    assert row["presentation"]["sections"][0]["fields"] == [{"name": "n", "value": 9}]
    assert row["options"] == config["options"]
    assert (row["flow_name"], row["node_id"], row["checkpoint_type"]) == ("main", "ask", "hitl_review")
    assert (row["priority"], row["assignee_raw"], row["assignee_type"]) == ("high", "group:finance", "group")
    assert (row["created_at"], row["expires_at"]) == ("2027-01-15T08:00:00.000Z", "2027-01-15T08:01:30.000Z")
