"""The row of a run: when it changed, its Core, how long it took, and where it is or why it failed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scaicore_tui.protocol import Checkpoint, Event, read_checkpoint
from scaicore_tui.runs import RunStatus, Summary, with_status
from scaicore_tui.runs.cache import project
from scaicore_tui.runs.summary import summary_of
from scaicore_tui.text import cell_width
from scaicore_tui.tui.render.line import Line
from scaicore_tui.tui.render.run_row import RowFacts, columns_line, run_row
from tests.support.builders import NOON, SECOND, checkpoint
from tests.support.scene import completed_triage, failed_batch, running_triage, stopped_debug, waiting_expense

NOW = NOON / SECOND + 120


def summary(events: list[Event], *, waiting: bool = False) -> Summary:
    """Return the summary of a run."""
    run, _ = project(events[0].execution_id or "", enumerate(events))
    found = summary_of(run, 0)
    with_status(found, frozenset({found.execution_id} if waiting else ()))
    return found


def asked(run: Summary, **fields: Any) -> dict[str, Checkpoint]:
    """Return the pending checkpoint of a run, by the run's id."""
    body = checkpoint(execution_id=run.execution_id, **fields)
    return {run.execution_id: read_checkpoint(json.dumps(body).encode())}


def text_of(line: Line) -> str:
    """Return the text of a line."""
    return "".join(text for text, _ in line).rstrip()


def test_a_failed_run_shows_its_node_and_the_error() -> None:
    row = run_row(summary(failed_batch()), 76, RowFacts(NOW))
    assert text_of(row) == "✗ 11:51:30  invoice-batch       30.7s  pay  BANK_DOWN: the bank did not ans…"
    assert row[-1][1] == "red strong"


def test_other_runs_show_where_they_are() -> None:
    assert text_of(run_row(summary(running_triage()), 76, RowFacts(NOW))).endswith("50s…  reply")
    assert text_of(run_row(summary(completed_triage("exec_1", 0)), 76, RowFacts(NOW))).endswith("4.7s  3 nodes")


@pytest.mark.parametrize(
    ("fields", "text", "colour"),
    [
        ({}, "review", "amber"),
        ({"assignee_raw": "finance"}, "review for finance", "amber"),
        ({"assignee_raw": "finance", "expires_at": "2026-04-29T12:40:00Z"}, "review for finance, 38m left", "amber"),
        ({"expires_at": "2026-04-29T12:10:00Z"}, "review, 8m left", "red"),
        ({"expires_at": "2026-04-29T12:01:00Z"}, "review, 1m too late", "red"),
        ({"assignee_raw": "a  b\x1b"}, "review for “a b␛”", "amber"),
    ],
)
def test_a_waiting_run_shows_for_whom_and_how_long(fields: dict[str, Any], text: str, colour: str) -> None:
    run = summary(waiting_expense(), waiting=True)
    row = run_row(run, 90, RowFacts(NOW, asked=asked(run, node_id="review", **fields)))
    assert run.status is RunStatus.WAITING
    assert row[-1] == (text, colour)


def test_a_narrow_row_shows_what_waits_and_not_how_long() -> None:
    run = summary(waiting_expense(), waiting=True)
    fields = asked(run, node_id="review", expires_at="2026-04-29T12:40:00Z")
    assert run_row(run, 40, RowFacts(NOW, asked=fields))[-1] == ("review", "amber")


def test_a_run_at_a_breakpoint_shows_before_which_node() -> None:
    run = summary(stopped_debug(), waiting=True)
    row = run_row(run, 76, RowFacts(NOW, asked=asked(run, checkpoint_type="debug_breakpoint", node_id="draft")))
    assert (row[0][0], row[-1][0]) == ("◆ ", "stopped before draft")


def test_ages_replace_clock_times_and_older_runs_show_their_date() -> None:
    run = summary(completed_triage("exec_1", 0))
    assert text_of(run_row(run, 76, RowFacts(NOW, shows_ages=True))).startswith("✓ 1m        support-triage")
    assert text_of(run_row(run, 76, RowFacts(NOW + 86_400 * 40))).startswith("✓ Apr 29    support-triage")
    assert text_of(columns_line(76, shows_ages=True)).startswith("  CHANGED ")


@pytest.mark.parametrize("width", [20, 34, 56, 76, 116])
def test_rows_and_headings_have_the_same_columns_and_fit(width: int) -> None:
    for run in (summary(failed_batch()), summary(running_triage()), summary(waiting_expense(), waiting=True)):
        row = text_of(run_row(run, width, RowFacts(NOW, marks={run.execution_id: ("replaying", "blue")})))
        assert cell_width(row) <= max(width, 40)
    heading = text_of(columns_line(max(width, 56), shows_ages=False))
    row = text_of(run_row(summary(running_triage()), max(width, 56), RowFacts(NOW)))
    assert row.index("reply") == heading.index("NOW AT")
    assert row.index("support") == heading.index("CORE")
