"""`record` stores each event once, through outages and interrupts, and prints a summary."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from anyio.from_thread import start_blocking_portal

from tests.support.builders import NOON, started
from tests.support.core_inputs import GOOD
from tests.support.grid import MANAGER
from tests.support.program import FAST_POLLING, TIMEOUT_S, FastGrid, Program, next_line_with
from tests.support.proxy import answer, grid_server
from tests.support.recording_upstream import upstream
from tests.support.tcp_relay import relay


def grid_events(grid: FastGrid) -> list[Any]:
    """Return all events of the grid, oldest first."""
    return list(grid.portal.call(grid.served.grid.store.events))


def journal_events(program: Program, journal: Path) -> list[Any]:
    """Return all events of the journal, oldest first."""
    return [json.loads(line) for line in program.lines("events", "--journal", str(journal), "--json")]


def wait_for_events(process: subprocess.Popen[str], program: Program, journal: Path, count: int) -> None:
    """Wait until the journal that `process` writes has `count` events. The file may not exist yet."""
    while program("events", "--journal", str(journal), "--json").stdout.count("\n") < count:
        assert process.poll() is None


def test_record_ends_after_an_idle_time(busy_grid: FastGrid, watcher: Program, tmp_path: Path) -> None:
    for _ in range(3):
        busy_grid.finish_run("core_invoice-batch", GOOD)
    journal = tmp_path / "j"
    summary = watcher.json_output("record", "--journal", str(journal), "--until-idle", "0.5", "--json", *FAST_POLLING)
    assert journal_events(watcher, journal) == grid_events(busy_grid)
    events = len(grid_events(busy_grid))
    assert summary["requests"] >= 4
    assert {name: summary[name] for name in summary if name != "requests"} == {
        "journal": str(journal),
        "events": events,
        "runs": 3,
        "recorded": events,
        "unsaved": 0,
        "duplicates": 0,
        "gaps": 0,
        "holes": 0,
        "open_gaps": 0,
        "history_unread": False,
        "checkpoints_unread": False,
        "unreadable": 0,
        "stale_dropped": 0,
    }
    again = watcher("record", "--journal", str(journal), "--for", "0.5", *FAST_POLLING)
    assert again.stdout.startswith(f"0 events recorded, {events} of 3 runs in the journal · 0 gaps · ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_recording_with_its_summary(
    busy_grid: FastGrid, watcher: Program, tmp_path: Path, number: signal.Signals
) -> None:
    busy_grid.finish_run("core_invoice-batch", GOOD)
    with watcher.started("record", "--json", "--journal", str(tmp_path / "j"), *FAST_POLLING) as process:
        next_line_with(process.stderr, "recording ")
        wait_for_events(process, watcher, tmp_path / "j", len(grid_events(busy_grid)))
        process.send_signal(number)
        output, messages = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, messages, json.loads(output)["events"]) == (
        128 + number,
        "",
        len(grid_events(busy_grid)),
    )


def test_no_event_is_lost_while_the_server_is_unreachable(busy_grid: FastGrid, tmp_path: Path) -> None:
    grid, journal = busy_grid, tmp_path / "j"
    grid.finish_run("core_invoice-batch", GOOD)
    with grid.portal.wrap_async_context_manager(relay(grid.served.url)) as connection:
        program = Program(tmp_path, grid.settings(MANAGER) | {"SCAIGRID_BASE_URL": connection.url})
        with program.started(
            "record", "--json", "--journal", str(journal), "--until-idle", "5", *FAST_POLLING
        ) as process:
            next_line_with(process.stderr, "recording ")
            wait_for_events(process, program, journal, 1)
            grid.portal.call(connection.down)
            next_line_with(process.stderr, "connection lost: ")
            while len(grid_events(grid)) < 1_200:
                grid.finish_run("core_invoice-batch", GOOD)
            grid.portal.call(connection.up)
            output, messages = process.communicate(timeout=TIMEOUT_S)
    assert "connection restored after " in messages
    summary = json.loads(output)
    assert (process.returncode, summary["gaps"], summary["holes"], summary["duplicates"]) == (0, 0, 0, 0)
    assert journal_events(program, journal) == grid_events(grid)


def test_two_processes_cannot_write_the_same_journal(busy_grid: FastGrid, watcher: Program, tmp_path: Path) -> None:
    options = ("--journal", str(tmp_path / "j"))
    with watcher.started("record", *options, *FAST_POLLING) as process:
        next_line_with(process.stderr, "recording ")
        rejected = watcher("record", *options, "--for", "1")
        assert (rejected.returncode, rejected.stdout) == (6, "")
        assert "another scaicore-tui is writing to" in rejected.stderr


@pytest.mark.parametrize(
    ("flags", "code", "text"),
    [
        (("--no-journal",), 2, "use it without --no-journal"),
        (("--journal", "/proc/j"), 9, "can't write a journal to /proc/j"),
        (("--journal", "/"), 9, "can't write a journal to /"),
        (("--offline",), 2, "this command needs the server, but --offline sends no requests"),
    ],
)
def test_invalid_options_are_rejected(writer: Program, flags: tuple[str, ...], code: int, text: str) -> None:
    done = writer("record", "--for", "1", *flags)
    assert (done.returncode, done.stdout) == (code, "")
    assert text in done.stderr


EMPTY_SUMMARY = "0 events recorded, 0 of 0 runs in the journal · 0 gaps · 0 duplicates"


def test_a_failed_recording_prints_its_summary_and_the_error(writer: Program) -> None:
    done = writer("record", "--url", "http://127.0.0.1:1")
    assert (done.returncode, done.stdout.startswith(EMPTY_SUMMARY)) == (3, True)
    assert done.stdout.rstrip().endswith("not read: events, the checkpoints")
    assert "nothing listens there" in done.stderr


def test_a_timeout_before_the_first_response_fails_with_3(program: Program) -> None:
    with upstream() as unresponsive:
        unresponsive.hold()
        settings = {"SCAICORE_TUI_URL": f"{unresponsive.url}/v1", "SCAICORE_TUI_TOKEN": MANAGER}
        done = program.with_variables(**settings)(
            "record", "--for", "0.5", "--json", "--journal", str(program.home / "unresponsive")
        )
        unresponsive.release()
    summary = json.loads(done.stdout)
    assert (done.returncode, summary["recorded"], summary["checkpoints_unread"]) == (3, 0, True)
    assert "did not answer · nothing was recorded" in done.stderr


def test_a_signal_before_the_first_response_ends_the_recording_with_its_summary(
    program: Program, tmp_path: Path
) -> None:
    with upstream() as unresponsive:
        unresponsive.hold()
        settings = {"SCAICORE_TUI_URL": f"{unresponsive.url}/v1", "SCAICORE_TUI_TOKEN": MANAGER}
        with program.with_variables(**settings).started(
            "record", "--json", "--journal", str(tmp_path / "j")
        ) as process:
            assert unresponsive.request_arrived.wait(TIMEOUT_S)
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=TIMEOUT_S)
        unresponsive.release()
    assert (process.returncode, json.loads(output)["events"]) == (128 + signal.SIGTERM, 0)


def test_the_summary_names_unread_history_and_the_limited_interval_is_reported(
    program: Program, tmp_path: Path
) -> None:
    """The feed has more pages than the rate limit allows to read in 2 s, and the checkpoints are never sent."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(grid_server()) as grid:
        body = b'{"data": {"events": [%b], "next_cursor": "%d"}}'
        events = [started(NOON - n, f"exec_{n}").raw for n in range(1_000)]

        async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            path = grid.received[-1].target.decode()
            if "/checkpoints" in path:
                await asyncio.Event().wait()
            start = int(dict(parse_qsl(urlsplit(path).query)).get("cursor", "0"))
            writer.write(
                answer(body % (b",".join(events[start : start + 20]), start + 20), "200 OK", "Connection: close")
            )
            await writer.drain()

        grid.behave = behave
        settings = {"SCAICORE_TUI_URL": f"{grid.url}/v1", "SCAICORE_TUI_TOKEN": MANAGER}
        options = ("--journal", str(tmp_path / "j"), "--interval", "0.5", "--for", "2")
        done = program.with_variables(**settings)("record", *options)
    assert done.returncode == 0, done.stderr
    assert "polling every 3 s: limited to 60 a minute" in done.stderr
    assert " events recorded, " in done.stdout
    assert done.stdout.rstrip().endswith("not read: older history, the checkpoints")
