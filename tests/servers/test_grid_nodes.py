"""The behaviour of each node type."""

from __future__ import annotations

from typing import Any, cast

import pytest

from scaicore_tui.servers.grid.engine.nodes import BEHAVIOURS
from scaicore_tui.servers.grid.engine.nodes.context import NodeContext
from scaicore_tui.servers.grid.engine.steps import NodeResult
from scaicore_tui.servers.grid.store import Store
from tests.support.grid import edge, error_of, event_payloads, fails, flow, node, returns, run_flow


def output_of(store: Store) -> Any:
    return store.executions()[0].output


def visits(store: Store) -> list[str]:
    """Return all block events in order, each as a symbol for its kind and the node's id."""
    symbols = {
        "scaicore.runtime.block.entered": "+",
        "scaicore.runtime.block.exited": "-",
        "scaicore.runtime.block.failed": "!",
    }
    return [symbols[e["type"]] + str(e["payload"]["node_id"]) for e in store.events() if e["type"] in symbols]


def test_data_flows_from_node_to_node_and_keeps_its_type() -> None:
    nodes = [
        node("find", "tool_plugin", bind="customer", **returns({"name": "Ada", "debts": [3, 4]})),
        node("add", "data_variable_set", set={"sum": "{{sum(customer.debts) + vars.base}}"}),
        node("write", "llm_guarded", **returns({"text": "{{customer.name}} owes {{vars.sum}}"})),
    ]
    store = run_flow(
        flow(nodes, ["start > find", "find > add", "add > write"], variables={"base": "{{input.base}}"}),
        given={"base": 10},
    )
    assert output_of(store) == {"text": "Ada owes 17"}
    assert event_payloads(store, "block.exited", "find")[0]["result_binding"] == "customer"
    assert event_payloads(store, "block.exited", "add")[0]["result_binding_value"] == {"sum": 17}


def test_a_data_edge_provides_an_input() -> None:
    nodes = [node("a", "tool_http", **returns(5)), node("b", "tool_http", **returns("{{inputs.amount + 1}}"))]
    fed = {**edge("a > b"), "id": "d", "type": "data", "target": {"node": "b", "port": "amount"}}
    assert output_of(run_flow(flow(nodes, ["start > a", "a > b", fed]))) == 6


def test_the_flow_declares_its_output() -> None:
    document = flow([node("a", "tool_http", **returns(5))], ["start > a"], config={"output": {"five": "{{a}}"}})
    assert output_of(run_flow(document)) == {"five": 5}


def test_a_decision_takes_the_first_condition_that_holds() -> None:
    nodes = [
        node("which", "logic_decision"),
        *(node(name, "tool_http", **returns(name)) for name in ("big", "mid", "small")),
    ]
    edges: list[str | dict[str, Any]] = [
        edge("which.big > big", "input.n > 100"),
        edge("which.mid > mid", "input.n > 10"),
        "which.else > small",
        "start > which",
    ]
    assert [output_of(run_flow(flow(nodes, edges), given={"n": n})) for n in (500, 50, 5)] == ["big", "mid", "small"]


def test_a_decision_without_a_matching_edge_fails() -> None:
    nodes = [node("which", "logic_decision"), node("a", "tool_http", **returns(1))]
    store = run_flow(flow(nodes, ["start > which", edge("which.x > a", "input.n > 1")]), given={"n": 0})
    assert error_of(store)["code"] == "NO_BRANCH"


def test_a_failing_expression_fails_its_node() -> None:
    store = run_flow(
        flow([node("a", "data_variable_set", set={"x": "{{input.n / 0}}"})], ["start > a"]), given={"n": 1}
    )
    assert event_payloads(store, "block.failed", "a")[0]["error"]["code"] == "EXPRESSION_ERROR"
    assert error_of(store)["code"] == "EXPRESSION_ERROR"


def test_a_failed_node_fails_the_run() -> None:
    store = run_flow(flow([node("a", "tool_http", **fails("TIMEOUT"))], ["start > a"]))
    assert visits(store) == ["+a", "!a"]
    error = {"code": "TIMEOUT", "message": "TIMEOUT happened"}
    assert event_payloads(store, "block.failed") == [
        {"execution_id": store.executions()[0].id, "node_id": "a", "block_kind": "core_call", "error": error}
    ]
    assert event_payloads(store, "invocation.failed")[0]["error"] == error


def test_a_retry_enters_the_node_again() -> None:
    on_error = {"retries": 3, "delay": 5.0}
    store = run_flow(
        flow([node("a", "tool_http", on_error=on_error, **fails(when="attempt < 2", otherwise="ok"))], ["start > a"])
    )
    assert visits(store) == ["+a", "!a", "+a", "!a", "+a", "-a"]
    assert event_payloads(store, "invocation.completed")[0]["duration_ms"] == 13_000


def test_a_fallback_replaces_the_result() -> None:
    nodes = [node("a", "tool_http", on_error={"fallback": {"papers": "{{input.n}}"}}, **fails())]
    store = run_flow(flow(nodes, ["start > a"]), given={"n": 4})
    assert visits(store) == ["+a", "!a"]
    assert output_of(store) == {"papers": 4}


def test_an_error_edge_continues_the_run() -> None:
    nodes = [
        node("a", "tool_http", **fails("BUSY")),
        node("b", "queue_publish", **returns("{{error.code}} in {{error.node}}")),
    ]
    assert output_of(run_flow(flow(nodes, ["start > a", "a.error > b"]))) == "BUSY in a"


def test_a_loop_visits_its_body_for_each_item() -> None:
    nodes = [
        node("each", "logic_loop", items="{{input.bills}}", collect="{{index}}:{{bill.n}}={{pay}}", **{"as": "bill"}),
        node("pay", "tool_http", **returns("{{bill.n * 2}}")),
        node("end", "tool_http", **returns("{{len(each)}}")),
    ]
    store = run_flow(
        flow(nodes, ["start > each", "each.body > pay", "each.done > end"]), given={"bills": [{"n": 1}, {"n": 5}]}
    )
    assert visits(store) == ["+each", "+pay", "-pay", "+pay", "-pay", "-each", "+end", "-end"]
    assert event_payloads(store, "block.exited", "each")[0]["result_binding_value"] == ["0:1=2", "1:5=10"]
    assert event_payloads(store, "block.entered", "each")[0]["block_kind"] == "foreach"
    assert output_of(store) == 2


def test_a_while_loop_ends_with_its_condition_or_at_its_limit() -> None:
    loop = {"while": "vars.n < input.until", "limit": 4}
    nodes = [node("more", "logic_loop", **loop), node("add", "data_variable_set", set={"n": "{{vars.n + 1}}"})]
    document = flow(nodes, ["start > more", "more.body > add"], variables={"n": 0}, config={"output": "{{vars.n}}"})
    store = run_flow(document, given={"until": 3})
    assert output_of(store) == 3
    assert event_payloads(store, "block.entered", "more")[0]["block_kind"] == "while"
    assert output_of(run_flow(document, given={"until": 99})) == 4


def test_a_loop_over_no_list_or_too_long_a_list_fails() -> None:
    nodes = [node("each", "logic_loop", items="{{input.rows}}", limit=2), node("a", "tool_http")]
    document = flow(nodes, ["start > each", "each.body > a"])
    assert error_of(run_flow(document, given={"rows": "abc"}))["code"] == "NOT_A_LIST"
    assert error_of(run_flow(document, given={"rows": [1, 2, 3]}))["code"] == "LOOP_LIMIT"
    assert output_of(run_flow(document, given={"rows": []})) == []


def test_a_failure_in_a_body_fails_the_loop_too() -> None:
    nodes = [node("each", "logic_loop", items=[1, 2]), node("a", "tool_http", **fails(when="item == 2"))]
    store = run_flow(flow(nodes, ["start > each", "each.body > a"]))
    assert visits(store) == ["+each", "+a", "-a", "+a", "!a", "!each"]


def _fork(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    nodes = [node("fork", "logic_parallel"), left, right, node("then", "tool_http", **returns("{{fork.right}}"))]
    return flow(nodes, ["start > fork", "fork.left > a", "fork.right > b", "fork.done > then"])


def test_parallel_branches_interleave() -> None:
    store = run_flow(
        _fork(node("a", "tool_http", **returns(1, seconds=5)), node("b", "tool_http", **returns(2, seconds=3)))
    )
    assert visits(store) == ["+fork", "+a", "+b", "-b", "-a", "-fork", "+then", "-then"]
    assert event_payloads(store, "block.exited", "fork")[0]["result_binding_value"] == {"left": 1, "right": 2}
    assert output_of(store) == 2


def test_a_failed_branch_waits_for_the_others_to_end() -> None:
    store = run_flow(_fork(node("a", "tool_http", **returns(1, seconds=9)), node("b", "tool_http", **fails("LOST"))))
    assert visits(store) == ["+fork", "+a", "+b", "!b", "-a", "!fork"]
    assert error_of(store)["code"] == "LOST"


def _with_sub_flow(inner: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    call = node("call", "subflow_call", core_id="core_inner", input={"n": "{{input.n + 1}}"})
    return flow([call], ["start > call"]), flow([inner], ["start > a"], name="inner")


def test_a_sub_flow_is_an_execution_of_another_core() -> None:
    store = run_flow(*_with_sub_flow(node("a", "tool_http", **returns("{{input.n * 10}}"))), given={"n": 1})
    outer, inner = store.executions()
    assert (outer.output, inner.output) == (20, 20)
    assert (inner.core_id, inner.root_id) == ("core_inner", outer.id)
    assert inner.id != outer.id
    core_ids = {e["payload"]["execution_id"]: e["core_id"] for e in store.events()}
    assert core_ids == {outer.id: "core_main", inner.id: "core_inner"}


def test_a_failed_sub_flow_fails_its_caller() -> None:
    store = run_flow(*_with_sub_flow(node("a", "tool_http", **fails("DRY"))), given={"n": 1})
    assert [execution.status for execution in store.executions()] == ["failed", "failed"]
    assert event_payloads(store, "block.failed", "call")[0]["error"]["code"] == "SUBFLOW_FAILED"


def test_a_long_value_is_omitted_from_the_event_but_available_to_the_flow() -> None:
    nodes = [
        node(
            "page",
            "tool_http",
            simulate={"outcomes": [{"result": {}}], "filler": {"field": "text", "characters": 5000}},
        ),
        node("measure", "tool_http", **returns("{{len(page.text) > 4096}}")),
    ]
    store = run_flow(flow(nodes, ["start > page", "page > measure"]))
    block_exited = event_payloads(store, "block.exited", "page")[0]
    assert block_exited["result_binding_truncated"] is True
    assert "result_binding_value" not in block_exited
    assert output_of(store) is True


def test_a_value_in_an_event_is_limited_to_4_kilobytes_of_json() -> None:
    def truncated(characters: int) -> bool:
        store = run_flow(
            flow([node("a", "tool_http", **returns("{{input.text}}"))], ["start > a"]), given={"text": "x" * characters}
        )
        return "result_binding_truncated" in event_payloads(store, "block.exited", "a")[0]

    assert not truncated(4094)
    assert truncated(4095)


def test_authors_emit_their_own_events() -> None:
    emit = [
        {"type": "expense.flagged", "when": "result.total > 100", "payload": {"total": "{{a.total}}"}},
        {"type": "expense.cheap", "when": "result.total <= 100"},
    ]
    store = run_flow(flow([node("a", "tool_http", emit=emit, **returns({"total": 120}))], ["start > a"]))
    kinds = [event["type"].removeprefix("scaicore.runtime.") for event in store.events()]
    assert kinds == ["invocation.started", "block.entered", "expense.flagged", "block.exited", "invocation.completed"]
    assert event_payloads(store, "expense.flagged") == [{"execution_id": store.executions()[0].id, "total": 120}]


def test_the_payloads_of_a_run() -> None:
    store = run_flow(flow([node("a", "llm_rigid", **returns({"x": 1}, seconds=2))], ["start > a"]), given={"n": 1})
    run_id = {"execution_id": store.executions()[0].id}
    block = {"node_id": "a", "block_kind": "rigid"}
    assert [event["payload"] for event in store.events()] == [
        {**run_id, "input": {"n": 1}, "node_id": None},
        {**run_id, **block},
        {**run_id, **block, "result_binding": "a", "result_binding_value": {"x": 1}},
        {**run_id, "output": {"x": 1}, "duration_ms": 2000},
    ]
    assert [event["timestamp"] for event in store.events()][-1] == "2027-01-15T08:00:02.000Z"


def test_a_simulated_node_without_a_fitting_outcome_fails() -> None:
    nodes = [node("a", "tool_http", simulate={"outcomes": [{"when": "input.n == 1", "result": 1}]})]
    assert error_of(run_flow(flow(nodes, ["start > a"]), given={"n": 2}))["code"] == "NO_OUTCOME"


def test_a_bug_fails_the_run_and_is_logged(caplog: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_: NodeContext) -> NodeResult:
        raise RuntimeError("a bug in the node")

    monkeypatch.setitem(cast("dict[str, Any]", BEHAVIOURS), "tool_http", fail)
    store = run_flow(flow([node("a", "tool_http")], ["start > a"]))
    assert error_of(store)["code"] == "INTERNAL_ERROR"
    assert "internal error in execution" in caplog.text
