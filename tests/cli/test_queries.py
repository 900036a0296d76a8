"""`--where`, `--since`, `--sort`, `--limit`, `--group`, `--view` and `sql`, on a recorded journal."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from scaicore_tui.store import Journal, JournalWriter
from tests.support.builders import NOON, SECOND, entered, event, started
from tests.support.program import Program

FAILURE = {"error": "BANK_DOWN: no answer in 30 s"}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a journal with three runs: failed after 5 s, completed after 20 s, and open."""
    path = tmp_path_factory.mktemp("queries") / "j.journal"
    with Journal.open(path) as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        writer.rebuild_missing()
        writer.append_new(
            [
                started(NOON, "exec_bad", input={"order": {"lines": [{"net": 7}, {"net": 900}]}}),
                entered("pay", NOON + SECOND, "exec_bad"),
                event("block.failed", NOON + 4 * SECOND, "exec_bad", node_id="pay", **FAILURE),
                event("invocation.failed", NOON + 5 * SECOND, "exec_bad", **FAILURE),
                started(NOON + 10 * SECOND, "exec_good", input={"order": None}),
                entered("pay", NOON + 11 * SECOND, "exec_good"),
                event("block.exited", NOON + 29 * SECOND, "exec_good", node_id="pay"),
                event("invocation.completed", NOON + 30 * SECOND, "exec_good", output={"paid": True}),
                started(NOON + 40 * SECOND, "exec_open"),
                entered("ask", NOON + 41 * SECOND, "exec_open"),
            ]
        )
    return path


@pytest.fixture
def offline(program: Program, recorded: Path) -> tuple[Program, tuple[str, ...]]:
    return program, ("--offline", "--journal", str(recorded))


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["--where", "status:failed"], ["exec_bad"]),
        (["--where", "node:pay", "--sort", "duration"], ["exec_good", "exec_bad"]),
        (["--where", "!status:failed", "--limit", "1"], ["exec_open"]),
        (["--where", "error~/down.*\\d+ s$/ started:2026-04-29"], ["exec_bad"]),
        (["--where", "input.order.lines.net>800"], ["exec_bad"]),
        (["--where", "output.paid=true"], ["exec_good"]),
        (["--where", "visits=1 !is:running"], ["exec_good", "exec_bad"]),
        (["--where", "kind:nothing"], []),
        (["--since", "2026-04-29T12:00:20Z"], ["exec_open", "exec_good"]),
        (["--since", "1h"], []),
        (["--sort", "core", "--limit", "2"], ["exec_open", "exec_good"]),
    ],
)
def test_runs_are_selected_ordered_and_limited(
    offline: tuple[Program, tuple[str, ...]], options: list[str], ids: list[str]
) -> None:
    program, source = offline
    found = program.json_output("runs", "--json", *options, *source)
    assert [run["execution_id"] for run in found] == ids


def test_a_file_of_json_lines_is_searched_too(offline: tuple[Program, tuple[str, ...]], tmp_path: Path) -> None:
    program, source = offline
    lines = tmp_path / "events.jsonl"
    lines.write_text(program("events", "--json", *source).stdout)
    query = "node:pay visits=1 !input.order.lines.net>800"
    found = program.json_output("runs", "--json", "--where", query, "--offline", "--journal", str(lines))
    assert [run["execution_id"] for run in found] == ["exec_good"]


def test_runs_are_grouped(offline: tuple[Program, tuple[str, ...]]) -> None:
    program, source = offline
    (group,) = program.json_output("runs", "--group", "error", "--json", *source)
    assert (group["node_id"], group["code"], group["text"]) == ("pay", "BANK_DOWN", "no answer in # s")
    assert (group["count"], group["example"]) == (1, "exec_bad")
    assert group["first_at"] == group["last_at"] == "2026-04-29T12:00:05Z"
    by_node = program.json_output("runs", "--group", "node", "--json", *source)
    assert [(group["value"], group["count"], group["failed"]) for group in by_node] == [("pay", 2, 1), ("ask", 1, 0)]
    assert program.json_output("runs", "--group", "error", "--where", "core:nothing", "--json", *source) == []
    by_status = program("runs", "--group", "status", *source).stdout.splitlines()
    assert by_status[0].split() == ["STATUS", "RUNS", "FAILED", "P95", "LAST", "EXAMPLE"]
    assert {line.split()[-1] for line in by_status[1:]} == {"exec_open", "exec_good", "exec_bad"}


def test_events_are_selected(offline: tuple[Program, tuple[str, ...]]) -> None:
    program, source = offline
    rows = program.lines("events", "--json", "--where", "node:pay type:failed | payload.output.paid=true", *source)
    assert [json.loads(row)["payload"]["execution_id"] for row in rows] == ["exec_bad", "exec_good"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["runs", "--where", "stats:failed"], "runs have no field stats (character 1, at 'stats')"),
        (["events", "--where", "status:x"], "events have no field status"),
        (["runs", "--since", "yesterday"], "--since 'yesterday' is no time"),
        (["runs", "--view", "mine"], "no view 'mine'"),
    ],
)
def test_what_is_wrong_is_said(offline: tuple[Program, tuple[str, ...]], arguments: list[str], problem: str) -> None:
    program, source = offline
    done = program(*arguments, *source)
    assert (done.returncode, done.stdout) == (2, "")
    assert problem in done.stderr


def test_a_saved_view_has_a_query_an_order_and_a_grouping(tmp_path: Path, recorded: Path) -> None:
    program = Program(tmp_path, {})
    path = Path(program("config", "path").stdout.strip())
    path.parent.mkdir(parents=True)
    path.write_text('[views.slow]\nquery = "node:pay"\nsort = "duration"\n[views.causes]\ngroup = "error"\n')
    source = ("--offline", "--journal", str(recorded))
    found = program.json_output("runs", "--view", "slow", "--where", "started:2026-04-29", "--json", *source)
    assert [run["execution_id"] for run in found] == ["exec_good", "exec_bad"]
    assert [group["count"] for group in program.json_output("runs", "--view", "causes", "--json", *source)] == [1]
    path.write_text('[views.slow]\nquery = "nod:pay"\nsort = "size"\n[views.b]\nquery = "nod:pay"\n')
    assert "views.slow" in program("config", "check").stdout
    path.write_text('[views.slow]\nquery = "nod:pay"\n')
    checked = program("config", "check")
    assert checked.returncode == 2
    assert "views.slow.query: runs have no field nod" in checked.stdout
    assert "did you mean node?" in checked.stdout


VISITS = "SELECT run, node, state, duration_ms, error FROM visits ORDER BY entered"
COUNTS = "SELECT status, count(*) AS n FROM runs GROUP BY status ORDER BY status"


def test_sql_reads_the_views(offline: tuple[Program, tuple[str, ...]]) -> None:
    program, (_, *source) = offline
    assert program.json_output("sql", COUNTS, "--json", *source) == [
        {"status": "completed", "n": 1},
        {"status": "failed", "n": 1},
        {"status": "running", "n": 1},
    ]
    assert program("sql", "SELECT count(*) AS n FROM runs", *source).stdout.split() == ["n", "3"]
    rows = list(csv.reader(program.lines("sql", VISITS, "--csv", *source)))
    assert rows == [
        ["run", "node", "state", "duration_ms", "error"],
        ["exec_bad", "pay", "failed", "3000.0", FAILURE["error"]],
        ["exec_good", "pay", "exited", "18000.0", ""],
        ["exec_open", "ask", "entered", "", ""],
    ]
    table = program("sql", "SELECT run, error FROM runs WHERE failed_node = 'pay'", *source).stdout
    assert table.split() == ["run", "error", "exec_bad", *FAILURE["error"].split()]
    assert program.json_output("sql", "SELECT count(*) AS n, n FROM events, (SELECT 1 AS n)", "--json", *source) == [
        {"n": 10, "n_2": 1}
    ]


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("SELECT * FROM main.runs", 2),
        ("SELECT raw FROM main.events", 2),
        ("WITH runs AS (SELECT summary FROM main.runs) SELECT * FROM runs", 2),
        ("SELECT * FROM sqlite_master", 2),
        ("SELECT * FROM pragma_database_list", 2),
        ("DELETE FROM main.events", 2),
        ("DROP VIEW runs", 2),
        ("CREATE TEMP TABLE x (y)", 2),
        ("ATTACH ':memory:' AS other", 2),
        ("PRAGMA writable_schema = 1", 2),
        ("SELECT load_extension('x')", 2),
        ("SELECT 1; SELECT 2", 2),
        ("SELEC", 2),
        ("WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n", 8),
    ],
)
def test_sql_can_do_nothing_else(offline: tuple[Program, tuple[str, ...]], statement: str, code: int) -> None:
    program, (_, *source) = offline
    before = Path(source[1]).read_bytes()
    done = program("sql", statement, "--timeout", "200ms", *source)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert Path(source[1]).read_bytes() == before
