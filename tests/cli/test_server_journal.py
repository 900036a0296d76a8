"""`record` into a journal on a PostgreSQL server, and the commands that read it: the same as with a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.core_inputs import GOOD
from tests.support.grid import MANAGER
from tests.support.program import FAST_POLLING, TIMEOUT_S, FastGrid, Program, next_line_with

if TYPE_CHECKING:
    from tests.support.server_journals import ServerJournals

# The commands that read a recording, with options by which their output is the same at any time.
READING = (
    ("runs", "--json"),
    ("runs", "--json", "--where", "status:completed events>3 invoice"),
    ("runs", "--json", "--group", "error"),
    ("show", "@latest", "--json"),
    ("events", "--json"),
    ("stats", "--json"),
    ("stats", "--answers", "--json"),
    ("sql", "SELECT run, status, started, duration_ms, events FROM runs ORDER BY run", "--csv"),
    ("export", "@latest", "--format", "jsonl"),
)


@pytest.fixture
def url(server_journals: ServerJournals) -> Iterator[str]:
    """Yield the URL of an empty database."""
    with server_journals.new_database() as found:
        yield found


def grid_events(grid: FastGrid) -> list[Any]:
    """Return all events of the grid, oldest first."""
    return list(grid.portal.call(grid.served.grid.store.events))


def journal_events(program: Program, journal: str) -> list[Any]:
    return [json.loads(line) for line in program.lines("events", "--journal", journal, "--json")]


def record(program: Program, journal: str) -> Any:
    return program.json_output("record", "--journal", journal, "--until-idle", "0.3", "--json", *FAST_POLLING)


def test_commands_read_the_same_from_a_server_as_from_a_file(
    busy_grid: FastGrid, watcher: Program, url: str, tmp_path: Path
) -> None:
    for _ in range(3):
        busy_grid.finish_run("core_invoice-batch", GOOD)
    busy_grid.waiting_review()
    on_server, in_file = record(watcher, url), record(watcher, str(tmp_path / "j"))
    assert on_server.pop("journal").startswith("postgresql:///")
    assert on_server["events"] == in_file["events"] == len(grid_events(busy_grid))
    assert journal_events(watcher, url) == grid_events(busy_grid)

    without_token = Program(tmp_path, {})
    runs = [row["execution_id"] for row in without_token.json_output("runs", "--json", "--offline", "--journal", url)]
    for command in (*READING, ("diff", runs[0], runs[1], "--json")):
        server, file = (
            without_token(*command, "--offline", "--journal", place) for place in (url, str(tmp_path / "j"))
        )
        assert (server.returncode, server.stdout) == (file.returncode, file.stdout), command
        assert server.stdout
    # The journal tells which API it is of.
    (pending,) = without_token.json_output("checkpoints", "--journal", url, "--json")
    assert [pending["id"]] == busy_grid.pending()
    assert without_token("watch", "--journal", url, "--timeout", "0.5").returncode == 8
    for refused in (("record", "--no-journal"),):
        done = watcher(*refused, "--journal", url)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), refused


def test_a_recording_survives_a_lost_connection_and_stores_no_token(
    busy_grid: FastGrid, watcher: Program, url: str, server_journals: ServerJournals
) -> None:
    busy_grid.finish_run("core_invoice-batch", GOOD)
    record(watcher, url)
    with watcher.started("record", "--json", "--journal", url, "--until-idle", "2", *FAST_POLLING) as process:
        next_line_with(process.stderr, "recording ")
        second = watcher("record", "--journal", url, "--no-standby", *FAST_POLLING)
        assert (second.returncode, "another scaicore-tui is writing to" in second.stderr) == (6, True)
        assert server_journals.end_connections(url) > 0
        busy_grid.finish_run("core_invoice-batch", GOOD)
        output, messages = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0
    assert "connection lost: can't use the journal" in messages
    assert json.loads(output)["duplicates"] == json.loads(output)["gaps"] == 0
    assert journal_events(watcher, url) == grid_events(busy_grid)
    assert server_journals.content_with(url, "invocation")
    assert server_journals.content_with(url, MANAGER) == []


def test_the_journal_of_a_profile_is_viewed_while_another_process_records_it(
    busy_grid: FastGrid, watcher: Program, url: str
) -> None:
    busy_grid.finish_run("core_invoice-batch", GOOD)
    waiting = busy_grid.waiting_review()
    config = watcher.home / "XDG_CONFIG_HOME" / "scaicore-tui" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'[profiles.default]\nurl = "{busy_grid.served.url}"\napi = "scaigrid"\njournal = "{url}"\n')
    # The environment of `watcher` has a token; viewing needs none.
    viewer = Program(watcher.home, {})
    missing = viewer("runs")
    assert (missing.returncode, "there is no journal" in missing.stderr) == (5, True)
    with watcher.started("record", *FAST_POLLING) as recording:
        next_line_with(recording.stderr, "recording ")
        with viewer.started("watch", "--json") as watching:
            next_line_with(watching.stderr, "watching ")
            finished = busy_grid.finish_run("core_invoice-batch", GOOD)
            assert json.loads(next_line_with(watching.stdout, finished))["execution_id"] == finished
            next_line_with(watching.stdout, "run_completed")
        assert finished in [row["execution_id"] for row in viewer.json_output("runs", "--json")]
        (listed,) = viewer.json_output("checkpoints", "--json")
        assert listed["id"] == waiting
        refused = viewer("resolve", waiting, "approve", "--yes")
        assert (refused.returncode, refused.stderr.count("\n")) == (4, 1)
        answered = watcher("resolve", waiting, "approve", "--yes", "--json")
        assert (answered.returncode, json.loads(answered.stdout)["progress"]) == (0, "confirmed"), answered.stderr


def test_doctor_says_what_works_and_what_a_role_may_do(
    busy_grid: FastGrid, watcher: Program, url: str, server_journals: ServerJournals
) -> None:
    def checks() -> dict[str, Any]:
        done = watcher("doctor", "--json", "--journal", url)
        return {row["name"]: row for row in json.loads(done.stdout)["checks"]}

    assert checks()["role"]["words"].endswith("may create the journal, which does not exist yet")
    record(watcher, url)
    found = checks()
    assert {name: found[name]["state"] for name in ("journal", "role", "tables", "server time", "notify")} == {
        **dict.fromkeys(("journal", "role", "tables", "server time", "notify"), "ok")
    }
    assert found["recorder"]["state"] == "warning"
    assert found["recorder"]["fix"].startswith("start one: scaicore-tui record")
    assert found["recorder"]["words"].startswith("none runs · the last one, on ")
    assert (found["role"]["facts"], found["journal"]["facts"]["tls"]) == ({"rights": ["read", "record", "answer"]}, "")
    assert "a local socket" in found["journal"]["words"]
    # Without an API, the journal can be viewed.
    viewer = Program(watcher.home, {})("doctor", "--json", "--journal", url)
    states = {row["name"]: row["state"] for row in json.loads(viewer.stdout)["checks"]}
    assert (viewer.returncode, states["api"], states["journal"]) == (0, "warning", "ok")
    broken = watcher("doctor", "--json", "--journal", url.replace("tester@", "nobody@"))
    assert broken.returncode in (4, 9)


def test_the_roles_are_printed_as_sql_that_the_owner_can_run(
    watcher: Program, url: str, server_journals: ServerJournals
) -> None:
    script = watcher("config", "journal-roles").stdout
    assert "GRANT USAGE ON SCHEMAS TO scaicore_viewer" in script
    assert "GRANT USAGE ON SCHEMAS" not in watcher("config", "journal-roles", "--by-feed").stdout
    server_journals.run_script(url, script)
    for_one = watcher("config", "journal-roles", "tester").stdout
    assert for_one.count("GRANT USAGE ON SCHEMA feed_") == 1
    server_journals.run_script(url, for_one)
