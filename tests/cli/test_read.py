"""The reading commands on a demo: their tables and documents match the data of the demo's grid."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from scaicore_tui.store import Journal
from tests.support.builders import NOON, started
from tests.support.program import Demo, Program

RUN_KEYS = {
    *("execution_id", "core_id", "status", "started_at", "ended_at", "duration_ms", "joined_late", "input", "output"),
    *("error", "instance_key", "event_count", "last_event_at", "nodes"),
}
NODE_KEYS = {"node_id", "block_kind", "state", "color", "visits"}
VISIT_KEYS = {
    *("state", "entered_at", "ended_at", "duration_ms", "result_binding", "result_binding_value"),
    *("result_binding_truncated", "error"),
}
COLOURS_BY_STATE = {"entered": "blue", "exited": "green", "failed": "red"}
ATTEMPTS = 20


def pages(demo: Demo) -> list[bytes]:
    """Return the bodies of all pages of the grid's feed, newest first."""
    bodies: list[bytes] = []
    query: dict[str, str | int] = {"limit": 500}
    with demo.client() as grid:
        while True:
            bodies.append(grid.get("/events", params=query).raise_for_status().content)
            cursor = json.loads(bodies[-1])["data"]["next_cursor"]
            if cursor is None:
                return bodies
            query["cursor"] = cursor


def feed(demo: Demo) -> list[dict[str, Any]]:
    """Return all events of the grid, oldest first."""
    newest_first = [event for body in pages(demo) for event in json.loads(body)["data"]["events"]]
    return newest_first[::-1]


def waiting_executions(demo: Demo) -> set[str]:
    """Return the execution ids of all pending checkpoints of the grid."""
    with demo.client() as grid:
        rows = grid.get("/checkpoints", params={"limit": 500}).json()["data"]["checkpoints"]
    return {row["execution_id"] for row in rows}


def statuses_of(events: Sequence[Mapping[str, Any]], waiting_ids: set[str]) -> dict[str, str]:
    """Return the expected status of each execution."""
    found: dict[str, str] = {}
    for event in events:
        execution = event["payload"]["execution_id"]
        end = event["type"].removeprefix("scaicore.runtime.invocation.")
        found.setdefault(execution, "waiting" if execution in waiting_ids else "running")
        if end in ("completed", "failed"):
            found[execution] = end
    return found


def test_runs_match_those_of_the_grid(demo: Demo, reader: Program) -> None:
    """The last seeded runs continue for some seconds, so retry until no status changed while reading."""
    for _ in range(ATTEMPTS):
        before = statuses_of(feed(demo), waiting_executions(demo))
        printed = reader.json_output("runs", "--json", "--backfill", "100000")
        if before == statuses_of(feed(demo), waiting_executions(demo)):
            break
    else:
        pytest.fail("the runs of the demo kept changing")
    assert {run["execution_id"]: run["status"] for run in printed} == before
    assert [run["execution_id"] for run in printed] == list(before)[::-1]
    assert {"completed", "failed", "waiting"} <= set(before.values())
    assert not any(run["joined_late"] for run in printed)


def test_backfill_limits_the_number_of_events_read(demo: Demo, reader: Program) -> None:
    assert len(feed(demo)) > 500
    events = reader.lines("events", "--json", "--backfill", "1")
    assert len(events) == 500


def test_a_failed_run_has_its_error_in_its_row(reader: Program) -> None:
    head, *rows = reader.lines("runs", "--failed")
    assert head.split() == ["RUN", "CORE", "STATUS", "AGE", "TOOK", "NODES", "ERROR"]
    assert rows
    assert all(row.startswith("✗  exec_") and "  failed  " in row for row in rows)
    assert "VENDOR_UNKNOWN: vendor 'Unknown Trading Ltd' has no account" in rows[-1]


def test_ascii_output_has_only_ascii_characters(reader: Program) -> None:
    head, *rows = reader.lines("--ascii", "runs", "--core", "core_invoice-batch")
    assert len(rows) > 1
    assert all("core_invoice-batch" in row for row in rows)
    assert {row[0] for row in rows} == {"+", "x"}
    assert "".join((head, *rows)).isascii()


def test_a_run_is_found_by_the_beginning_of_its_id(demo: Demo, reader: Program) -> None:
    oldest = next(event for event in feed(demo) if event["core_id"] == "core_invoice-batch")
    execution = oldest["payload"]["execution_id"]
    run = reader.json_output("show", execution[:9], "--json")
    own = [event for event in feed(demo) if event["payload"]["execution_id"] == execution]
    assert set(run) >= RUN_KEYS
    assert (run["execution_id"], run["core_id"], run["status"]) == (execution, oldest["core_id"], "failed")
    assert (run["input"], run["started_at"]) == (oldest["payload"]["input"], oldest["timestamp"])
    assert run["event_count"] == len(own)
    assert run["error"] == "VENDOR_UNKNOWN: vendor 'Unknown Trading Ltd' has no account"
    assert_nodes(run, own)


def assert_nodes(run: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> None:
    """Check that each node has one visit per entered event, and the colour of its state."""
    entered = Counter(event["payload"]["node_id"] for event in events if event["type"].endswith("block.entered"))
    assert {node["node_id"]: len(node["visits"]) for node in run["nodes"]} == entered
    assert max(entered.values()) > 1
    for node in run["nodes"]:
        assert set(node) >= NODE_KEYS
        assert node["color"] == COLOURS_BY_STATE[node["state"]]
        assert all(set(visit) >= VISIT_KEYS for visit in node["visits"])


def test_latest_is_the_newest_run(demo: Demo, reader: Program) -> None:
    newest = next(event for event in feed(demo)[::-1] if event["type"].endswith("invocation.started"))
    title, *described = reader.lines("show", "@latest")
    assert title.startswith(f"{newest['payload']['execution_id']} · {newest['core_id']} · ")
    assert any(line.split()[:3] == ["NODE", "KIND", "STATE"] for line in described)


def test_events_are_printed_as_the_bytes_of_the_feed(demo: Demo, reader: Program) -> None:
    execution = feed(demo)[0]["payload"]["execution_id"]
    own = [event for event in feed(demo) if event["payload"]["execution_id"] == execution]
    printed = reader.lines("events", "--json", "--execution", execution)
    assert [json.loads(line) for line in printed] == own
    written = b"".join(pages(demo))
    assert all(line.encode() in written for line in printed)


def test_a_journal_contains_the_events_and_is_read_without_a_server(
    demo: Demo, reader: Program, program: Program, tmp_path: Path
) -> None:
    journal = tmp_path / "folder" / "kept.journal"
    assert reader("runs", "--journal", str(journal)).returncode == 0
    stored = program.lines("events", "--journal", str(journal), "--json")
    expected = [json.dumps(event) for event in feed(demo)]
    assert len(stored) > 500
    assert [json.dumps(json.loads(line)) for line in stored] == expected[: len(stored)]
    assert (journal.stat().st_mode & 0o777, journal.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.fixture
def gapped(tmp_path: Path) -> Path:
    """Return an old journal with a run that the demo does not have."""
    path = tmp_path / "journal"
    with Journal.open(path) as journal:
        journal.append([started(NOON, "exec_long_ago")])
    return path


def test_a_gap_is_shown_as_a_line_between_the_runs(reader: Program, gapped: Path) -> None:
    *_, gap, oldest = reader.lines("--ascii", "runs", "--journal", str(gapped), "--backfill", "100000")
    assert re.match(r"-  gap 04-29 12:00 to \d\d-\d\d \d\d:\d\dZ: events lost to retention, runs here may be ", gap)
    assert "exec_long_ago" in oldest
    assert any(re.match("┄  gap ", line) for line in reader.lines("runs", "--failed", "--journal", str(gapped)))
    assert any(line.startswith("gap: events may be missing: ") for line in show_lines(reader, "exec_long_ago", gapped))


def show_lines(program: Program, execution: str, journal: Path) -> list[str]:
    return program.lines("show", execution, "--journal", str(journal))


def test_a_gap_is_not_in_the_document_and_is_reported_on_standard_error(reader: Program, gapped: Path) -> None:
    done = reader("runs", "--json", "--journal", str(gapped))
    assert all(set(run) >= RUN_KEYS for run in json.loads(done.stdout))
    assert re.match(r"gap 04-29 12:00 to .*Z: events lost to retention, runs here may be incomplete\n", done.stderr)
    assert reader("runs", "--json", "--quiet", "--journal", str(gapped)).stderr == ""


def test_checkpoints_are_printed_as_the_rows_of_the_grid(demo: Demo, reader: Program) -> None:
    with demo.client() as grid:
        resolved = grid.get("/checkpoints", params={"status": "resolved"}).json()["data"]["checkpoints"]
    assert resolved
    assert reader.json_output("checkpoints", "--status", "resolved", "--json") == resolved


def test_pending_checkpoints_are_listed_with_their_options(reader: Program) -> None:
    head, *rows = reader.lines("checkpoints")
    assert head.split() == ["ID", "DUE", "PRIO", "CORE", "FOR", "WHAT", "IS", "ASKED", "ANSWERS"]
    pending = reader.json_output("checkpoints", "--json")
    assert [row.split()[1] for row in rows] == [row["id"] for row in pending]
    assert any(row.startswith("‖") and row.endswith("approve, reject, needs_info") for row in rows)
