"""The promises hold in every combination: what the state machine finds by itself, and scripts that once broke one."""

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
    # The same scripts each time: others are for `python -m tests.promises`, and what that finds is kept below.
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)

A = {"api": "team-a"}
ANSWER = ("press_answer", {"name": "first", "which": 0, "resolution": "approve"})
REPLAY = ("press_replay", {"name": "first", "which": 0})
SECOND = {"name": "second", "which": 0}
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
    "the answer of somebody else is no success": [write_fault("somebody_else"), ANSWER],
    "the answer about another checkpoint is no success": [write_fault("another_id"), ANSWER],
    "an error envelope with status 200 is a refusal, of an answer": [write_fault("error_envelope"), ANSWER],
    "an error envelope with status 200 is a refusal, of a replay": [write_fault("error_envelope"), REPLAY],
    "a refused answer can be sent again": [write_fault("error_envelope"), ANSWER, POLL, ANSWER],
    "what never left can be sent again": [write_fault("not_connected"), ANSWER, POLL, ANSWER],
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
        ("somebody_invokes", {**A, "n": 0}), wait(1.0), write_fault("answer_lost"), REPLAY, POLL,
    ],
    "a refused answer leaves replays open": [
        ("permission_ends", {**A, "kind": "resolve"}), ANSWER, POLL, REPLAY,
    ],
    "a refused replay leaves answers open": [
        ("permission_ends", {**A, "kind": "invoke"}), REPLAY, POLL, ANSWER,
    ],
    "a new token opens both": [
        ("permission_ends", {**A, "kind": "resolve"}), ("permission_ends", {**A, "kind": "invoke"}), ANSWER, REPLAY,
        ("token_is_replaced", A), POLL, ANSWER, REPLAY,
    ],
    "writes to another API are neither shown nor in the way": [ANSWER, SWITCH, POLL, ANSWER],
    "a lost answer to another API is neither shown nor in the way": [
        write_fault("dropped"), ANSWER, SWITCH, POLL, ANSWER,
    ],
    "without a ledger nothing is sent, and all else works": [
        ("ledger_breaks", {}), ANSWER, REPLAY, POLL, KILL, POLL, ("ledger_is_mended", {}), POLL, ANSWER,
    ],
    "a ledger that breaks after the POST changes nothing of what came of it": [
        write_fault("ledger_breaks_done"), ANSWER, POLL, ("run_moves", {**A, "which": 0, "ends": False}), POLL,
        ("ledger_is_mended", {}), POLL,
    ],
    "a re-read that hangs ends, and nothing is sent": [read_fault("hangs"), ANSWER, read_fault("ok"), POLL, ANSWER],
    "a re-read that is refused ends, and nothing is sent": [
        read_fault("too_many"), ANSWER, read_fault("ok"), wait(12.0), POLL, ANSWER,
    ],
    "a second process sends no replay that was recovered and may have arrived": [
        POLL_SECOND, write_fault("kill_done"), REPLAY, POLL, POLL_SECOND, ("press_replay", SECOND),
    ],
    "a second process sends no answer that may still arrive": [
        POLL_SECOND, write_fault("late"), ANSWER, ("press_answer", {**SECOND, "resolution": "approve"}),
    ],
    "what can not be written down is not sent": [("ledger_breaks", {}), ANSWER, ("ledger_is_mended", {}), POLL],
    "an answer is read again before it is sent": [
        ("somebody_answers", {**A, "which": 0, "resolution": "reject"}), ANSWER,
    ],
    "two presses at once are one POST": [("both_press_at_once", {"which": 0, "resolution": "approve"})],
    "the second process sees the first one's write": [
        ANSWER, POLL_SECOND, ("press_answer", {**SECOND, "resolution": "reject"}),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_once_broke_a_promise(name: str) -> None:
    state = Promises()
    try:
        state.begin(page_size=3)
        for rule, values in SCRIPTS[name]:
            getattr(state, rule)(**values)
            state.every_submission_says_what_is_true()
            if not state.machine.is_ledger_broken:
                state.what_is_shown_as_sent_is_in_the_ledger()
    finally:
        state.teardown()
