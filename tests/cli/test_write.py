"""The writing commands on a grid: each sends one write, and the printed outcome matches the state of the grid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.core_inputs import APPROVAL, DEBUG_SESSION, EXPENSE, INCIDENT, INVOICES, TRIP
from tests.support.grid import VIEWER
from tests.support.program import FastGrid, Program

FAILING_BATCH = {
    "batch": "B-1",
    "invoices": [{"number": "1-1", "vendor": "Unknown Trading Ltd", "amount": 9, "currency": "EUR"}],
}


def test_an_answer_is_confirmed_when_its_run_continues(grid: FastGrid, writer: Program) -> None:
    execution = grid.finish_run(APPROVAL, TRIP)
    (checkpoint_id,) = grid.pending()
    document = writer.json_output("resolve", checkpoint_id, "approve", "--comment", "within\nbudget", "--yes", "--json")
    assert (document["progress"], document["kind"], document["target_id"]) == ("confirmed", "answer", checkpoint_id)
    assert (document["execution_id"], document["resolution"], document["likely"]) == (execution, "approve", False)
    row = grid.checkpoint(checkpoint_id)
    assert (row["status"], row["resolution"], row["comment"]) == ("resolved", "approve", "within\nbudget")


def test_a_second_answer_is_a_conflict_that_names_the_first_person(grid: FastGrid, writer: Program) -> None:
    checkpoint_id = grid.waiting_review()
    first = writer("resolve", checkpoint_id, "reject", "--yes")
    assert (first.returncode, first.stdout.partition(":")[0]) == (0, "confirmed")
    row = grid.checkpoint(checkpoint_id)
    second = writer("resolve", checkpoint_id, "approve", "--yes")
    assert (second.returncode, second.stdout) == (6, "")
    message = f"already answered: reject by {row['resolved_by']} at {row['resolved_at']} · nothing was sent"
    assert second.stderr == f"scaicore-tui: {message}\n"
    assert grid.checkpoint(checkpoint_id) == row


def test_an_unknown_option_is_not_sent(grid: FastGrid, writer: Program) -> None:
    checkpoint_id = grid.waiting_review()
    rejected = writer("resolve", checkpoint_id, "maybe", "--yes")
    assert (rejected.returncode, rejected.stdout) == (2, "")
    assert (
        "'maybe' is not an option of this checkpoint; its options: approve, reject, needs_info · nothing was sent"
        in rejected.stderr
    )
    review = writer("continue", checkpoint_id, "--yes")
    assert (review.returncode, "nothing was sent" in review.stderr) == (2, True)
    assert grid.pending() == [checkpoint_id]


def test_continue_resumes_a_breakpoint(grid: FastGrid, writer: Program) -> None:
    execution = grid.finish_run(DEBUG_SESSION, INCIDENT)
    (breakpoint_id,) = grid.pending()
    document = writer.json_output("continue", breakpoint_id, "--yes", "--json")
    assert (document["kind"], document["progress"], document["execution_id"]) == ("continue", "confirmed", execution)
    assert grid.checkpoint(breakpoint_id)["resolution"] == "continue"


def test_without_a_terminal_and_without_yes_nothing_is_sent(grid: FastGrid, writer: Program) -> None:
    execution = grid.finish_run(APPROVAL, TRIP)
    (checkpoint_id,) = grid.pending()
    for command in (("resolve", checkpoint_id, "approve"), ("replay", execution)):
        done = writer(*command, stdin="y\n")
        assert (done.returncode, done.stdout) == (2, "")
        assert "no terminal to ask for confirmation on · nothing was sent · add --yes" in done.stderr
    assert grid.pending() == [checkpoint_id]
    assert list(grid.statuses()) == [execution]


def test_an_answer_without_permission_is_rejected(grid: FastGrid, program: Program) -> None:
    checkpoint_id = grid.waiting_review()
    viewer = program.with_variables(**grid.settings(VIEWER))
    done = viewer("resolve", checkpoint_id, "approve", "--yes", "--json")
    assert done.returncode == 4
    document = json.loads(done.stdout)
    assert document["progress"] == "refused"
    assert document["request_id"].startswith("req_")
    assert document["request_id"] in done.stderr
    assert grid.pending() == [checkpoint_id]


def test_read_only_sends_nothing(grid: FastGrid, writer: Program) -> None:
    checkpoint_id = grid.waiting_review()
    done = writer("--read-only", "resolve", checkpoint_id, "approve", "--yes")
    assert (done.returncode, "read-only · nothing was sent" in done.stderr) == (2, True)
    assert grid.pending() == [checkpoint_id]


def test_an_unknown_checkpoint_and_an_unknown_run_are_not_found(grid: FastGrid, writer: Program) -> None:
    for command in (("resolve", "ckpt_none", "approve"), ("replay", "exec_none")):
        done = writer(*command, "--yes")
        assert (done.returncode, done.stdout) == (5, "")
        assert command[1] in done.stderr
    assert not grid.statuses()


def test_a_replay_starts_one_run_with_the_same_input(grid: FastGrid, writer: Program) -> None:
    first = grid.finish_run(APPROVAL, EXPENSE)
    document = writer.json_output("replay", first, "--yes", "--json")
    (_, second) = grid.statuses()
    assert (document["kind"], document["target_id"], document["core_id"]) == ("replay", first, APPROVAL)
    assert (document["execution_id"], document["status"], grid.status(second)) == (second, "completed", "completed")
    assert document["request_id"].startswith("req_")
    assert grid.input_of(second) == grid.input_of(first)


def test_a_replay_that_fails_exits_with_1(grid: FastGrid, writer: Program) -> None:
    first = grid.finish_run(INVOICES, FAILING_BATCH)
    assert grid.status(first) == "failed"
    done = writer("replay", "@latest", "--yes")
    (_, second) = grid.statuses()
    assert (done.returncode, done.stdout, grid.status(second)) == (1, "", "failed")
    assert second in done.stderr
    assert "Unknown Trading Ltd" in done.stderr


def test_with_quiet_a_failed_replay_is_only_seen_in_the_exit_code(grid: FastGrid, writer: Program) -> None:
    grid.finish_run(INVOICES, FAILING_BATCH)
    done = writer("replay", "@latest", "--yes", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    wrong = writer("--quiet", "show", "exec_none")
    assert (wrong.returncode, wrong.stdout) == (5, "")
    assert wrong.stderr.startswith("scaicore-tui: no run 'exec_none' among the 2 known runs")


@pytest.mark.parametrize("source_kind", ["-", "FILE"])
def test_a_replay_sends_the_given_input(grid: FastGrid, writer: Program, tmp_path: Path, source_kind: str) -> None:
    first = grid.finish_run(INVOICES, FAILING_BATCH)
    other: dict[str, Any] = {"batch": "B-2 ‘ö’", "invoices": []}
    file = tmp_path / "input.json"
    file.write_text(json.dumps(other, ensure_ascii=False), encoding="utf-8")
    source, stdin = ("-", file.read_text(encoding="utf-8")) if source_kind == "-" else (str(file), "")
    done = writer("replay", first, "--input", source, "--entity", "ent_7", "--yes", stdin=stdin)
    (_, second) = grid.statuses()
    assert (done.returncode, grid.status(second)) == (0, "completed")
    assert (grid.input_of(first), grid.input_of(second)) == (FAILING_BATCH, other)


@pytest.mark.parametrize(("source", "stdin"), [("-", '{"batch": '), ("-", ""), ("no/such/file.json", "")])
def test_invalid_json_is_not_sent(grid: FastGrid, writer: Program, source: str, stdin: str) -> None:
    first = grid.finish_run(INVOICES, FAILING_BATCH)
    done = writer("replay", first, "--input", source, "--yes", stdin=stdin)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"scaicore-tui: --input {source}: ")
    assert "nothing was sent" in done.stderr
    assert list(grid.statuses()) == [first]
