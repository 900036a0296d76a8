"""Suspended runs: where they stop, the contents of their checkpoints, and how they resume."""

from __future__ import annotations

from typing import Any

import pytest

from scaicore_tui.servers.grid.checkpoints import AlreadyClosed, NotAnOption
from scaicore_tui.servers.grid.store import Store
from tests.support.grid import (
    AFTER,
    ASK,
    Bench,
    assert_sound,
    entered,
    event_payloads,
    flow,
    node,
    returns,
    run_on_bench,
    with_breakpoint,
)

REVIEW_FLOW = flow([ASK, AFTER], ["start > ask", "ask > after"])


def test_a_review_suspends_the_run_until_it_is_resolved() -> None:
    async def work(bench: Bench) -> Store:
        assert await bench.run_to_end({"n": 3}) == "suspended"
        assert event_payloads(bench.store, "block.exited") == []
        bench.answer("ask", "yes", comment="fine")
        await bench.wait_until(lambda: bench.statuses() == ["completed"])
        return bench.store

    store = run_on_bench([REVIEW_FLOW], work)
    assert_sound(store.events())
    (checkpoint,) = store.checkpoints()
    row = checkpoint.as_row()
    assert row["status"] == "resolved"
    assert row["context"] == {"n": 3}
    assert (row["resolution"], row["resolved_by"], row["comment"]) == ("yes", "usr_test", "fine")
    answer = {"resolution": "yes", "resolved_by": "usr_test", "comment": "fine"}
    assert event_payloads(store, "block.exited", "ask")[0]["result_binding_value"] == answer
    assert store.executions()[0].output == "yes"


def test_a_run_continues_at_the_port_named_like_the_resolution() -> None:
    nodes = [ASK, AFTER, node("refuse", "tool_http", **returns("refused"))]
    document = flow(nodes, ["start > ask", "ask.no > refuse", "ask.out > after"])

    async def work(bench: Bench) -> list[Any]:
        for option in ("yes", "no"):
            await bench.run_to_end()
            bench.answer("ask", option)
        await bench.wait_until(lambda: bench.statuses() == ["completed", "completed"])
        return [execution.output for execution in bench.store.executions()]

    assert run_on_bench([document], work) == ["yes", "refused"]


def test_a_checkpoint_accepts_only_its_options_and_only_once() -> None:
    async def work(bench: Bench) -> None:
        await bench.run_to_end()
        with pytest.raises(NotAnOption, match="choose one of yes, no"):
            bench.answer("ask", "maybe")
        resolved = bench.answer("ask", "no")
        with pytest.raises(AlreadyClosed) as late:
            bench.checkpoints.resolve(resolved, "yes", by="usr_late")
        assert late.value.checkpoint.body["resolution"] == "no"

    run_on_bench([REVIEW_FLOW], work)


def test_a_breakpoint_stops_before_a_node_and_shows_the_variables() -> None:
    nodes = [node("a", "tool_http", **returns(1)), with_breakpoint(node("b", "tool_http", **returns(2)))]

    async def work(bench: Bench) -> Store:
        assert await bench.run_to_end({"n": 1}) == "suspended"
        assert entered(bench.store) == ["a"]
        bench.answer("b", "continue")
        await bench.wait_until(lambda: bench.statuses() == ["completed"])
        return bench.store

    store = run_on_bench([flow(nodes, ["start > a", "a > b"])], work)
    row = store.checkpoints()[0].as_row()
    assert (row["checkpoint_type"], row["options"]) == ("debug_breakpoint", ["continue"])
    assert row["presentation"] == {"title": "Breakpoint", "message": "before b"}
    assert row["context"] == {"input": {"n": 1}, "vars": {}, "start": {"n": 1}, "a": 1}


EXPIRING = {"options": ["yes", "no"], "deadline": 60}


def test_an_expired_checkpoint_can_fail_the_run() -> None:
    async def work(bench: Bench) -> Store:
        await bench.run_to_end()
        bench.checkpoints.expire_due()
        assert bench.pending()
        await bench.clock.sleep(60)
        bench.checkpoints.expire_due()
        await bench.wait_until(lambda: bench.statuses() == ["failed"])
        return bench.store

    store = run_on_bench([flow([node("ask", "checkpoint", expiry_action="fail", **EXPIRING)], ["start > ask"])], work)
    assert_sound(store.events())
    assert store.checkpoints()[0].status == "expired"
    assert event_payloads(store, "block.failed", "ask")[0]["error"]["code"] == "CHECKPOINT_EXPIRED"


def test_an_expired_checkpoint_can_continue_with_the_default() -> None:
    config: dict[str, Any] = {"expiry_action": "continue", "default_resolution": "no", **EXPIRING}

    async def work(bench: Bench) -> Any:
        await bench.run_to_end()
        await bench.clock.sleep(61)
        bench.checkpoints.expire_due()
        await bench.wait_until(lambda: bench.statuses() == ["completed"])
        return bench.store.executions()[0].output

    assert (
        run_on_bench([flow([node("ask", "checkpoint", **config), AFTER], ["start > ask", "ask > after"])], work) == "no"
    )


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
        await bench.run_to_end({"n": 9, "who": "Ada"})
        return bench.pending()[0].as_row()

    row = run_on_bench([flow([node("ask", "hitl_review", **config)], ["start > ask"])], work)
    assert row["presentation"]["title"] == "For Ada"
    assert row["prompt"] == row["presentation"]["message"] == "Pay 9?"
    assert row["presentation"]["sections"][0]["fields"] == [{"name": "n", "value": 9}]
    assert row["options"] == config["options"]
    assert (row["flow_name"], row["node_id"], row["checkpoint_type"]) == ("main", "ask", "hitl_review")
    assert (row["priority"], row["assignee_raw"], row["assignee_type"]) == ("high", "group:finance", "group")
    assert (row["created_at"], row["expires_at"]) == ("2027-01-15T08:00:00.000Z", "2027-01-15T08:01:30.000Z")
