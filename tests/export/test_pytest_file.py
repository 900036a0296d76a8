"""The format `test`: the file is valid Python whatever a flow contains, and passes only if a run ends as it did."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from scaicore_tui.errors import UsageError
from scaicore_tui.export.documents import show_document
from scaicore_tui.export.exporter import Export, ExportedRun
from scaicore_tui.export.pytest_file import path_groups, pytest_file, why_not_testable
from scaicore_tui.protocol import decode_event
from scaicore_tui.servers.grid import service
from scaicore_tui.servers.grid.flow.graph import Graph
from scaicore_tui.servers.grid.flow.validation import load_shipped_cores
from tests.support.builders import NOON
from tests.support.core_inputs import GOOD
from tests.support.exported_runs import export_of, exported, generated, hostile_runs
from tests.support.grid import MANAGER
from tests.support.program import FastGrid, Program, fast_grid
from tests.support.scene import INVOICES, RunEvents, completed_triage, failed_batch, running_triage, waiting_expense


def text_of(*runs: ExportedRun, **more: Any) -> str:
    return "".join(pytest_file(export_of(*runs, **more)))


def constants(text: str) -> dict[str, Any]:
    """Return the data in a file, without executing anything else of it."""
    found = {}
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.value, ast.Call):
            call = statement.value
            if isinstance(statement.target, ast.Name) and call.args and isinstance(call.args[0], ast.Constant):
                found[statement.target.id] = json.loads(str(call.args[0].value))
    return found


def without_data(text: str) -> str:
    """Return the statements of a file without the data in it."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Call):
            node.value = ast.Constant(None)
    return ast.dump(tree)


Shown = Callable[[dict[str, Any]], dict[str, Any]]


def result_of(
    run: ExportedRun, change: Shown = lambda document: document, **constants: Any
) -> tuple[str, list[list[str]], list[str]]:
    """Execute the test of a run with a program that prints that run, changed.

    `constants` replace those of the file. Return why the test fails, empty if it passes; the commands; their inputs.
    """
    scope: dict[str, Any] = {}
    exec(compile(text_of(run, is_one_run=True), "test_run.py", "exec"), scope)  # noqa: S102
    scope |= constants
    commands, inputs = list[list[str]](), list[str]()

    def run_program(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
        commands.append(list(command))
        inputs.append(options["input"])
        shown = change(json.loads(json.dumps(show_document(run.run, run.steps))))
        document = {"execution_id": "exec_new"} if "replay" in command else shown
        return subprocess.CompletedProcess(command, 0, json.dumps(document), "")

    scope["subprocess"].run, before = run_program, subprocess.run
    try:
        scope["test_a_run_ends_as_it_did"](scope["CASES"][0])
    except (AssertionError, pytest.fail.Exception) as failure:
        return str(failure) or "failed", commands, inputs
    finally:
        scope["subprocess"].run = before
    return "", commands, inputs


def test_no_text_of_a_flow_leaves_the_data_of_the_file() -> None:
    names = ["CASES", "LEFT_OUT"]
    plain = text_of(exported(completed_triage("exec_a", 0)))
    runs = [run for run in hostile_runs() if why_not_testable(run) is None]
    assert len(runs) > 50
    text = text_of(*runs)
    assert text.isascii()
    found = constants(text)
    assert list(found) == names
    assert [case["run"] for case in found["CASES"]] == [run.run.execution_id for run in runs]
    # Without the data, every file is the same.
    assert without_data(text) == without_data(plain)


@pytest.mark.parametrize("value", ['"""', '\\"""', "\\", '""""""\nimport os\n', "'''", "\u2028{}", 'r"""\\'])
def test_quotes_and_backslashes_stay_in_the_data(value: str) -> None:
    events = RunEvents(value, INVOICES, 0).start(**{"a": value, value: 1}).end(value).events
    (case,) = constants(text_of(exported(events), is_one_run=True))["CASES"]
    assert (case["run"], case["input"], case["output"]) == (value, {"a": value, value: 1}, value)


def test_a_run_that_ends_as_it_did_passes_and_its_input_is_sent_as_it_was() -> None:
    source = b'{"amount": 1.50, "big": 1e400, "n": 12345678901234567890, "a": 1, "a": 2}'
    events = RunEvents("exec_a", INVOICES, 0).start(amount=0).step("load", "rigid", 5, 1).end({"paid": True}).events
    odd = decode_event(events[0].raw.replace(b'{"amount": 0}', source))
    for begin, given in ((events[0], '{"amount": 0}'), (odd, source.decode())):
        failure, commands, inputs = result_of(exported([begin, *events[1:]]))
        assert (failure, inputs) == ("", [given, ""])
        assert commands == [
            *(
                [
                    "scaicore-tui",
                    f"--core={INVOICES}",
                    "replay",
                    "@latest",
                    "--input=-",
                    "--timeout=60",
                    "--yes",
                    "--json",
                ],
                ["scaicore-tui", f"--core={INVOICES}", "show", "exec_new", "--json"],
            )
        ]


def change_node(document: dict[str, Any]) -> dict[str, Any]:
    document["nodes"][1]["visits"].append({"state": "failed"})
    return document


@pytest.mark.parametrize(
    ("change", "fails"),
    [
        (lambda document: document | {"duration_ms": 1, "started_at": None, "execution_id": "x"}, False),
        (lambda document: document | {"status": "failed", "error": "BANK_DOWN"}, True),
        (lambda document: document | {"status": "running"}, True),
        (lambda document: document | {"output": {"sent": 1}}, True),
        (lambda document: document | {"output": None}, True),
        (lambda document: document | {"nodes": document["nodes"][::-1]}, True),
        (lambda document: document | {"nodes": document["nodes"][:-1]}, True),
        (lambda document: document | {"nodes": [*document["nodes"], document["nodes"][0] | {"node_id": "new"}]}, True),
        (change_node, True),
    ],
)
def test_another_status_path_or_output_fails(change: Shown, fails: bool) -> None:
    run = exported(completed_triage("exec_a", 0))
    assert bool(result_of(run, change)[0]) is fails


def test_a_person_can_leave_out_retries_and_members_of_the_output() -> None:
    run = exported(completed_triage("exec_a", 0))
    assert result_of(run, change_node, COUNTS_VISITS=False)[0] == ""
    assert result_of(run, lambda document: document | {"nodes": document["nodes"][:-1]}, COUNTS_VISITS=False)[0]
    other_output: Shown = lambda document: document | {"output": document["output"] | {"at": 1}}  # noqa: E731
    assert result_of(run, other_output)[0]
    assert result_of(run, other_output, IGNORED={"at"})[0] == ""


def test_errors_are_compared_without_numbers_and_ids() -> None:
    run = exported(failed_batch("exec_a", 0))
    assert result_of(run, lambda document: document | {"error": document["error"].replace("30", "45")})[0] == ""
    assert result_of(run, lambda document: document | {"error": document["error"].replace("BANK", "SHOP")})[0]


def test_within_a_parallel_the_order_does_not_count() -> None:
    def run(*order: str) -> ExportedRun:
        events = RunEvents("exec_a", INVOICES, 0).start().step("load", "rigid", 5, 1).enter("both", "parallel")
        for node in order:
            events.step(node, "flexible", 5, node)
        events.add("block.exited", node_id="both", block_kind="parallel").step("report", "rigid", 5, 1)
        return exported(events.end(1).events)

    one = run("left", "right")
    groups = path_groups(one.run, one.steps)
    assert [list(group) for group in groups] == [["load"], ["both"], ["left", "right"], ["report"]]
    swapped, other = run("right", "left"), run("right", "report", "left")
    assert result_of(one, lambda _: json.loads(json.dumps(show_document(swapped.run, swapped.steps))))[0] == ""
    assert result_of(one, lambda _: json.loads(json.dumps(show_document(other.run, other.steps))))[0]


def test_generated_runs_pass_their_own_test() -> None:
    tested = 0
    for seed in range(12):
        run = generated(seed)
        if why_not_testable(run) is None:
            assert result_of(run)[0] == "", seed
            tested += 1
    assert tested > 4


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (exported(running_triage("exec_a", 0)), "it has not ended"),
        (exported(completed_triage("exec_a", 0)[1:]), "its input is not known"),
        (exported(completed_triage("exec_a", 0), missing="a gap"), "events of it are missing"),
        (exported([*waiting_expense(), *RunEvents("exec_77aa02", INVOICES, 9).end(1).events]), "waited for a person"),
    ],
)
def test_a_run_that_cannot_be_repeated_is_refused_and_of_several_left_out(run: ExportedRun, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        text_of(run, is_one_run=True)
    found = constants(text_of(run, exported(completed_triage("exec_b", 0))))
    assert [case["run"] for case in found["CASES"]] == ["exec_b"]
    assert reason in found["LEFT_OUT"][0]["reason"]
    with pytest.raises(UsageError, match="any of these runs"):
        list(pytest_file(Export([run], NOON)))


def run_pytest(program: Program, grid: FastGrid, file: Path) -> subprocess.CompletedProcess[str]:
    environment = program.environment | grid.settings(MANAGER)
    environment |= {"SCAICORE_TUI_COMMAND": f"{sys.executable} -m scaicore_tui", "PYTEST_ADDOPTS": ""}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", str(file)]
    return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False)


def test_the_file_passes_against_the_flow_and_fails_against_another_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, file = Program(tmp_path, {}), tmp_path / "test_approval.py"
    with fast_grid() as grid:
        execution = grid.finish_run(INVOICES, GOOD)
        writer = program.with_variables(**grid.settings(MANAGER))
        assert writer("export", "--test", execution, "-o", str(file)).returncode == 0
        assert writer("export", "--test", "--format", "json", execution).returncode == 2
        passed = run_pytest(program, grid, file)
        assert (passed.returncode, len(grid.statuses())) == (0, 2), passed.stdout

    def changed_flow() -> dict[str, Graph]:
        cores = dict(load_shipped_cores())
        source = cores[INVOICES].model_dump_json(exclude_unset=True)
        cores[INVOICES] = Graph.model_validate_json(source.replace("{{vars.posted}}", "{{vars.posted + 7}}"))
        return cores

    monkeypatch.setattr(service, "load_shipped_cores", changed_flow)
    with fast_grid() as grid:
        grid.finish_run(INVOICES, GOOD)
        writer = program.with_variables(**grid.settings(MANAGER))
        scope: dict[str, Any] = {}
        exec(compile(file.read_text(), str(file), "exec"), scope)  # noqa: S102
        # The program in a process that is warm, and without another pytest: each takes a second of processor time.
        monkeypatch.setattr(
            scope["subprocess"], "run", lambda command, **more: writer(*command[1:], stdin=more["input"])
        )
        with pytest.raises(AssertionError):
            scope["test_a_run_ends_as_it_did"](*scope["CASES"])
        assert len(grid.statuses()) == 2
        scope["CASES"][0]["output"] = {"batch": "B-1", "posted": 7, "total": 0}
        scope["test_a_run_ends_as_it_did"](*scope["CASES"])
