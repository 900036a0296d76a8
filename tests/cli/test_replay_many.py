"""`replay --where` on a grid: each run is replayed once, and the verdicts are those of the engine's own records."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from scaicore_tui.cli.commands.schema import read_schema
from scaicore_tui.servers.grid.demo.scenarios import FAILING_BATCH, FAILING_SUBFLOW, SCENARIOS, Scenario
from scaicore_tui.servers.grid.seeded import seeded_random
from scaicore_tui.servers.grid.store.records import Execution
from tests.support.core_inputs import APPROVAL, DEBUG_SESSION, EXPENSE, GOOD, INCIDENT, INVOICES, SPOILED, TRIP
from tests.support.grid import MANAGER, VIEWER
from tests.support.program import TIMEOUT_S, FastGrid, Program, fast_grid

TRIAGE = [scenario for scenario in SCENARIOS if scenario.core_id == "core_support-triage" and not scenario.needs_review]
MIN_FAILED = 20


@pytest.fixture(scope="module")
def failed_grid() -> Iterator[FastGrid]:
    """Run a grid with two failed runs and a waiting one, for tests that start none."""
    with fast_grid() as grid:
        for core_id, values in ((INVOICES, SPOILED), (INVOICES, SPOILED), (DEBUG_SESSION, INCIDENT)):
            grid.finish_run(core_id, values)
        yield grid


def executions(grid: FastGrid) -> list[Execution]:
    """Return all runs that the engine recorded, in the order in which they began."""
    found: list[Execution] = grid.portal.call(grid.served.grid.store.executions)
    return found


def failed_step(grid: FastGrid, execution_id: str) -> str | None:
    """Return the path of the step that failed last in the engine's journal of a run."""
    steps = grid.portal.call(grid.served.grid.store.step_table.of_execution, execution_id)
    return next((step.path for step in reversed(steps) if step.state == "failed"), None)


def truth(grid: FastGrid, original: Execution, replay: Execution) -> str:
    """Return the verdict by the engine's records alone."""
    if replay.status == "suspended":
        return "waits for a person"
    if replay.status == "failed":
        codes = [(run.error or {}).get("code") for run in (original, replay)]
        steps = [failed_step(grid, run.id) for run in (original, replay)]
        is_same = codes[0] == codes[1] and steps[0] == steps[1]
        return "same error" if is_same else "other error"
    if original.status == "failed":
        return "fixed"
    return "alike" if original.output == replay.output else "output differs"


def check_verdicts(grid: FastGrid, before: list[Execution], documents: list[dict[str, Any]]) -> Counter[str]:
    """Check each verdict by the engine's records; return how many there are of each."""
    known = {run.id: run for run in before}
    # The engine starts one run for each POST, in their order; other new runs are parts of these.
    started = [run for run in executions(grid) if run.id not in known and run.root_id == run.id]
    sent = [document for document in documents if not document["skipped"]]
    assert len(started) == len(sent)
    for replay, document in zip(started, sent, strict=True):
        original = known[document["original"]]
        assert (document["replay"], replay.core_id, replay.input) == (replay.id, original.core_id, original.input)
        assert document["verdict"] == truth(grid, original, replay), document
        assert (document["error"] is None) == (replay.status != "failed")
    return Counter(document["verdict"] for document in documents)


def fail_runs(grid: FastGrid) -> list[Execution]:
    """Let runs of several Cores fail: some by their input, others by chance."""
    rng = seeded_random(3)
    scenarios: list[Scenario] = [FAILING_BATCH, FAILING_SUBFLOW] * 7 + TRIAGE * 25
    runs = [grid.begin_run(scenario.core_id, scenario.make_input(rng)) for scenario in scenarios]
    for run in runs:
        grid.wait_for_run(run)
    return executions(grid)


def test_the_verdicts_on_a_failed_batch_are_those_of_the_engine(busy_grid: FastGrid, watcher: Program) -> None:
    before = fail_runs(busy_grid)
    failed = {run.id for run in before if run.status == "failed"}
    assert len(failed) >= MIN_FAILED
    done = watcher("replay", "--where", "status:failed", "--max", "60", "--yes", "--json", "--timeout", "5")
    documents = json.loads(done.stdout)
    Draft202012Validator(json.loads(read_schema("replay-where"))).validate(documents)
    counts = check_verdicts(busy_grid, before, documents)
    assert {document["original"] for document in documents} == failed
    assert counts["fixed"]
    assert counts["same error"] >= 14
    assert (done.returncode, counts["not sent"], counts["unknown"]) == (1, 0, 0)
    words = ", ".join(f"{counts[word]} {word}" for word in ("fixed", "same error", "other error") if counts[word])
    assert done.stderr.endswith(f"{len(failed)} replays: {words}\n")


def test_replays_of_runs_that_completed_are_compared_by_their_outputs(grid: FastGrid, writer: Program) -> None:
    grid.finish_run(APPROVAL, EXPENSE)
    answered = grid.finish_run(APPROVAL, TRIP)
    (checkpoint_id,) = grid.pending()
    assert writer("resolve", checkpoint_id, "approve", "--yes").returncode == 0
    waiting = grid.finish_run(DEBUG_SESSION, INCIDENT)
    grid.finish_run(INVOICES, GOOD)
    before = executions(grid)
    done = writer("replay", "--where", "status:completed or status:waiting", "--max", "9", "--yes", "--json")
    documents = json.loads(done.stdout)
    assert check_verdicts(grid, before, documents) == {"alike": 2, "waits for a person": 1, "not sent": 1}
    by_original = {document["original"]: document for document in documents}
    assert by_original[answered]["verdict"] == "waits for a person"
    skipped = by_original[waiting]
    assert (skipped["skipped"], skipped["progress"], skipped["replay"]) == (True, None, None)
    assert "has not ended" in skipped["message"]
    assert f"skipped: {waiting}: it has not ended" in done.stderr
    assert done.stderr.endswith("3 replays: 2 alike, 1 waits for a person; 1 skipped\n")
    assert done.returncode == 1
    # The newest that match, no more than the limit.
    table = writer("replay", "--where", "core:invoice status:completed", "--max", "1", "--yes", "--since", "1h")
    assert (table.returncode, len(table.stdout.splitlines())) == (0, 2)
    assert "2 runs match: the newest 1 are selected (--max)" in table.stderr
    assert "alike" in table.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("replay", "--where", "status:failed", "--yes"), 2, "--where needs --max N"),
        (("replay", "--max", "3", "--yes"), 2, "--max and --since need --where"),
        (("replay", "exec_1", "--where", "x", "--max", "3"), 2, "name one run, or select runs with --where: not both"),
        (("replay", "--where", "x", "--max", "3", "--input", "-"), 2, "--input and --entity are for one run"),
        (("replay",), 2, "name a run, or select runs with --where QUERY --max N"),
        (("replay", "--where", "statsu:failed", "--max", "3"), 2, "--where: "),
        (("replay", "--where", "status:failed", "--max", "3"), 2, "no terminal to ask for confirmation on"),
        (("replay", "--where", "core:nothing", "--max", "3", "--yes"), 5, "no run matches · nothing was sent"),
        (
            ("replay", "--where", "status:waiting", "--max", "3", "--yes"),
            5,
            "none of the selected runs can be replayed",
        ),
        (("replay", "--where", "status:failed", "--max", "3", "--yes", "--read-only"), 2, "this session is read-only"),
        (("replay", "--where", "status:failed", "--max", "3", "--yes", "--offline"), 2, "sends no requests"),
    ],
)
def test_what_cannot_be_replayed_is_not_sent(
    failed_grid: FastGrid, tmp_path: Path, arguments: tuple[str, ...], code: int, reason: str
) -> None:
    writer = Program(tmp_path, failed_grid.settings(MANAGER))
    before = len(executions(failed_grid))
    done = writer(*arguments)
    assert (done.returncode, reason in done.stderr) == (code, True), done.stderr
    assert len(executions(failed_grid)) == before


def test_without_permission_the_first_refusal_is_the_last(failed_grid: FastGrid, tmp_path: Path) -> None:
    viewer = Program(tmp_path, failed_grid.settings(VIEWER))
    before = len(executions(failed_grid))
    done = viewer("replay", "--where", "status:failed", "--max", "9", "--yes", "--json")
    documents = json.loads(done.stdout)
    assert (done.returncode, len(executions(failed_grid))) == (4, before)
    assert [document["progress"] for document in documents] == ["refused", None]
    assert [document["verdict"] for document in documents] == ["not sent", "not sent"]
    assert documents[1]["message"] == "not sent, as the one before failed"


def test_an_interrupt_stops_before_the_next_one_and_says_which_were_sent(tmp_path: Path) -> None:
    with fast_grid(speed=12.0) as grid:
        for _ in range(2):
            grid.finish_run(INVOICES, SPOILED)
        writer = Program(tmp_path, grid.settings(MANAGER))
        with writer.started("replay", "--where", "status:failed", "--max", "9", "--yes") as process:
            grid.wait_for_runs(3)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=TIMEOUT_S)
        originals = list(grid.statuses())[:2]
        assert (process.returncode, len(grid.statuses())) == (130, 3)
        assert f"interrupted: 1 of 2 replays were sent: {originals[1]}" in errors
        assert "2 replays: 1 unknown, 1 not sent" in errors
        assert [line.split()[0] for line in output.splitlines()[1:]] == originals[::-1]
