"""`show --view timeline`, `show --at`, and the steps in `show --json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scaicore_tui.text import cell_width
from tests.support.builders import MILLISECOND, NOON, SECOND, completed, entered, event, exited, started
from tests.support.flow_graphs import shipped
from tests.support.program import Program

EVENTS = [
    started(NOON),
    entered("each", NOON + 10 * MILLISECOND, kind="foreach"),
    entered("post", NOON + 10 * MILLISECOND),
    event("block.failed", NOON + 2 * SECOND, node_id="post", block_kind="rigid", error={"code": "HTTP_503"}),
    entered("post", NOON + 3 * SECOND),
    exited("post", NOON + 5 * SECOND),
    exited("each", NOON + 5 * SECOND, kind="foreach"),
    entered("ask", NOON + 5 * SECOND, kind="checkpoint"),
    exited("ask", NOON + 3_605 * SECOND, kind="checkpoint"),
    completed(NOON + 3_606 * SECOND),
]


@pytest.fixture
def show(program: Program, tmp_path: Path) -> Program:
    """The program with a recording of one run."""
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(row.raw for row in EVENTS))
    return program.with_variables(RECORDING=str(tmp_path / "events.jsonl"))


def offline(show: Program, *arguments: str) -> tuple[str, ...]:
    return ("show", "exec_1", "--offline", "--journal", show.environment["RECORDING"], *arguments)


def test_a_timeline(show: Program) -> None:
    lines = show.lines(*offline(show, "--view", "timeline", "--width", "70"))
    assert lines[0].startswith("exec_1 · core_a · completed · 1h00m")
    begin = next(index for index, line in enumerate(lines) if line.startswith("NODE"))
    assert "~1h" in lines[begin]
    rows = lines[begin + 1 :]
    assert [row.split()[1] for row in rows[:5]] == ["each", "iteration", "post", "post", "ask"]
    assert "HTTP_503" in rows[2]
    assert "retry" in rows[3]
    assert "░░░" in rows[4]
    assert rows[-1] == "idle time is folded in one place"
    assert max(map(cell_width, lines)) <= 105
    assert max(map(cell_width, rows[:5])) == 70


def test_a_timeline_in_ascii(show: Program) -> None:
    assert "".join(show.lines(*offline(show, "--view", "timeline", "--ascii"))[2:]).isascii()


def test_the_steps_of_a_run(show: Program) -> None:
    steps = show.json_output(*offline(show, "--json"))["steps"]
    found = [(step["node_id"], step["parent"], step["iteration"], step["attempt"]) for step in steps]
    assert found == [("each", None, None, None), ("post", 0, 1, 1), ("post", 0, 1, 2), ("ask", None, None, None)]
    assert {tuple(step["inferred"]) for step in steps} == {("parent", "iteration", "attempt")}
    assert [step["visit"] for step in steps] == [0, 0, 1, 0]
    assert [(step["entered_event"], step["ended_event"]) for step in steps] == [(2, 7), (3, 4), (5, 6), (8, 9)]
    assert [step["waits_for_person"] for step in steps] == [False, False, False, True]


def test_a_graph_makes_steps_certain_and_tells_what_was_not_reached(show: Program, tmp_path: Path) -> None:
    flow: dict[str, Any] = {
        "nodes": [
            {"id": "each", "type": "logic_loop"},
            {"id": "post", "type": "tool_http"},
            {"id": "ask", "type": "hitl_review"},
            {"id": "tell", "type": "tool_http"},
        ],
        "edges": [
            {"source": {"node": "each", "port": "body"}, "target": {"node": "post", "port": "in"}},
            {"source": {"node": "each", "port": "done"}, "target": {"node": "ask", "port": "in"}},
            {"source": {"node": "ask", "port": "no"}, "target": {"node": "tell", "port": "in"}},
        ],
    }
    (tmp_path / "flow.json").write_text(json.dumps(flow))
    steps = show.json_output(*offline(show, "--json", "--flow", str(tmp_path / "flow.json")))["steps"]
    # Whether the first node of a body was tried again, or its loop went on, no event tells.
    assert [step["inferred"] for step in steps] == [[], *[["iteration", "attempt"]] * 2, [], []]
    assert (steps[-1]["node_id"], steps[-1]["state"], steps[-1]["visit"]) == ("tell", None, None)


@pytest.mark.parametrize(
    ("moment", "status", "nodes", "text"),
    [
        ("+4s", "running", [("each", "entered"), ("post", "entered")], "as of event 5 of 10, 04-29 12:00:03Z"),
        ("12:30:00", "running", [("each", "exited"), ("post", "exited"), ("ask", "entered")], "as of event 8 of 10"),
    ],
)
def test_a_run_as_of_an_event(show: Program, moment: str, status: str, nodes: list[tuple[str, str]], text: str) -> None:
    run = show.json_output(*offline(show, "--json", "--at", moment))
    assert run["status"] == status
    assert [(node["node_id"], node["state"]) for node in run["nodes"]] == nodes
    timeline = show.lines(*offline(show, "--at", moment, "--view", "timeline"))
    assert text in timeline[1]
    assert any(line.endswith("…") for line in timeline)


@pytest.mark.parametrize("moment", ["11", "soon"])
def test_no_such_moment(show: Program, moment: str) -> None:
    done = show(*offline(show, "--at", moment))
    assert (done.returncode, done.stdout) == (2, "")
    assert "from 1 to 10" in done.stderr


def test_the_demo_tells_steps_by_the_graphs_of_scaiflow(reader: Program) -> None:
    runs = reader.json_output("runs", "--json")
    batch = next(
        run["execution_id"]
        for run in runs
        if run["core_id"] == "core_invoice-batch" and run["status"] == "completed" and not run["oddities"]
    )
    steps = reader.json_output("show", batch, "--view", "timeline", "--json")["steps"]
    graph = shipped("core_invoice-batch")
    for step in steps:
        parent = None if step["parent"] is None else steps[step["parent"]]["node_id"]
        assert parent == graph.parent_of(step["node_id"])
        assert step["inferred"] in ([], ["iteration", "attempt"])
    assert any(step["iteration"] for step in steps)
    lines = reader.lines("show", batch, "--view", "timeline")
    assert any("↻" in line for line in lines)
    assert not any("inferred" in line for line in lines)
