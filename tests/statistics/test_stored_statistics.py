"""What is read from the statistics of a journal: the same as computed from all runs, and by the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from scaicore_tui.cli.commands.read import list_runs
from scaicore_tui.cli.commands.schema import read_schema
from scaicore_tui.cli.commands.stats import parse_since, print_stats
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.queries import RunSelection
from scaicore_tui.config import Target
from scaicore_tui.config.views import Grouping
from scaicore_tui.errors import StorageError, UsageError
from scaicore_tui.protocol import Event
from scaicore_tui.session import Session, open_recorded_session, open_statistics
from scaicore_tui.store import Journal, JournalWriter
from scaicore_tui.store.statistics import StoredStatistics
from tests.support.builders import NOON, SECOND, completed, entered, event, exited, started
from tests.support.journals import Journals
from tests.support.old_journal import old_journal

MINUTE = 60 * SECOND
PERIOD = (NOON, NOON + 10 * MINUTE)


def scene() -> list[Event]:
    """Return a run a minute for ten minutes. From the sixth on, they fail in `pay`."""
    found: list[Event] = []
    for number in range(10):
        key, at = f"exec_{number}", NOON + number * MINUTE
        found += [started(at, key), entered("plan", at, key), exited("plan", at + (number + 1) * SECOND, key)]
        found.append(entered("pay", at + 20 * SECOND, key))
        if number < 5:
            found += [exited("pay", at + 21 * SECOND, key), completed(at + 22 * SECOND, key)]
        else:
            error = f"BANK_DOWN: no answer in {number} s"
            found.append(event("block.failed", at + 21 * SECOND, key, node_id="pay", block_kind="rigid", error=error))
            found.append(event("invocation.failed", at + 22 * SECOND, key, error=error))
    return found


def write_scene(journal: Journal) -> JournalWriter:
    writer = JournalWriter(journal)
    writer.prepare()
    writer.append_new(scene())
    return writer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Journal.open(tmp_path / "j") as journal:
        write_scene(journal)
    return tmp_path / "j"


def test_rates_causes_and_paths_are_read_by_period_and_core(journals: Journals) -> None:
    with journals.scratch() as journal:
        write_scene(journal)
        stored = StoredStatistics(journal)
        rate = stored.rate(PERIOD, 10, with_durations=True)
        assert [(column.runs, column.failed) for column in rate.columns] == [(1, 0)] * 5 + [(1, 1)] * 5
        assert (rate.columns[0].p95_ms, rate.newest_failure_at) == (22_000.0, NOON + 9 * MINUTE + 22 * SECOND)
        assert stored.rate(PERIOD, 10, "core_b").runs == 0
        assert stored.rate(PERIOD, 10).columns[0].p95_ms is None
        (cause,) = stored.failures_by_cause(PERIOD)
        assert (cause.code, cause.text, cause.count) == ("BANK_DOWN", "no answer in # s", 5)
        assert stored.failures_by_cause((NOON, NOON + MINUTE)) == []
        assert stored.failures_by_cause(PERIOD, "core_b") == []
        (variant,) = stored.variants(PERIOD)
        assert (variant.path, variant.count, variant.failed) == (("plan", "pay"), 10, 5)
        figures = {row.node_id: row for row in stored.figures(NOON)}
        assert figures["plan"].p95_ms == pytest.approx(10_000, rel=0.01)
        assert (figures["pay"].visits, figures["pay"].failed) == (10, 5)
        assert stored.figures(NOON, "core_b") == stored.figures(NOON + 86_400 * SECOND) == []
        assert [row.p95_ms for row in stored.exact_figures(NOON, "core_a")] == [1_000.0, 10_000.0]


def test_a_cause_is_new_if_no_day_before_had_it(journals: Journals) -> None:
    tomorrow = NOON + 86_400 * SECOND
    with journals.scratch() as journal:
        writer = write_scene(journal)
        for key, code in (("exec_known", "BANK_DOWN: no answer in 77 s"), ("exec_new", "NO_MONEY: empty")):
            failed = event("block.failed", tomorrow, key, node_id="pay", block_kind="rigid", error=code)
            end = event("invocation.failed", tomorrow, key, error=code)
            writer.append_new([started(tomorrow, key), entered("pay", tomorrow, key), failed, end])
        stored = StoredStatistics(journal)
        found = {group.code: group for group in stored.failures_by_cause((tomorrow, tomorrow + MINUTE))}
        assert {code: (group.count, group.is_new) for code, group in found.items()} == {
            "BANK_DOWN": (1, False),
            "NO_MONEY": (1, True),
        }
        both = stored.failures_by_cause((NOON, tomorrow + MINUTE), "core_a")
        assert (both[0].count, both[0].first_at, both[0].last_at, both[0].example) == (
            *(6, NOON + 5 * MINUTE + 22 * SECOND),
            *(tomorrow, "exec_known"),
        )


async def test_a_session_reads_what_is_usual_for_a_core(path: Path) -> None:
    target = Target(url="http://127.0.0.1:1/api/v1", name="test", offline=True)
    async with Session(target, Journal.open(path)) as session:
        usual = await session.statistics.usual("core_a", NOON + 86_400 * SECOND)
        assert usual["plan"].visits == 10
        assert await session.statistics.usual("core_a", NOON + 40 * 86_400 * SECOND) == {}
        assert (await session.statistics.rate(PERIOD, 10)).failed == 5
        assert len(await session.statistics.failures_by_cause(PERIOD)) == 1
        assert len(await session.statistics.variants(PERIOD)) == 1
        assert len(await session.statistics.figures(None)) == 2


async def test_a_recording_that_is_not_counted_yet_is_counted_in_a_copy(path: Path) -> None:
    """As after an upgrade, while another process still counts."""
    with Journal.open(path) as journal, journal.transaction() as database:
        database.execute("UPDATE folding SET counted = 0")
        database.execute("UPDATE runs SET is_counted = 0")
        database.execute("DELETE FROM node_parts")
    async with open_recorded_session(Target(url="http://127.0.0.1:1", name="test"), path) as session:
        await session.load()
        assert session.journal_problem == ""
        assert [row.visits for row in await session.statistics.figures(None)] == [10, 10]
    with open_statistics(path) as stored:
        assert [row.visits for row in stored.figures()] == [10, 10]
    with Journal.open_readonly(path) as journal:
        assert journal.query("SELECT counted FROM folding") == [(0,)]


def valid(name: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the printed document, which matches the schema `name`."""
    document = json.loads(capsys.readouterr().out)
    Draft202012Validator(json.loads(read_schema(name))).validate(document)
    return document


@pytest.mark.parametrize("kind", ["journal", "lines", "old journal"])
async def test_stats_prints_the_same_for_every_recording(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    recorded = {"journal": path, "lines": tmp_path / "lines", "old journal": tmp_path / "old"}[kind]
    if kind == "lines":
        recorded.write_bytes(b"\n".join(each.raw for each in scene()))
    elif kind == "old journal":
        old_journal(recorded, scene())
    common = Common(offline=True, journal=recorded)
    await print_stats(common, "2026-04-29", exact=False, json=True)
    rows = valid("stats", capsys)
    assert [(row["node_id"], row["visits"], row["failed"], row["exact"]) for row in rows] == [
        ("pay", 10, 5, False),
        ("plan", 10, 0, False),
    ]
    await print_stats(common, None, exact=True, json=True)
    assert [row["p95_ms"] for row in valid("stats", capsys)] == [1_000.0, 10_000.0]


async def test_tables_of_stats_and_groups(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = Common(offline=True, journal=path, ascii=True)
    await print_stats(common, None, exact=False, json=False)
    shown = capsys.readouterr()
    assert [line.split()[:4] for line in shown.out.splitlines()[1:]] == [
        ["core_a", "pay", "10", "5"],
        ["core_a", "plan", "10", "0"],
    ]
    assert "within 1 %" in shown.err
    await list_runs(common, RunSelection(group=Grouping.ERROR, failed=True), json=False)
    assert "BANK_DOWN: no answer in # s" in capsys.readouterr().out
    await list_runs(common, RunSelection(group=Grouping.VARIANT, failed=False), json=False)
    assert "plan > pay" in capsys.readouterr().out
    await list_runs(common, RunSelection(group=Grouping.STATUS, failed=False), json=False)
    assert capsys.readouterr().out.split()[:6] == ["STATUS", "RUNS", "FAILED", "P95", "LAST", "EXAMPLE"]


async def test_groups_as_json_match_their_schemas(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = Common(offline=True, journal=path)
    await list_runs(common, RunSelection(group=Grouping.ERROR, failed=False), json=True)
    (group,) = valid("runs-by-error", capsys)
    assert (group["core_id"], group["node_id"], group["count"], group["example"]) == ("core_a", "pay", 5, "exec_9")
    await list_runs(common, RunSelection(group=Grouping.VARIANT, failed=False), json=True)
    assert valid("runs-by-variant", capsys)[0]["share"] == 1
    await list_runs(common, RunSelection(group=Grouping.NODE, failed=False), json=True)
    assert [row["value"] for row in valid("runs-by-core", capsys)] == ["pay", "plan"]


def test_since_is_an_age_or_a_time() -> None:
    now = NOON / SECOND
    assert parse_since("30d", now) == NOON - 30 * 86_400 * SECOND
    assert parse_since("12h", now) == NOON - 12 * 3_600 * SECOND
    assert parse_since("2026-04-29T12:00:00Z", now) == NOON
    with pytest.raises(UsageError, match="is not a time"):
        parse_since("yesterday", now)


def test_a_damaged_part_is_reported(path: Path) -> None:
    with Journal.open(path) as journal:
        with journal.transaction() as database:
            database.execute("UPDATE node_parts SET source = 'x'")
        with pytest.raises(StorageError, match="damaged"):
            StoredStatistics(journal).counts()
