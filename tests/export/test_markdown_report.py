"""The format `markdown`: fifteen lines, of which the first ones say the most."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from scaicore_tui.export.exporter import ExportedRun
from scaicore_tui.export.report.markdown_report import (
    MAX_BLOCKS,
    MAX_LINES,
    MAX_TABLE_RUNS,
    TIMELINE_CELLS,
    markdown_report,
)
from scaicore_tui.export.report.markdown_text import code, fenced
from scaicore_tui.runs import RunStatus
from tests.support.builders import NOON, read_row
from tests.support.exported_runs import export_of, exported, generated
from tests.support.flow_graphs import shipped
from tests.support.scene import INVOICES, REVIEW, completed_triage, failed_batch, running_triage, waiting_expense

SEEDS = range(12)


def lines_of(*runs: ExportedRun) -> list[str]:
    return "".join(markdown_report(export_of(*runs))).splitlines()


def test_a_failed_run() -> None:
    assert lines_of(exported(failed_batch(), shipped(INVOICES), now=NOON)) == [
        "**✗ failed** `exec_5b0c11` · `core_invoice-batch` · `scai:demo/exec_5b0c11#pay.3`",
        "- failed at `pay`, iteration 3, 680ms after the start: "
        "`BANK_DOWN: the bank did not answer within 30 s; payment 3 of 3 was not made`",
        "- not complete: `anomaly: ended inside a node`",
        "",
        "| started | took | steps | events | exported |",
        "| --- | --- | --- | --- | --- |",
        "| 2026-04-29 11:51:00Z | 30.7s | 5 | 11 | from `demo`, 2026-04-29 12:00:00Z, not redacted |",
        "",
        "```",
        "NODE       0s       5s       10s      15s       20s      25s     31s    TOOK",
        "+ load     #                                                            95ms",
        "* each @3  ########################################################>  30.6s~",
        "    x pay   #######################################################x   30.0s",
        "... 9 more",
        "```",
    ]


def test_a_waiting_run_says_who_must_answer() -> None:
    run = exported(waiting_expense(), checkpoints=[read_row(**REVIEW)] * 2, now=NOON, missing="events may be missing")
    run.run.status = RunStatus.WAITING
    lines = lines_of(replace(run, checkpoints=[read_row(**REVIEW | {"assignee_raw": "group:finance"})] * 2))
    assert lines[2] == "- not complete: `events may be missing`"
    assert lines[1] == (
        "- waits for `finance`: `Review needed`, due 2026-04-29 13:00:00Z (in 1h), "
        "answers `Approve`, `Reject`, `Needs more info` and 1 more"
    )
    assert lines[-2].startswith("= review")
    assert ".>" in lines[-2]


def test_it_is_short_and_what_failed_is_in_it() -> None:
    for seed in SEEDS:
        run = generated(seed)
        lines = lines_of(run)
        assert 0 < len(lines) <= MAX_LINES
        begin = lines.index("```")
        assert all(len(line) <= TIMELINE_CELLS for line in lines[begin:])
        if run.run.status is RunStatus.FAILED:
            assert lines[1].startswith("- failed at ")
            assert any(line.lstrip().startswith("x") for line in lines[begin:])


def test_several_runs_are_a_table_and_the_first_ones_in_full() -> None:
    runs = [exported(failed_batch()), *(exported(completed_triage(f"exec_{n}", n)) for n in range(30))]
    lines = lines_of(*runs)
    assert lines[0].startswith("**31 runs**: 1 failed, 30 completed · from `demo`, ")
    assert lines[0].endswith("the first 20 of them:")
    table = [line for line in lines if line.startswith(("| ✗", "| ✓"))]
    assert len(table) == MAX_TABLE_RUNS
    assert sum(line.startswith("**") for line in lines) == 1 + MAX_BLOCKS
    assert len(lines) < 4 + MAX_TABLE_RUNS + MAX_BLOCKS * (MAX_LINES + 1)


def test_a_run_without_steps_has_no_timeline() -> None:
    assert "```" not in lines_of(exported(running_triage()[:1]))
    assert lines_of() == ["**0 runs** · from `demo`, 2026-04-29 12:00:00Z, not redacted"]


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("plain", "`plain`"),
        ("", ""),
        ("a `tick` |b|", "`a 'tick' ¦b¦`"),
        ("@here <!channel> https://a.example www.b.example", "`＠here ‹!channel> https[:]//a.example www[.]b.example`"),
        ("two\n\nlines", "`two lines`"),
    ],
)
def test_foreign_text_is_a_code_span_that_notifies_nobody(text: str, span: str) -> None:
    assert code(text, 100) == span


def test_a_fence_is_longer_than_all_backticks_inside() -> None:
    assert fenced(["a", "````", "each @7 @ada <@7>"]) == ["`````", "a", "````", "each @7 ＠ada <＠7>", "`````"]
