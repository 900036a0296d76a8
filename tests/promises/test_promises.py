"""The promises hold for the scripts that the state machine generates, and for scripts that once broke one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.promises.machine import Promises

TestPromises = Promises.TestCase
TestPromises.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    database=None,
    # The same scripts each time. `python -m tests.promises` tries others; failures found by it are added below.
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)

A = {"api": "team-a"}
ANSWER = ("press_answer", {"name": "first", "choice": 0, "resolution": "approve"})
REPLAY = ("press_replay", {"name": "first", "choice": 0})
SECOND = {"name": "second", "choice": 0}
POLL = ("poll", {"name": "first"})
POLL_SECOND = ("poll", {"name": "second"})
KILL = ("restart", {**A, "name": "first", "offline": False, "is_killed": True})
SWITCH = ("restart", {"api": "team-b", "name": "first", "offline": False, "is_killed": False})


def write_fault(name: str) -> tuple[str, dict[str, Any]]:
    return "next_write_fails", {**A, "fault": name}


def read_fault(name: str) -> tuple[str, dict[str, Any]]:
    return "reads_fail", {**A, "fault": name}


def wait(seconds: float) -> tuple[str, dict[str, Any]]:
    return "time_passes", {"seconds": seconds}


SCRIPTS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "another person's answer is not a success": [write_fault("somebody_else"), ANSWER],
    "a response about another checkpoint is not a success": [write_fault("another_id"), ANSWER],
    "an error envelope with status 200 is a refusal, of an answer": [write_fault("error_envelope"), ANSWER],
    "an error envelope with status 200 is a refusal, of a replay": [write_fault("error_envelope"), REPLAY],
    "a refused answer can be sent again": [write_fault("error_envelope"), ANSWER, POLL, ANSWER],
    "a write that could not connect can be sent again": [write_fault("not_connected"), ANSWER, POLL, ANSWER],
    "an answer that arrives late is not sent twice": [
        write_fault("late"), ANSWER, wait(12.0), POLL, ANSWER, wait(70.0), POLL, ANSWER, wait(301.0), POLL,
    ],
    "a replay that arrives late is not sent twice": [
        write_fault("late"), REPLAY, wait(70.0), POLL, REPLAY, wait(301.0), POLL,
    ],
    "a replay after a kill is not the original": [write_fault("kill_done"), REPLAY, POLL, REPLAY, POLL],
    "a replay after a kill that never arrived is not the original": [
        write_fault("kill_not_done"), REPLAY, POLL, REPLAY,
    ],
    "a run that began before the POST is not likely": [
        ("another_client_invokes", {**A, "n": 0}), wait(1.0), write_fault("answer_lost"), REPLAY, POLL,
    ],
    "a refused answer does not block replays": [
        ("permission_ends", {**A, "kind": "resolve"}), ANSWER, POLL, REPLAY,
    ],
    "a refused replay does not block answers": [
        ("permission_ends", {**A, "kind": "invoke"}), REPLAY, POLL, ANSWER,
    ],
    "a new token allows both again": [
        ("permission_ends", {**A, "kind": "resolve"}), ("permission_ends", {**A, "kind": "invoke"}), ANSWER, REPLAY,
        ("token_is_replaced", A), POLL, ANSWER, REPLAY,
    ],
    "writes to another API are not shown and block nothing": [ANSWER, SWITCH, POLL, ANSWER],
    "a lost answer to another API is not shown and blocks nothing": [
        write_fault("dropped"), ANSWER, SWITCH, POLL, ANSWER,
    ],
    "without a ledger nothing is sent, and everything else works": [
        ("ledger_breaks", {}), ANSWER, REPLAY, POLL, KILL, POLL, ("ledger_is_repaired", {}), POLL, ANSWER,
    ],
    "a ledger that breaks after the POST does not change the outcome": [
        write_fault("ledger_breaks_done"), ANSWER, POLL, ("run_continues", {**A, "choice": 0, "ends": False}), POLL,
        ("ledger_is_repaired", {}), POLL,
    ],
    "if the re-read of a checkpoint hangs, nothing is sent": [
        read_fault("hangs"), ANSWER, read_fault("ok"), POLL, ANSWER,
    ],
    "if the re-read of a checkpoint is refused, nothing is sent": [
        read_fault("too_many"), ANSWER, read_fault("ok"), wait(12.0), POLL, ANSWER,
    ],
    "a second process does not repeat a recovered replay that may have arrived": [
        POLL_SECOND, write_fault("kill_done"), REPLAY, POLL, POLL_SECOND, ("press_replay", SECOND),
    ],
    "a second process does not repeat an answer that may still arrive": [
        POLL_SECOND, write_fault("late"), ANSWER, ("press_answer", {**SECOND, "resolution": "approve"}),
    ],
    "a write that cannot be recorded is not sent": [("ledger_breaks", {}), ANSWER, ("ledger_is_repaired", {}), POLL],
    "a checkpoint is read again before its answer is sent": [
        ("another_person_answers", {**A, "choice": 0, "resolution": "reject"}), ANSWER,
    ],
    "two simultaneous presses send one POST": [("press_twice_at_once", {"choice": 0, "resolution": "approve"})],
    "the second process sees the first one's write": [
        ANSWER, POLL_SECOND, ("press_answer", {**SECOND, "resolution": "reject"}),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_that_once_broke_a_promise(name: str) -> None:
    state = Promises()
    try:
        state.begin(page_size=3)
        for rule, values in SCRIPTS[name]:
            getattr(state, rule)(**values)
            state.every_submission_shows_its_true_progress()
            if not state.machine.is_ledger_broken:
                state.every_sent_write_is_in_the_ledger()
    finally:
        state.teardown()
