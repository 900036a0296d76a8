"""Two runs of each demo flow that differ in one known way: the comparison names that first, and nothing else.

What else may differ is known from the events themselves: each step whose result carries the changed value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from scaicore_tui.analysis.diff import Cause, RunDiff, compare
from scaicore_tui.analysis.diff_rows import diff_rows, first_row
from scaicore_tui.analysis.diff_text import short_difference
from scaicore_tui.analysis.value_diff import path_text
from scaicore_tui.runs import RunStatus
from scaicore_tui.servers.grid.store import Event
from tests.support.demo_runs import DemoRun, Edit, compared
from tests.support.grid import Bench, flow, node, returns, run_on_bench

# For these seeds each of the runs completes; that of the batch has retries.
INVOICES = [{"number": f"{number}", "vendor": "ACME", "amount": 100 + number, "currency": "EUR"} for number in range(5)]
RUNS = {
    "support-triage": DemoRun(
        "support-triage", {"ticket": "T-1", "customer": "Eva", "message": "lost", "amount": 500}, seed=1
    ),
    "expense-approval": DemoRun(
        "expense-approval",
        {"employee": "Eva", "purpose": "Trip", "amount": 400, "currency": "EUR", "receipts": 2},
        seed=1,
    ),
    "invoice-batch": DemoRun("invoice-batch", {"batch": "B-1", "checked": True, "invoices": INVOICES}, seed=1),
    "research": DemoRun("research", {"question": "Why?", "editor": True}, ("overview",), seed=1),
    "fact-check": DemoRun("fact-check", {"claim": "so", "question": "Why?"}, seed=1),
    "debug-session": DemoRun(
        "debug-session", {"incident": "slow", "reporter": "Eva", "revision": "abc"}, ("canary",), seed=1
    ),
}
LIST = list(range(300))


def changed(run: DemoRun, **facts: Any) -> DemoRun:
    return DemoRun(
        **{name: facts.get(name, getattr(run, name)) for name in ("flow", "given", "answers", "edit", "seed", "speed")}
    )


def differing(found: RunDiff) -> set[str]:
    return {pair.step.name for pair in found.pairs if not pair.is_alike}


def first_name(found: RunDiff) -> str | None:
    return None if found.first is None or found.first.pair is None else found.first.pair.step.name


def nodes_with_other_results(a: list[Event], b: list[Event]) -> set[str]:
    """Return the nodes of which some visit has another result, by the events alone. Results that were cut are equal."""
    return {key[0] for key, value in _results(a).items() if value != _results(b).get(key)}


def _results(events: list[Event]) -> Mapping[tuple[str, int], Any]:
    found: dict[tuple[str, int], Any] = {}
    counts: dict[str, int] = {}
    for event in events:
        if event["type"].endswith("block.exited"):
            name = event["payload"]["node_id"]
            counts[name] = counts.get(name, 0) + 1
            found[name, counts[name]] = event["payload"].get("result_binding_value")
    return found


def with_items(node_id: str, items: list[int]) -> Edit:
    """Return an edit of a flow that adds a list to each simulated result of a node."""

    def edit(document: dict[str, Any]) -> None:
        (found,) = (one for one in document["nodes"] if one["id"] == node_id)
        for outcome in found["config"]["simulate"]["outcomes"]:
            if "result" in outcome:
                outcome["result"]["items"] = items

    return edit


def bypassing(node_id: str) -> Edit:
    """Return an edit of a flow after which a node is not reached: what came after it follows the node before it."""

    def edit(document: dict[str, Any]) -> None:
        (before,) = (one for one in document["edges"] if one["target"]["node"] == node_id)
        after = [one for one in document["edges"] if one["source"]["node"] == node_id]
        bridges = [{**before, "id": f"{before['id']}-{one['id']}", "target": one["target"]} for one in after]
        index = document["edges"].index(before)
        document["edges"][index : index + 1] = bridges
        document["edges"] = [one for one in document["edges"] if one not in after]
        document["nodes"] = [one for one in document["nodes"] if one["id"] != node_id]

    return edit


# For each flow: a field of the input with another value, the nodes to bypass and to give a list to. The page that the
# research reads is too large for the feed: what comes after it may differ because of it.
CASES = [
    ("support-triage", {"customer": "Tom"}, "send", "send"),
    ("expense-approval", {"amount": 450}, "policy", "notify"),
    ("invoice-batch", {"batch": "B-2"}, "take", "report"),
    ("research", {"question": "How?"}, "choose_angle", "critique"),
    ("fact-check", {"question": "How?"}, "split", "look_up"),
    ("debug-session", {"incident": "broken"}, "upload", "provision"),
]


@pytest.mark.parametrize(("name", "other", "bypassed", "listed"), CASES, ids=[case[0] for case in CASES])
def test_one_known_difference_of_a_demo_flow_is_named(
    name: str, other: dict[str, Any], bypassed: str, listed: str
) -> None:
    run = RUNS[name]
    events = run.events()
    a = compared(events)
    assert a.run.outcome is RunStatus.COMPLETED

    slower = compare(a, changed(run, speed=0.5).compared())
    assert slower.first is None
    assert slower.is_alike
    assert not differing(slower)
    assert any((pair.longer_ms or 0) < 0 for pair in slower.pairs)
    assert all(row.is_alike for row in diff_rows(slower))

    other_events = changed(run, given={**run.given, **other}).events()
    found = compare(a, compared(other_events))
    assert [path_text(change.path) for change in found.input] == list(other)
    assert found.first is not None
    assert found.first.cause is Cause.INPUT
    assert differing(found) == nodes_with_other_results(events, other_events)

    found = compare(a, changed(run, edit=bypassing(bypassed)).compared())
    assert found.first is not None
    assert (first_name(found), found.first.cause) == (bypassed, Cause.CUT if name == "research" else Cause.PATH)
    assert differing(found) == {bypassed}
    assert short_difference(found) == f"{bypassed} was not reached there"
    rows = diff_rows(found)
    assert rows[first_row(found, rows)].name == bypassed
    assert not found.input

    lists = [changed(run, edit=with_items(listed, items)) for items in (LIST, [*LIST[:120], -1, *LIST[121:]])]
    one, two = (other.events() for other in lists)
    found = compare(compared(one), compared(two))
    assert found.first is not None
    assert (first_name(found), found.first.cause) == (listed, Cause.CUT if name == "research" else Cause.RESULT)
    assert differing(found) == nodes_with_other_results(one, two)
    changes = [change for pair in found.pairs if pair.step.name == listed for change in pair.changes]
    assert {(path_text(change.path), change.a, change.b) for change in changes} == {("items[120]", 120, -1)}


def test_another_answer_and_another_branch_are_named() -> None:
    run = RUNS["support-triage"]
    rejected = compare(run.compared(), changed(run, answers=("reject",)).compared())
    assert rejected.first is not None
    assert (first_name(rejected), rejected.first.cause) == ("approve_refund", Cause.RESULT)
    small = {**run.given, "amount": 100}
    found = compare(run.compared(), changed(run, given=small).compared())
    assert found.first is not None
    assert found.first.cause is Cause.INPUT
    assert {"route", "approve_refund"} <= differing(found)


def test_a_step_that_fails_in_one_of_the_runs_is_named_before_what_it_leads_to() -> None:
    run = RUNS["research"]

    def without_source(document: dict[str, Any]) -> None:
        (papers,) = (one for one in document["nodes"] if one["id"] == "search_papers")
        papers["config"]["simulate"]["outcomes"] = [{"error": {"code": "TIMEOUT", "message": "too long"}}]
        del papers["config"]["on_error"]

    found = compare(changed(run, edit=without_source).compared(), run.compared())
    assert found.first is not None
    # Another branch read a page that is too large for the feed before.
    assert (first_name(found), found.first.cause) == ("search_papers", Cause.CUT)
    assert short_difference(found) == "search_papers exited there"
    assert differing(found) >= {"search_papers", "gather", "write"}


def list_flow() -> dict[str, Any]:
    """Return a flow that reads a list, works on each item of it, and returns the list."""
    return flow(
        [
            node("read", "tool_http", **returns("{{input.items}}")),
            node("each", "logic_loop", items="{{input.items}}", limit=300, collect="{{work}}", **{"as": "item"}),
            node("work", "tool_http", **returns("{{item}}")),
        ],
        ["start > read", "read > each", "each.body > work"],
        config={"output": {"items": "{{read}}"}},
    )


def run_of_items(items: list[int]) -> list[Event]:
    async def work(bench: Bench) -> list[Event]:
        await bench.run_to_end({"items": items})
        return list(bench.store.events())

    return run_on_bench([list_flow()], work)


def test_one_item_less_of_three_hundred_is_one_change_wherever_the_list_is() -> None:
    shorter = LIST[:7] + LIST[8:]
    found = compare(compared(run_of_items(LIST)), compared(run_of_items(shorter)))
    named = {pair.step.name: pair for pair in found.pairs if not pair.is_alike}
    changes = [*found.input, *named["read"].changes, *found.output]
    assert [path_text(change.path) for change in changes] == ["items[7]", "[7]", "items[7]"]
    # Of the iterations only that of the item differs, and not the 292 after it; the list of their results has it too.
    assert [(pair.step.name, pair.b) for pair in found.pairs if not pair.is_in_both] == [("work", None)]
    assert named["work"].step.iteration == 8
    assert [path_text(change.path) for change in named["each"].changes] == ["[7]"]
    assert set(named) == {"read", "each", "work"}
    assert found.first is not None
    assert (first_name(found), found.first.cause) == ("read", Cause.INPUT)
    assert len([row for row in diff_rows(found) if not row.is_alike]) == 5


def test_an_item_that_was_added_and_one_that_was_changed_are_one_iteration_each() -> None:
    a = run_of_items(LIST[:20])
    added = compare(compared(a), compared(run_of_items([*LIST[:5], 99, *LIST[5:20]])))
    assert [pair.step.iteration for pair in added.pairs if not pair.is_in_both] == [6]
    changed_item = compare(compared(a), compared(run_of_items([*LIST[:5], 99, *LIST[6:20]])))
    assert [pair.step.iteration for pair in changed_item.pairs if pair.step.name == "work" and not pair.is_alike] == [6]
    assert all(pair.is_in_both for pair in changed_item.pairs)
