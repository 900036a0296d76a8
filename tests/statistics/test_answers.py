"""How long people take to answer: from the events of the runs, for all checkpoints that were ever pending."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from scaicore_tui.analysis.statistics.answers import answer_figures, asked_of
from scaicore_tui.cli.commands.answers import print_answers
from scaicore_tui.cli.commands.schema import read_schema
from scaicore_tui.cli.options import Common
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.store import Journal, JournalWriter
from scaicore_tui.store.statistics import StoredStatistics
from scaicore_tui.timefmt import format_iso
from tests.support.builders import NOON, SECOND, entered, exited, read_row, started
from tests.support.journals import Journals

MINUTE = 60 * SECOND


def asked(number: int, at: int, assignee: str = "finance", **fields: object) -> Checkpoint:
    values = {"execution_id": f"exec_{number}", "created_at": format_iso(at), "assignee_raw": assignee}
    return read_row(id=f"ckpt_{number}", **{**values, **fields})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Journal.open(tmp_path / "j") as journal:
        write_answers(journal)
    return tmp_path / "j"


def write_answers(journal: Journal) -> None:
    """Write a journal: 1 and 2 answered after 2 and 4 minutes, 3 closed by its deadline, 4 open, 5 of an unknown run,
    6 a breakpoint that was continued after 90 seconds, 7 pending and of an unknown run."""
    writer = JournalWriter(journal)
    writer.prepare()
    for number, minutes in ((1, 2), (2, 4), (3, 33), (4, None)):
        key, at = f"exec_{number}", NOON + number * SECOND
        events = [started(NOON, key), entered("ask", NOON, key, "checkpoint")]
        if minutes is not None:
            events.append(exited("ask", at + minutes * MINUTE, key, "checkpoint"))
        writer.append_new(events)
    deadline = format_iso(NOON + 30 * MINUTE)
    first = [asked(1, NOON + SECOND), asked(2, NOON + 2 * SECOND), asked(3, NOON + 3 * SECOND, expires_at=deadline)]
    writer.save_pending(first)
    writer.save_pending([first[0], asked(4, NOON + 4 * SECOND), asked(5, NOON, "legal", execution_id=None)])
    writer.append_new([started(NOON, "exec_6"), entered("next", NOON + 90 * SECOND, "exec_6")])
    stopped = asked(6, NOON, "", checkpoint_type="debug_breakpoint")
    writer.save_pending([asked(7, NOON, "legal", execution_id=None), stopped])
    writer.save_pending([asked(7, NOON, "legal", execution_id=None)])


def test_answers_are_timed_by_the_events_of_their_runs(journals: Journals) -> None:
    with journals.scratch() as journal:
        write_answers(journal)
        stored = StoredStatistics(journal)
        finance, legal, breakpoint_ = answer_figures(stored.asked(None, NOON + 60 * MINUTE))
        assert (finance.assignee, finance.asked, finance.answered, finance.expired, finance.pending) == (
            *("finance", 4, 2),
            *(1, 1),
        )
        assert (finance.timed, finance.p50_ms, finance.p95_ms) == (2, 120_000.0, 240_000.0)
        assert finance.expired_share == pytest.approx(1 / 3)
        assert (legal.assignee, legal.answered, legal.pending, legal.timed, legal.p50_ms) == ("legal", 1, 1, 0, None)
        assert (breakpoint_.checkpoint_type, breakpoint_.p50_ms) == ("debug_breakpoint", 90_000.0)
        assert [row.id for row in stored.asked(NOON + 3 * SECOND, NOON)] == ["ckpt_3", "ckpt_4"]
        assert stored.asked(None, NOON, "core_b") == []


def test_rows_of_the_api_say_themselves_when_they_were_closed() -> None:
    resolved = asked(1, NOON, status="resolved", resolved_at=format_iso(NOON + MINUTE))
    rows = [asked_of(row) for row in (resolved, asked(2, NOON), asked(3, NOON, status="expired"))]
    (figures,) = answer_figures(row for row in rows if row is not None)
    assert (figures.answered, figures.pending, figures.expired, figures.p95_ms) == (1, 1, 1, 60_000.0)
    assert asked_of(asked(1, NOON, created_at="yesterday")) is None


async def test_answers_are_printed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = Common(offline=True, journal=path)
    await print_answers(common, None, json=True)
    document = json.loads(capsys.readouterr().out)
    Draft202012Validator(json.loads(read_schema("stats-answers"))).validate(document)
    assert (document[0]["assignee"], document[0]["p95_ms"]) == ("finance", 240_000.0)
    await print_answers(common, "2026-04-29T12:00:01Z", json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["hitl_review", "finance", "4", "2", "1", "(33%)", "1", "2m00s", "4m00s"]
    assert len(lines) == 2
