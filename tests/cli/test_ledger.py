"""The ledger with unreadable lines, and at a path that cannot be written."""

from __future__ import annotations

from pathlib import Path

from tests.support.program import FastGrid, Program

UNREADABLE_LINES = b'null\n[[[[\n{"id": "sub_1", "at": NaN}\n' + b"[" * 100_000 + b"\n"


def ledger_path(program: Program) -> Path:
    """Return the path of the ledger; create its folder."""
    folder = program.home / "XDG_STATE_HOME" / "scaicore-tui"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "ledger.jsonl"


def test_unreadable_lines_are_counted_and_do_not_prevent_writes(grid: FastGrid, writer: Program) -> None:
    ledger = ledger_path(writer)
    ledger.write_bytes(UNREADABLE_LINES)
    checkpoint_id = grid.waiting_review()
    assert writer("resolve", checkpoint_id, "approve", "--yes").returncode == 0
    listing = writer("ledger")
    assert (listing.returncode, len(listing.stdout.splitlines())) == (0, 2)
    assert listing.stderr == f"4 unreadable lines were skipped and left in the file: {ledger}\n"
    assert ledger.read_bytes().startswith(UNREADABLE_LINES)


def test_without_a_writable_ledger_writes_are_rejected_and_reads_work(grid: FastGrid, writer: Program) -> None:
    ledger_path(writer).mkdir()
    checkpoint_id = grid.waiting_review()
    rejected = writer("resolve", checkpoint_id, "approve", "--yes")
    assert (rejected.returncode, rejected.stdout) == (9, "")
    assert f"the ledger {ledger_path(writer)} can't be written: it is not a regular file" in rejected.stderr
    assert "nothing was sent" in rejected.stderr
    assert grid.pending() == [checkpoint_id]
    assert writer("ledger").returncode == 9
    for command in (("runs",), ("record", "--until-idle", "0", "--json")):
        done = writer(*command)
        assert (done.returncode, "ledger.jsonl" in done.stderr) == (0, False), done.stderr
