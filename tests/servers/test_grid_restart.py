"""Suspended runs in loops, branches and sub-flows survive a restart of the server unchanged."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scaicore_tui.servers.grid.store import Store
from tests.support.grid import (
    AFTER,
    ASK,
    NOW,
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

IN_A_LOOP = flow(
    [
        node("count", "data_variable_set", set={"rounds": 3}),
        node("each", "logic_loop", **{"while": "vars.seen < vars.rounds"}),
        node("before", "tool_http", **returns("{{index}}")),
        ASK,
        node(
            "tick",
            "data_variable_set",
            set={"seen": "{{vars.seen + 1}}", "resolutions": "{{vars.resolutions + [ask.resolution]}}"},
        ),
    ],
    ["start > count", "count > each", "each.body > before", "before > ask", "ask > tick"],
    variables={"seen": 0, "resolutions": []},
    config={"output": "{{vars.resolutions}}"},
)
IN_BRANCHES = flow(
    [
        node("fork", "logic_parallel"),
        ASK,
        with_breakpoint(node("deep", "tool_http", **returns("deep"))),
        node("quick", "tool_http", **returns("quick")),
        node("join", "tool_http", **returns("{{fork}}")),
    ],
    ["start > fork", "fork.one > ask", "fork.two > deep", "fork.three > quick", "fork.done > join"],
)
IN_A_SUB_FLOW = (
    flow([node("call", "subflow_call", core_id="core_inner"), AFTER], ["start > call", "call > after"]),
    flow([ASK], ["start > ask"], name="inner"),
)


def _run_with_restarts(path: Path, answers: list[tuple[str, str]], *documents: dict[str, Any]) -> Store:
    """Run the first flow and resolve each of its checkpoints with a new engine on the same file."""

    async def begin(bench: Bench) -> None:
        assert await bench.run_to_end() == "suspended"

    async def resume_and_answer(bench: Bench, node_id: str, resolution: str) -> None:
        event_count = len(bench.store.events())
        bench.engine.fail_interrupted()
        bench.engine.resume()
        await bench.clock.sleep(5)
        assert len(bench.store.events()) == event_count, "a resumed engine repeats no events"
        bench.answer(node_id, resolution)
        await bench.clock.sleep(60)

    store = Store(path)
    run_on_bench(documents, begin, store=store)
    for number, (node_id, resolution) in enumerate(answers, 1):
        store.close()
        store = Store(path)
        run_on_bench(
            documents,
            partial(resume_and_answer, node_id=node_id, resolution=resolution),
            store=store,
            start=NOW + 100 * number,
        )
    assert_sound(store.events())
    return store


def test_a_loop_resumes_at_its_iteration(tmp_path: Path) -> None:
    store = _run_with_restarts(tmp_path / "grid.db", [("ask", "yes"), ("ask", "no"), ("ask", "yes")], IN_A_LOOP)
    assert store.executions()[0].output == ["yes", "no", "yes"]
    assert entered(store) == ["count", "each", *["before", "ask", "tick"] * 3]
    store.close()


def test_branches_are_suspended_independently(tmp_path: Path) -> None:
    store = _run_with_restarts(tmp_path / "grid.db", [("deep", "continue"), ("ask", "yes")], IN_BRANCHES)
    assert store.executions()[0].status == "completed"
    answer = {"resolution": "yes", "resolved_by": "usr_test", "comment": None}
    assert store.executions()[0].output == {"one": answer, "two": "deep", "three": "quick"}
    assert entered(store) == ["fork", "ask", "quick", "deep", "join"]
    store.close()


def test_a_suspended_sub_flow_resumes_with_its_caller(tmp_path: Path) -> None:
    store = _run_with_restarts(tmp_path / "grid.db", [("ask", "yes")], *IN_A_SUB_FLOW)
    assert [execution.status for execution in store.executions()] == ["completed", "completed"]
    assert entered(store) == ["call", "ask", "after"]
    store.close()


def test_a_caller_is_suspended_with_its_sub_flow() -> None:
    async def work(bench: Bench) -> list[str]:
        await bench.run_to_end()
        return bench.statuses()

    assert run_on_bench(IN_A_SUB_FLOW, work) == ["suspended", "suspended"]


def test_a_run_with_an_executing_branch_is_not_suspended() -> None:
    nodes = [node("fork", "logic_parallel"), ASK, node("slow", "tool_http", **returns(1, seconds=50))]
    document = flow(nodes, ["start > fork", "fork.a > ask", "fork.b > slow"])

    async def work(bench: Bench) -> None:
        run = bench.engine.start("core_main", {})
        await bench.wait_until(bench.pending)
        assert bench.statuses() == ["running"]
        await run.finished_or_suspended.wait()
        assert bench.statuses() == ["suspended"]
        assert entered(bench.store) == ["fork", "ask", "slow"]

    run_on_bench([document], work)


@pytest.mark.parametrize("documents", [IN_A_SUB_FLOW, (IN_BRANCHES,)])
def test_a_resolution_from_before_the_restart_is_not_lost(documents: tuple[dict[str, Any], ...]) -> None:
    store = Store()

    async def answer_then_stop(bench: Bench) -> None:
        await bench.run_to_end()
        bench.answer("ask", "yes")

    async def restart(bench: Bench) -> None:
        bench.engine.fail_interrupted()
        bench.engine.resume()
        await bench.wait_until(lambda: event_payloads(store, "block.exited", "ask"))

    run_on_bench(documents, answer_then_stop, store=store)
    run_on_bench(documents, restart, store=store)


def test_a_resumed_run_has_the_status_running_again() -> None:
    nodes = [node("fork", "logic_parallel"), ASK, AFTER, with_breakpoint(node("deep", "tool_http"))]
    document = flow(nodes, ["start > fork", "fork.one > ask", "ask > after", "fork.two > deep"])
    store = Store()

    async def answer_then_stop(bench: Bench) -> None:
        await bench.run_to_end()
        bench.answer("ask", "yes")

    async def restart(bench: Bench) -> None:
        bench.engine.resume()
        await bench.wait_until(lambda: "after" in entered(store))
        assert bench.statuses() == ["running"]
        await bench.wait_until(lambda: bench.statuses() == ["suspended"])

    run_on_bench([document], answer_then_stop, store=store)
    run_on_bench([document], restart, store=store)


def test_runs_that_were_executing_when_the_server_stopped_fail() -> None:
    call = node("call", "subflow_call", core_id="core_inner")
    nodes = [node("fork", "logic_parallel"), call, ASK]
    outer = flow(nodes, ["start > fork", "fork.one > call", "fork.two > ask"])
    inner = flow([node("slow", "tool_http", **returns(1, seconds=500))], ["start > slow"], name="inner")
    store = Store()

    async def start_then_stop(bench: Bench) -> None:
        bench.engine.start("core_main", {})
        await bench.wait_until(lambda: event_payloads(store, "block.entered", "slow"))

    async def restart(bench: Bench) -> None:
        bench.engine.fail_interrupted()

    run_on_bench([outer, inner], start_then_stop, store=store)
    run_on_bench([outer, inner], restart, store=store)
    assert_sound(store.events())
    assert [execution.status for execution in store.executions()] == ["failed", "failed"]
    assert {payload["error"]["message"] for payload in event_payloads(store, "invocation.failed")} == {
        "server restarted"
    }
    assert [checkpoint.status for checkpoint in store.checkpoints()] == ["cancelled"]


def test_ids_are_not_reused_after_a_restart() -> None:
    store = Store()

    async def run_once(bench: Bench) -> None:
        await bench.run_to_end()

    for _ in range(3):
        run_on_bench([flow([AFTER], ["start > after"])], run_once, store=store)
    assert len({execution.id for execution in store.executions()}) == 3
