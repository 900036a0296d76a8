"""Limits of flows: exceeding one fails the run, with a message that names the node."""

from __future__ import annotations

from typing import Any

import pytest

from scaicore_tui.servers.grid.engine import run_limits
from scaicore_tui.servers.grid.flow import value_size
from scaicore_tui.servers.grid.flow.template import MAX_TEMPLATES, expressions, render
from scaicore_tui.servers.grid.flow.value_size import MAX_VALUE_CHARS, MAX_VALUE_DEPTH, ValueTooLarge, json_size
from scaicore_tui.servers.grid.store import Store
from tests.support.grid import Bench, edge, error_of, event_payloads, flow, node, returns, run_flow, run_on_bench

ENDLESS = {"while": "true", "limit": 10**12}


def loop_flow(body: dict[str, Any], loop: dict[str, Any], **more: Any) -> dict[str, Any]:
    return flow([node("again", "logic_loop", **loop), body], ["start > again", f"again.body > {body['id']}"], **more)


def test_a_value_that_grows_from_itself_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that repeatedly contains itself twice is small in memory but enormous as JSON."""
    monkeypatch.setattr(value_size, "MAX_VALUE_CHARS", 10_000)
    for text, kind in (("{{[vars.x, vars.x]}}", "characters"), ("{{[vars.x]}}", "levels deep")):
        document = loop_flow(node("grow", "data_variable_set", set={"x": text}), ENDLESS, variables={"x": 1})
        error = error_of(run_flow(document))
        assert error["code"] == "EXPRESSION_ERROR"
        assert error["message"].startswith("node 'grow': a value may ")
        assert kind in error["message"]


def test_a_refused_value_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value_size, "MAX_VALUE_CHARS", 10_000)
    growing_node = node(
        "grow", "data_variable_set", set={"x": "{{[vars.x, vars.x]}}"}, on_error={"fallback": "too large"}
    )
    document = loop_flow(
        growing_node,
        {"while": "true", "limit": 16, "collect": "{{index}}"},
        variables={"x": 1},
        config={"output": "{{vars.x}}"},
    )
    (execution,) = run_flow(document).executions()
    assert execution.status == "completed"
    assert json_size(execution.output) <= 10_000


def test_the_total_size_of_the_templates_in_a_text_is_limited() -> None:
    error = error_of(
        run_flow(
            flow([node("a", "llm_rigid", **returns("{{input.t}}" * 500))], ["start > a"]), given={"t": "x" * 99_999}
        )
    )
    assert error["code"] == "EXPRESSION_ERROR"
    assert error["message"] == f"node 'a': a text may have {MAX_VALUE_CHARS} characters"


def test_the_number_of_templates_is_limited() -> None:
    text = "{{vars.n}}" * (MAX_TEMPLATES // 2)

    def run_with(values: list[Any]) -> Store:
        return run_flow(flow([node("a", "llm_rigid", **returns(values))], ["start > a"], variables={"n": 1}))

    assert run_with([text, text]).executions()[0].status == "completed"
    assert (
        error_of(run_with([text, {"a": text}, "{{vars.n}}"]))["message"]
        == f"node 'a': a value may have {MAX_TEMPLATES} templates"
    )


def test_an_endless_loop_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_limits, "MAX_RUN_STEPS", 300)
    document = loop_flow(node("idle", "data_variable_set", set={"n": 1}), ENDLESS)
    error = error_of(run_flow(document))
    assert error["code"] == "STEP_LIMIT"
    assert error["message"].startswith("node 'idle': ")


def test_an_endless_loop_without_a_body_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_limits, "MAX_RUN_STEPS", 300)
    error = error_of(run_flow(flow([node("again", "logic_loop", **ENDLESS)], ["start > again"])))
    assert error["code"] == "STEP_LIMIT"
    assert error["message"].startswith("node 'again': ")


def test_the_steps_of_sub_flows_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_limits, "MAX_RUN_STEPS", 300)
    idle_nodes = [node(name, "data_variable_set", set={"n": 1}) for name in "abcdefgh"]
    called_flow = flow(
        idle_nodes, ["start > a", *(f"{one} > {other}" for one, other in zip("abcdefg", "bcdefgh", strict=True))]
    )
    calling_flow = loop_flow(node("call", "subflow_call", core_id="core_called"), ENDLESS)
    store = run_flow(calling_flow, {**called_flow, "name": "called"})
    assert error_of(store)["code"] == "SUBFLOW_FAILED"
    assert "a run may take 300 steps" in error_of(store)["message"]
    assert len(event_payloads(store, "block.entered")) <= 300


def test_a_loop_that_never_waits_does_not_block_other_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_limits, "MAX_RUN_STEPS", 2000)
    endless = loop_flow(node("idle", "data_variable_set", set={"n": 1}), ENDLESS)
    short_flow = {**flow([node("a", "data_variable_set", set={"n": 1})], ["start > a"]), "name": "short"}

    async def work(bench: Bench) -> list[str]:
        long_run = bench.engine.start("core_main", {})
        await bench.run_to_end(core_id="core_short")
        status_of_long_run = bench.status(long_run.execution.id)
        await long_run.finished_or_suspended.wait()
        return [status_of_long_run, bench.status(long_run.execution.id)]

    assert run_on_bench([endless, short_flow], work) == ["running", "failed"]


def test_the_total_size_of_a_runs_values_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_limits, "MAX_RUN_CHARS", 10_000)
    for collect in ({}, {"collect": "{{input.t}}"}):
        body = node("say", "llm_rigid", **returns("{{input.t}}" if not collect else "short"))
        document = loop_flow(body, {"while": "true", "limit": 99, **collect})
        error = error_of(run_flow(document, given={"t": "x" * 1000}))
        assert error["code"] == "RUN_TOO_LARGE"
        assert error["message"].startswith("node 'again': " if collect else "node 'say': ")


LISTS: dict[str, dict[str, Any]] = {
    "set": node("a", "data_variable_set", set=["n", 1]),
    "set by a template": node("a", "data_variable_set", set="{{input.list}}"),
    "input": node("a", "subflow_call", core_id="core_called", input="{{input.list}}"),
    "payload": node("a", "tool_http", emit=[{"type": "own", "payload": "{{input.list}}"}], **returns(1)),
    "error": node("a", "tool_http", simulate={"outcomes": [{"error": ["BROKEN"]}]}),
    "result": node(
        "a", "tool_http", simulate={"outcomes": [{"result": [1]}], "filler": {"field": "t", "characters": 9}}
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_in_place_of_an_object_is_reported(name: str) -> None:
    called_flow = {**flow([node("b", "tool_http", **returns(1))], ["start > b"]), "name": "called"}
    error = error_of(run_flow(flow([LISTS[name]], ["start > a"]), called_flow, given={"list": [1, 2]}))
    key = name.partition(" ")[0]
    assert error == {"code": "NOT_AN_OBJECT", "message": f"node 'a': {key} must be an object, not a list"}


@pytest.mark.parametrize(
    "config",
    [
        {"simulate": {"latency": "soon"}},
        {"simulate": {"latency": [1, 2, 3]}},
        {"simulate": []},
        {"simulate": {"outcomes": [7]}},
        {"simulate": {"outcomes": [{"result": 1, "weight": "much"}]}},
        {"simulate": {"outcomes": [{"result": 1, "weight": -1}]}},
        {"simulate": {"outcomes": [{"error": {}}]}},
        {"simulate": {"outcomes": [{"result": 1, "when": 7}]}},
        {"emit": 7, **returns(1)},
        {"emit": [{"payload": {}}], **returns(1)},
    ],
)
def test_an_invalid_setting_is_reported_with_its_node(config: dict[str, Any]) -> None:
    error = error_of(run_flow(flow([node("a", "tool_http", **config)], ["start > a"])))
    assert error["code"] == "INVALID_CONFIG"
    assert error["message"].startswith("node 'a' has an invalid setting (")


def test_the_size_of_a_filler_is_limited() -> None:
    simulation = {"outcomes": [{"result": {}}], "filler": {"field": "t", "characters": 10**15}}
    assert (
        error_of(run_flow(flow([node("a", "tool_http", simulate=simulation)], ["start > a"])))["code"]
        == "VALUE_TOO_LARGE"
    )


@pytest.mark.parametrize("text", ["{{1 / input.zero}}", "{{9 ** 9 ** 9}}", "{{'x' * 1000000000000}}"])
def test_a_failing_expression_anywhere_in_a_flow_fails_the_run(text: str) -> None:
    nodes = [node("a", "tool_http", **returns(1)), node("b", "tool_http", **returns(text))]
    edges: list[Any] = ["start > a", edge("a > b")]
    given = {"zero": 0}
    by_variables = run_flow(flow(nodes[:1], edges[:1], variables={"x": text}), given=given)
    by_output = run_flow(flow(nodes[:1], edges[:1], config={"output": {"x": text}}), given=given)
    by_node = run_flow(flow(nodes, edges), given=given)
    for store, message_start in (
        (by_variables, "the flow's variables: "),
        (by_output, "the flow's output: "),
        (by_node, "node 'b': "),
    ):
        assert store.executions()[0].status == "failed"
        assert error_of(store)["code"] == "EXPRESSION_ERROR"
        assert error_of(store)["message"].startswith(message_start)


def test_the_size_of_a_value_is_that_of_its_json_and_is_computed_quickly() -> None:
    assert json_size({"a": [1, "bc", None]}) >= len('{"a":[1,"bc",null]}') - 2
    value: Any = "x"
    for _ in range(10):
        value = [value, value]
    assert json_size(value) == 1024 * 3 + sum(4 * 2**level for level in range(10))
    for _ in range(MAX_VALUE_DEPTH - 10):
        value = [value, value]
    with pytest.raises(ValueTooLarge, match="characters"):
        json_size(value)
    shared: Any = [1]
    for _ in range(MAX_VALUE_DEPTH):
        shared = [shared]
    with pytest.raises(ValueTooLarge, match="levels deep"):
        json_size([[1], shared])
    for levels, is_allowed in ((MAX_VALUE_DEPTH, True), (MAX_VALUE_DEPTH + 1, False)):
        deep: Any = 1
        for _ in range(levels):
            deep = {"a": deep}
        if is_allowed:
            assert json_size(deep) > levels
        else:
            with pytest.raises(ValueTooLarge, match="levels deep"):
                json_size(deep)


def test_templates_are_found_in_linear_time() -> None:
    assert list(expressions("{{" * 500_000)) == []
    assert list(expressions("{{" * 500_000 + "\n}}")) == []
    assert list(expressions("{{a}} {{b\n}} {{ c }}{{}}{{d}}")) == ["a", " c ", "}}{{d"]
    assert render("{{a}}\n{{b}}", {"a": 1, "b": "{{a}}"}) == "1\n{{a}}"
