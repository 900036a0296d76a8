"""The ledger: which claims it accepts, what it stores, and what remains after a crash."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from scaicore_tui.actions import Kind, Ledger, Progress
from scaicore_tui.actions.ledger import MAX_WRITE_S, Entry
from scaicore_tui.errors import StorageError

NOW = 1_800_000_000.0
DEAD_PID = 2**22 + 1  # Linux assigns no process id this high.


def entry(identity: str = "sub_1", **fields: object) -> Entry:
    made = Entry(identity, NOW, os.getpid(), "staging", "grid:443", Kind.ANSWER, "ckpt_1", resolution="approve")
    return replace(made, **fields)


@pytest.mark.parametrize(
    ("earlier", "progress", "later", "reason"),
    [
        (entry(), None, entry("sub_2"), "is writing to it now"),
        (entry(pid=1), None, entry("sub_2"), "another scaicore-tui (process 1) is writing to it now"),
        (entry(pid=DEAD_PID), None, entry("sub_2"), "looking it up"),
        (entry(pid=1), None, entry("sub_2", at=NOW + MAX_WRITE_S + 1), "looking it up"),
        (entry(), Progress.UNKNOWN, entry("sub_2"), "looking it up"),
        (entry(), Progress.ACCEPTED, entry("sub_2"), "it was already answered from this machine: approve"),
        (entry(), Progress.CONFIRMED, entry("sub_2", kind=Kind.CONTINUE), "it was already answered from this machine"),
        (entry(), Progress.REFUSED, entry("sub_2"), None),
        (entry(), Progress.NOT_RECEIVED, entry("sub_2"), None),
        (entry(), Progress.CONFLICT, entry("sub_2"), None),
        (entry(), None, entry("sub_2", target_id="ckpt_2"), None),
        (entry(), None, entry("sub_2", host="other:443"), None),
        (entry(kind=Kind.REPLAY), None, entry("sub_2", kind=Kind.REPLAY), "is writing to it now"),
        (entry(kind=Kind.REPLAY), Progress.UNKNOWN, entry("sub_2", kind=Kind.REPLAY), "looking it up"),
        (entry(kind=Kind.REPLAY), Progress.CONFIRMED, entry("sub_2", kind=Kind.REPLAY), None),
        (entry(kind=Kind.REPLAY), None, entry("sub_2"), None),
    ],
)
def test_an_earlier_write_may_block_a_later_one(
    tmp_path: Path, earlier: Entry, progress: Progress | None, later: Entry, reason: str | None
) -> None:
    ledger = Ledger(tmp_path / "state" / "ledger.jsonl")
    assert ledger.claim(earlier) is None
    if progress is not None:
        ledger.record(earlier.id, NOW + 1, progress)
    reason_given = ledger.claim(later)
    assert (reason_given is None) if reason is None else reason in str(reason_given)
    assert [kept.id for kept in ledger.entries()] == ["sub_1"] + ["sub_2"] * (reason is None)


def test_a_replay_with_a_likely_run_may_be_sent_again() -> None:
    ledger = Ledger()
    first = entry(kind=Kind.REPLAY, target_id="exec_1")
    assert ledger.claim(first) is None
    ledger.record(first.id, NOW + 1, Progress.UNKNOWN, execution_id="exec_2")
    assert ledger.claim(replace(first, id="sub_2")) is None


def test_a_replay_recorded_with_its_original_run_counts_as_not_found() -> None:
    ledger = Ledger()
    first = entry(kind=Kind.REPLAY, target_id="exec_1")
    assert ledger.claim(first) is None
    ledger.record(first.id, NOW + 1, Progress.UNKNOWN, execution_id="exec_1")
    assert "looking it up" in str(ledger.claim(replace(first, id="sub_2")))


def test_every_state_is_kept_and_read_back(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.claim(entry(comment="fine\nby me", input={"a": [1]}))
    ledger.record("sub_1", NOW + 1, Progress.ACCEPTED, message="resolved", request_id="req_1")
    ledger.record("sub_1", NOW + 2, Progress.CONFIRMED, message="the run has continued")
    (kept,) = Ledger(tmp_path / "ledger.jsonl").entries()
    assert [state.progress for state in kept.states] == ["sending", "accepted", "confirmed"]
    assert (kept.comment, kept.input, kept.profile, kept.host) == ("fine\nby me", {"a": [1]}, "staging", "grid:443")
    assert kept.states[1].request_id == "req_1"
    assert not kept.is_open
    assert (tmp_path / "ledger.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_line_cut_off_by_a_crash_hides_no_other_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    Ledger(path).claim(entry())
    with path.open("ab") as file:
        file.write(b'{"id": "sub_1", "at": 18000000')
    Ledger(path).record("sub_1", NOW + 1, Progress.UNKNOWN)
    (kept,) = Ledger(path).entries()
    assert kept.progress is Progress.UNKNOWN


def test_a_claim_fails_if_the_ledger_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="ledger"):
        Ledger(tmp_path / "file" / "ledger.jsonl").claim(entry())


def test_a_released_write_is_orphaned_and_blocks_the_next_claim(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    assert ledger.claim(entry()) is None
    assert "is writing to it now" in str(ledger.claim(entry("sub_2")))
    ledger.release("sub_1")
    ledger.release("sub_unheard_of")
    (kept,) = ledger.entries()
    assert (kept.is_orphaned(NOW), kept.is_open, [state.progress for state in kept.states]) == (
        True,
        True,
        ["sending"],
    )
    assert "looking it up" in str(ledger.claim(entry("sub_2")))
