"""`sql` on a journal on a server: the same views and values as on a file, and nothing is written or left waiting."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scaicore_tui.config.journal_url import JournalUrl
from scaicore_tui.errors import TimedOut, UsageError
from scaicore_tui.protocol import decode_event, read_checkpoint
from scaicore_tui.store import Journal, JournalWriter
from scaicore_tui.store.postgres import read_sql as on_server
from scaicore_tui.store.read_sql import COLUMNS, query_journal
from tests.support.builders import NOON, SECOND, completed, entered, event, many_runs, started
from tests.support.manual_clock import ManualClock
from tests.support.server_journals import ServerJournals

ODD = "exec_ä\U0001f600\0"
EVENTS = [
    *many_runs(12),
    started(NOON, ODD, input={"text": "NUL \0 and € and \\u0000"}),
    entered("pay", NOON + SECOND, ODD),
    event("block.failed", NOON + 4 * SECOND, ODD, node_id="pay", error="BANK_DOWN: no answer"),
    completed(NOON + 5 * SECOND, ODD),
    event("custom.note", 0, execution=None, text="outside of runs"),
    decode_event(b'{"type": "no end'),
    decode_event(b'{"type": "invalid \xff", "payload": {"node_id": "n", "execution_id": "exec_1"}}'),
    decode_event(b'{"type": "lone \\ud800", "payload": {"source_location": {"node_id": 7}}}'),
]
PENDING = {"id": "ckpt_1", "checkpoint_type": "hitl", "execution_id": "exec_late", "priority": 3, "node_id": "ask"}
STATEMENTS = (
    *(f"SELECT * FROM {view} ORDER BY 1, 2, 3" for view in COLUMNS),  # noqa: S608  (constants)
    "SELECT status, count(*) AS n FROM runs GROUP BY status ORDER BY status;",
    "WITH slow AS (SELECT * FROM visits WHERE duration_ms > 0) SELECT count(*) AS n, 1 AS n FROM slow -- the end",
    "SELECT run, max(position) AS last FROM events WHERE type LIKE '%block.%' GROUP BY run ORDER BY run",
    "SELECT sum(events) AS total, avg(events) AS mean FROM runs",
    "VALUES (1), (2)",
)


@pytest.fixture
def url(server_journals: ServerJournals, tmp_path: Path) -> JournalUrl:
    """Return a journal on a server; the same content is in the file `j`."""
    place = server_journals.place(tmp_path)
    fill(place.open())
    fill(Journal.open(tmp_path / "j"))
    return JournalUrl(place.url, place.identity)


def fill(journal: Journal) -> None:
    with journal:
        writer = JournalWriter(journal)
        writer.prepare()
        writer.rebuild_missing()
        writer.append_new([*EVENTS, started(NOON, "exec_late")])
        writer.save_pending([read_checkpoint(json.dumps(PENDING).encode())])


def rows(place: Path | JournalUrl, statement: str, limit_s: float = 60.0) -> tuple[list[str], list[list[Any]]]:
    with query_journal(place, statement, ManualClock(), limit_s) as result:
        return list(result.columns), [list(row) for row in result.rows]


def test_documented_views_have_the_same_columns() -> None:
    assert {view: list(columns) for view, columns in on_server.COLUMNS.items()} == {
        view: list(columns) for view, columns in COLUMNS.items()
    }


def test_a_statement_finds_the_same_on_a_server_as_in_a_file(url: JournalUrl, tmp_path: Path) -> None:
    for statement in STATEMENTS:
        (names, found), (file_names, in_file) = rows(url, statement), rows(tmp_path / "j", statement)
        assert names == file_names
        assert comparable(found) == comparable(in_file)
        assert found


def comparable(found: list[list[Any]]) -> list[list[str]]:
    """Return rows without what the two databases write in other ways: spaces in JSON, whole numbers, odd texts."""
    texts = [
        [str(value).replace(" ", "").replace(".0", "").replace("\ufffd\ufffd\ufffd", "\ufffd") for value in row]
        for row in found
    ]
    return sorted(
        row for row in texts if not any("exec_\\303" in text or ODD in text or "invalid" in text for text in row)
    )


def test_texts_that_are_no_text_and_events_that_are_no_json_are_shown(url: JournalUrl) -> None:
    _, found = rows(url, "SELECT run, type, node FROM events WHERE type IS NULL OR node IS NOT NULL ORDER BY position")
    assert found[-4:] == [
        ["exec_\\303\\244\\360\\237\\230\\200\\000", "scaicore.runtime.block.failed", "pay"],
        [None, None, None],
        ["exec_1", "invalid \xff", "n"],
        [None, "lone \ufffd", "7"],
    ]
    _, ((payload,),) = rows(url, "SELECT payload FROM events WHERE payload LIKE '%NUL%'")
    assert "NUL \ufffd and € and" in json.loads(payload)["input"]["text"]


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("DELETE FROM runs", "syntax error"),
        ("SELECT 1; SELECT 2", "syntax error"),
        ("SELECT 1) AS x; DROP SCHEMA public; SELECT (1", "multiple commands"),
        ("WITH gone AS (DELETE FROM events RETURNING 1) SELECT * FROM gone", "syntax error|data-modifying|relation"),
        ("SELECT set_config('transaction_read_only', 'off', false)", "read-write mode"),
        ("SELECT * FROM gaps", 'relation "gaps" does not exist'),
        ("SELECT * FROM identity", "does not exist"),
        ("", "syntax error"),
        ("SELECT '", "unterminated"),
    ],
)
def test_what_may_not_be_done_is_refused(url: JournalUrl, statement: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        rows(url, statement)
    assert caught.value.effect == "nothing was changed"


def test_a_statement_that_takes_too_long_is_ended(url: JournalUrl) -> None:
    with pytest.raises(TimedOut, match=r"ended after 0\.05 s"):
        rows(url, "SELECT count(*) FROM events a, events b, events c, events d, events e", 0.05)
    clock = ManualClock()
    with query_journal(url, "SELECT * FROM events a, events b", clock, 1.0) as result:
        clock.advance(2)
        with pytest.raises(TimedOut):
            list(result.rows)
    assert rows(url, "SELECT count(*) FROM runs")[1] == [[15]]
