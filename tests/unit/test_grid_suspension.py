"""Runs that wait for a person: where they wait, how they go on, and that a restart changes nothing."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scaicore_tui.grid.inbox import AlreadySettled, NotAnOption
from scaicore_tui.grid.store import Store
from tests.server.grid_fixtures import NOW, Bench, assert_sound, flow, node, on_bench, says, stopping, told

ASK = node("ask", "hitl_review", title="Review", options=["yes", "no"], context={"n": "{{input.n}}"})
AFTER = node("after", "tool_http", **says("{{ask.resolution}}"))
ASKING = flow([ASK, AFTER], ["start > ask", "ask > after"])


def entered(store: Store) -> list[str]:
    return [payload["node_id"] for payload in told(store, "block.entered")]


def test_a_review_suspends_and_its_answer_resumes() -> None:
    async def work(bench: Bench) -> Store:
        assert await bench.finished({"n": 3}) == "suspended"
        assert told(bench.store, "block.exited") == []
        bench.answer("ask", "yes", comment="fine")
        await bench.until(lambda: bench.statuses() == ["completed"])
        return bench.store

    store = on_bench([ASKING], work)
    assert_sound(store.events())
    (checkpoint,) = store.checkpoints()
    row = checkpoint.as_row()
    assert row["status"] == "resolved"
    assert row["context"] == {"n": 3}
    assert (row["resolution"], row["resolved_by"], row["comment"]) == ("yes", "usr_test", "fine")
    answer = {"resolution": "yes", "resolved_by": "usr_test", "comment": "fine"}
    assert told(store, "block.exited", "ask")[0]["result_binding_value"] == answer
    assert store.executions()[0].output == "yes"


def test_an_answer_takes_the_edge_of_its_name() -> None:
    nodes = [ASK, AFTER, node("refuse", "tool_http", **says("refused"))]
    document = flow(nodes, ["start > ask", "ask.no > refuse", "ask.out > after"])

    async def work(bench: Bench) -> list[Any]:
        for option in ("yes", "no"):
            await bench.finished()
            bench.answer("ask", option)
        await bench.until(lambda: bench.statuses() == ["completed", "completed"])
        return [execution.output for execution in bench.store.executions()]

    assert on_bench([document], work) == ["yes", "refused"]


def test_only_an_option_answers_and_only_once() -> None:
    async def work(bench: Bench) -> None:
        await bench.finished()
        with pytest.raises(NotAnOption, match="choose one of yes, no"):
            bench.answer("ask", "maybe")
        settled = bench.answer("ask", "no")
        with pytest.raises(AlreadySettled) as late:
            bench.inbox.resolve(settled, "yes", by="usr_late")
        assert late.value.checkpoint.body["resolution"] == "no"

    on_bench([ASKING], work)


def test_a_breakpoint_stops_in_front_of_a_node_and_shows_what_is_known() -> None:
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


LATE = {"options": ["yes", "no"], "deadline": 60}


def test_a_deadline_fails_the_run() -> None:
    async def work(bench: Bench) -> Store:
        await bench.finished()
        bench.inbox.expire_due()
        assert bench.pending()
        await bench.clock.sleep(60)
        bench.inbox.expire_due()
        await bench.until(lambda: bench.statuses() == ["failed"])
        return bench.store

    store = on_bench([flow([node("ask", "checkpoint", expiry_action="fail", **LATE)], ["start > ask"])], work)
    assert_sound(store.events())
    assert store.checkpoints()[0].status == "expired"
    assert told(store, "block.failed", "ask")[0]["error"]["code"] == "CHECKPOINT_EXPIRED"


def test_a_deadline_goes_on_with_the_default() -> None:
    config: dict[str, Any] = {"expiry_action": "continue", "default_resolution": "no", **LATE}

    async def work(bench: Bench) -> Any:
        await bench.finished()
        await bench.clock.sleep(61)
        bench.inbox.expire_due()
        await bench.until(lambda: bench.statuses() == ["completed"])
        return bench.store.executions()[0].output

    assert on_bench([flow([node("ask", "checkpoint", **config), AFTER], ["start > ask", "ask > after"])], work) == "no"


def test_what_a_checkpoint_tells() -> None:
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


IN_A_LOOP = flow(
    [
        node("count", "data_variable_set", set={"rounds": 3}),
        node("each", "logic_loop", **{"while": "vars.seen < vars.rounds"}),
        node("before", "tool_http", **says("{{index}}")),
        ASK,
        node(
            "tick", "data_variable_set", set={"seen": "{{vars.seen + 1}}", "said": "{{vars.said + [ask.resolution]}}"}
        ),
    ],
    ["start > count", "count > each", "each.body > before", "before > ask", "ask > tick"],
    variables={"seen": 0, "said": []},
    config={"output": "{{vars.said}}"},
)
IN_BRANCHES = flow(
    [
        node("fork", "logic_parallel"),
        ASK,
        stopping(node("deep", "tool_http", **says("deep"))),
        node("quick", "tool_http", **says("quick")),
        node("join", "tool_http", **says("{{fork}}")),
    ],
    ["start > fork", "fork.one > ask", "fork.two > deep", "fork.three > quick", "fork.done > join"],
)
IN_A_SUB_FLOW = (
    flow([node("call", "subflow_call", core_id="core_inner"), AFTER], ["start > call", "call > after"]),
    flow([ASK], ["start > ask"], name="inner"),
)


def _restarting(path: Path, answers: list[tuple[str, str]], *documents: dict[str, Any]) -> Store:
    """Run the first flow, and answer each of its checkpoints on a new engine over the same file."""

    async def begin(bench: Bench) -> None:
        assert await bench.finished() == "suspended"

    async def go_on(bench: Bench, node_id: str, resolution: str) -> None:
        told_before = len(bench.store.events())
        bench.engine.fail_interrupted()
        bench.engine.resume()
        await bench.clock.sleep(5)
        assert len(bench.store.events()) == told_before, "nothing is told twice"
        bench.answer(node_id, resolution)
        await bench.clock.sleep(60)

    store = Store(path)
    on_bench(documents, begin, store=store)
    for number, (node_id, resolution) in enumerate(answers, 1):
        store.close()
        store = Store(path)
        on_bench(
            documents, partial(go_on, node_id=node_id, resolution=resolution), store=store, start=NOW + 100 * number
        )
    assert_sound(store.events())
    return store


def test_a_loop_goes_on_where_it_was(tmp_path: Path) -> None:
    store = _restarting(tmp_path / "grid.db", [("ask", "yes"), ("ask", "no"), ("ask", "yes")], IN_A_LOOP)
    assert store.executions()[0].output == ["yes", "no", "yes"]
    assert entered(store) == ["count", "each", *["before", "ask", "tick"] * 3]
    store.close()


def test_branches_wait_each_for_itself(tmp_path: Path) -> None:
    store = _restarting(tmp_path / "grid.db", [("deep", "continue"), ("ask", "yes")], IN_BRANCHES)
    assert store.executions()[0].status == "completed"
    answer = {"resolution": "yes", "resolved_by": "usr_test", "comment": None}
    assert store.executions()[0].output == {"one": answer, "two": "deep", "three": "quick"}
    assert entered(store) == ["fork", "ask", "quick", "deep", "join"]
    store.close()


def test_a_sub_flow_keeps_its_caller_waiting(tmp_path: Path) -> None:
    store = _restarting(tmp_path / "grid.db", [("ask", "yes")], *IN_A_SUB_FLOW)
    assert [execution.status for execution in store.executions()] == ["completed", "completed"]
    assert entered(store) == ["call", "ask", "after"]
    store.close()


def test_a_caller_is_suspended_with_its_sub_flow() -> None:
    async def work(bench: Bench) -> list[str]:
        await bench.finished()
        return bench.statuses()

    assert on_bench(IN_A_SUB_FLOW, work) == ["suspended", "suspended"]


def test_a_run_with_a_moving_branch_is_not_suspended() -> None:
    nodes = [node("fork", "logic_parallel"), ASK, node("slow", "tool_http", **says(1, seconds=50))]
    document = flow(nodes, ["start > fork", "fork.a > ask", "fork.b > slow"])

    async def work(bench: Bench) -> None:
        run = bench.engine.start("core_main", {})
        await bench.until(bench.pending)
        assert bench.statuses() == ["running"]
        await run.settled.wait()
        assert bench.statuses() == ["suspended"]
        assert entered(bench.store) == ["fork", "ask", "slow"]

    on_bench([document], work)


@pytest.mark.parametrize("documents", [IN_A_SUB_FLOW, (IN_BRANCHES,)])
def test_an_answer_given_before_the_restart_is_not_lost(documents: tuple[dict[str, Any], ...]) -> None:
    store = Store()

    async def answer_and_die(bench: Bench) -> None:
        await bench.finished()
        bench.answer("ask", "yes")

    async def come_back(bench: Bench) -> None:
        bench.engine.fail_interrupted()
        bench.engine.resume()
        await bench.until(lambda: told(store, "block.exited", "ask"))

    on_bench(documents, answer_and_die, store=store)
    on_bench(documents, come_back, store=store)


def test_a_resumed_run_that_moves_is_running_again() -> None:
    nodes = [node("fork", "logic_parallel"), ASK, AFTER, stopping(node("deep", "tool_http"))]
    document = flow(nodes, ["start > fork", "fork.one > ask", "ask > after", "fork.two > deep"])
    store = Store()

    async def answer_and_die(bench: Bench) -> None:
        await bench.finished()
        bench.answer("ask", "yes")

    async def come_back(bench: Bench) -> None:
        bench.engine.resume()
        await bench.until(lambda: "after" in entered(store))
        assert bench.statuses() == ["running"]
        await bench.until(lambda: bench.statuses() == ["suspended"])

    on_bench([document], answer_and_die, store=store)
    on_bench([document], come_back, store=store)


def test_what_was_under_way_when_the_server_died_has_failed() -> None:
    call = node("call", "subflow_call", core_id="core_inner")
    nodes = [node("fork", "logic_parallel"), call, ASK]
    outer = flow(nodes, ["start > fork", "fork.one > call", "fork.two > ask"])
    inner = flow([node("slow", "tool_http", **says(1, seconds=500))], ["start > slow"], name="inner")
    store = Store()

    async def die(bench: Bench) -> None:
        bench.engine.start("core_main", {})
        await bench.until(lambda: told(store, "block.entered", "slow"))

    async def come_back(bench: Bench) -> None:
        bench.engine.fail_interrupted()

    on_bench([outer, inner], die, store=store)
    on_bench([outer, inner], come_back, store=store)
    assert_sound(store.events())
    assert [execution.status for execution in store.executions()] == ["failed", "failed"]
    assert {payload["error"]["message"] for payload in told(store, "invocation.failed")} == {"server restarted"}
    assert [checkpoint.status for checkpoint in store.checkpoints()] == ["cancelled"]


def test_ids_go_on_after_a_restart() -> None:
    store = Store()

    async def once(bench: Bench) -> None:
        await bench.finished()

    for _ in range(3):
        on_bench([flow([AFTER], ["start > after"])], once, store=store)
    assert len({execution.id for execution in store.executions()}) == 3
