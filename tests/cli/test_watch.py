"""`watch` prints a line for each change of a real grid's runs, through outages, and exits with the right code."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scaicore_tui.servers.grid.http import rate_limits
from tests.support.core_inputs import GOOD, SPOILED, TRIP
from tests.support.grid import MANAGER
from tests.support.program import COMMAND, FAST_POLLING, TIMEOUT_S, FastGrid, Program, fast_grid, next_line_with
from tests.support.tcp_relay import relay
from tests.support.terminal import Terminal

RUNTIME = "scaicore.runtime."
CHANGES = {
    "invocation.started": "run_began",
    "block.entered": "node_entered",
    "block.exited": "node_exited",
    "block.failed": "node_failed",
    "invocation.completed": "run_completed",
    "invocation.failed": "run_failed",
}


@contextmanager
def watching(program: Program, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run `watch` for all runs; yield once it has read the past events."""
    with program.started("watch", *FAST_POLLING, *arguments) as process:
        assert next_line_with(process.stderr, "watching ")
        yield process


def rest(process: subprocess.Popen[str]) -> list[Any]:
    """Return the rest of the output, parsed from JSON lines."""
    assert process.stdout is not None
    return [json.loads(line) for line in process.stdout]


def expected(grid: FastGrid) -> list[tuple[str, str, str | None]]:
    """Return the expected changes of all runs of the grid."""
    found = grid.portal.call(grid.served.grid.store.events)
    steps = [(event["type"].removeprefix(RUNTIME), event["payload"]) for event in found]
    return [
        (CHANGES[kind], payload["execution_id"], payload.get("node_id")) for kind, payload in steps if kind in CHANGES
    ]


def changes_of(lines: Sequence[Any]) -> list[tuple[str, str, str | None]]:
    """Return change, execution id and node id of each line that is not about a checkpoint."""
    return [(line["change"], line["execution_id"], line["node_id"]) for line in lines if "checkpoint" not in line]


@pytest.mark.parametrize(
    ("values", "flags", "code", "last"),
    [
        (GOOD, ("--exit-status",), 0, "  completed  "),
        (SPOILED, ("--exit-status",), 1, "run failed"),
        (SPOILED, (), 0, "run failed"),
        (SPOILED, ("--until", "failed"), 0, "run failed"),
        (GOOD, ("--until", "any"), 0, "  completed  "),
        (GOOD, ("--until", "waiting"), 1, "  completed  "),
    ],
)
def test_watching_an_ended_run_prints_its_changes_and_ends(
    grid: FastGrid, writer: Program, values: dict[str, Any], flags: tuple[str, ...], code: int, last: str
) -> None:
    execution = grid.finish_run("core_invoice-batch", values)
    done = writer("watch", execution[:12], *flags)
    first, *_, end = done.stdout.splitlines()
    assert (done.returncode, "run began" in first, last in end) == (code, True, True)
    assert all(execution in line for line in done.stdout.splitlines())
    assert ("has ended without being waiting" in done.stderr) == (flags[-1:] == ("waiting",))


def test_the_columns_of_the_output_are_aligned(grid: FastGrid, writer: Program) -> None:
    execution = grid.finish_run("core_invoice-batch", SPOILED)
    lines = writer.lines("--ascii", "watch", execution)
    assert {line[11:28] for line in lines} == {execution}
    assert {line[30] for line in lines} == {"*", "+", "x"}
    assert all(line[8] == "Z" and line[29] == line[31] == " " for line in lines)
    assert "VENDOR_UNKNOWN: vendor 'Unknown Trading Ltd' has no account" in lines[-1]


def test_a_waiting_run_is_watched_until_its_end(busy_grid: FastGrid, watcher: Program) -> None:
    execution = busy_grid.finish_run("core_expense-approval", TRIP)
    (checkpoint_id,) = busy_grid.pending()
    assert watcher.lines("watch", "@latest", "--until", "waiting", *FAST_POLLING)[-1].split()[4:7] == [
        "review",
        "·",
        checkpoint_id,
    ]
    with watcher.started("watch", "@latest", "--json", *FAST_POLLING) as process:
        assert (
            json.loads(next_line_with(process.stdout, "checkpoint_waits"))["checkpoint"]["checkpoint_id"]
            == checkpoint_id
        )
        watcher.json_output("resolve", checkpoint_id, "approve", "--yes", "--json")
        lines = rest(process)
        assert process.wait(TIMEOUT_S) == 0
    answered = next(line for line in lines if line["change"] == "checkpoint_answered")
    assert (answered["checkpoint"]["resolution"], answered["execution_id"]) == ("approve", execution)
    assert lines[-1]["change"] == "run_completed"
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)


def test_no_change_of_any_run_is_missed_while_the_server_is_unreachable(tmp_path: Path, busy_grid: FastGrid) -> None:
    """More than two pages of events are written meanwhile; the last run waits."""
    grid = busy_grid
    grid.finish_run("core_invoice-batch", GOOD)
    past = len(expected(grid))
    with grid.portal.wrap_async_context_manager(relay(grid.served.url)) as connection:
        program = Program(tmp_path, grid.settings(MANAGER) | {"SCAIGRID_BASE_URL": connection.url})
        with watching(program, "--json", "--until", "waiting") as process:
            grid.portal.call(connection.down)
            next_line_with(process.stderr, "connection lost: ")
            while len(expected(grid)) < past + 1_100:
                grid.finish_run("core_invoice-batch", GOOD)
            grid.finish_run("core_expense-approval", TRIP)
            grid.portal.call(connection.up)
            lines = rest(process)
            assert process.wait(TIMEOUT_S) == 0
    assert lines[-1]["change"] == "checkpoint_waits"
    assert changes_of(lines) == expected(grid)[past:]


def test_a_run_that_fails_while_the_server_is_unreachable_exits_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "REQUESTS_PER_API_KEY", 100_000)
    with (
        fast_grid(rate_limits=True, speed=1.0) as grid,
        grid.portal.wrap_async_context_manager(relay(grid.served.url)) as connection,
    ):
        program = Program(tmp_path, grid.settings(MANAGER) | {"SCAIGRID_BASE_URL": connection.url})
        run = grid.begin_run("core_invoice-batch", SPOILED)
        with program.started("watch", run.execution.id, "--exit-status", *FAST_POLLING) as process:
            assert "run began" in next_line_with(process.stdout, "")
            grid.portal.call(connection.down)
            next_line_with(process.stderr, "connection lost: ")
            grid.wait_for_run(run)
            assert grid.status(run.execution.id) == "failed"
            grid.portal.call(connection.up)
            assert "run failed" in next_line_with(process.stdout, "run failed")
            assert process.wait(TIMEOUT_S) == 1


def test_a_lost_and_restored_server_is_reported(tmp_path: Path, busy_grid: FastGrid) -> None:
    with busy_grid.portal.wrap_async_context_manager(relay(busy_grid.served.url)) as connection:
        program = Program(tmp_path, busy_grid.settings(MANAGER) | {"SCAIGRID_BASE_URL": connection.url})
        with watching(program) as process:
            for _ in range(2):
                busy_grid.portal.call(connection.down)
                # A request that was on its way is answered by the end of its connection.
                lost = next_line_with(process.stderr, "")
                assert "nothing listens there" in lost or "closed the connection without a response" in lost
                busy_grid.portal.call(connection.up)
                assert "connection restored after " in next_line_with(process.stderr, "")
            process.send_signal(signal.SIGINT)
            assert (process.wait(TIMEOUT_S), process.communicate()) == (130, ("", ""))


def test_an_answer_and_the_end_of_a_run_are_reported_after_an_outage(tmp_path: Path, busy_grid: FastGrid) -> None:
    grid = busy_grid
    execution = grid.finish_run("core_expense-approval", TRIP)
    (checkpoint_id,) = grid.pending()
    with grid.portal.wrap_async_context_manager(relay(grid.served.url)) as connection:
        program = Program(tmp_path, grid.settings(MANAGER) | {"SCAIGRID_BASE_URL": connection.url})
        with program.started("watch", execution, "--json", "--exit-status", *FAST_POLLING) as process:
            first = next_line_with(process.stdout, "checkpoint_waits")
            grid.portal.call(connection.down)
            next_line_with(process.stderr, "connection lost: ")
            Program(tmp_path, grid.settings(MANAGER)).lines("resolve", checkpoint_id, "approve", "--yes")
            grid.portal.call(connection.up)
            lines = rest(process)
            assert process.wait(TIMEOUT_S) == 0
    answered = [line["checkpoint"]["resolution"] for line in lines if line["change"] == "checkpoint_answered"]
    assert (json.loads(first)["execution_id"], answered) == (execution, ["approve"])
    assert lines[-1]["change"] == "run_completed"
    shown = program.with_variables(SCAIGRID_BASE_URL=grid.served.url).lines("watch", execution, "--json")
    assert [line for line in map(json.loads, shown) if "checkpoint" not in line][-len(lines) + 1 :] == [
        line for line in lines if "checkpoint" not in line
    ]


def test_an_expired_timeout_exits_with_8(grid: FastGrid, writer: Program) -> None:
    grid.finish_run("core_expense-approval", TRIP)
    done = writer("watch", "@latest", "--until", "completed", "--timeout", "1")
    assert (done.returncode, done.stdout != "") == (8, True)
    assert "watched for 1 s: @latest is not completed" in done.stderr
    assert writer("watch", "--timeout", "1").returncode == 8


def test_invalid_arguments_have_their_exit_codes(writer: Program) -> None:
    assert writer("watch", "exec_unknown").returncode == 5
    assert writer("watch", "--until", "better").returncode == 2
    assert writer.with_variables(SCAIGRID_API_KEY="sgk_unknown")("watch").returncode == 4
    assert writer("watch", "--offline").returncode == 2
    assert writer("watch", "--url", f"{writer.settings['SCAIGRID_BASE_URL']}/elsewhere").returncode == 5


def test_a_server_that_is_unreachable_at_the_start_is_waited_for(tmp_path: Path, busy_grid: FastGrid) -> None:
    grid = busy_grid
    execution = grid.finish_run("core_invoice-batch", GOOD)
    with grid.portal.wrap_async_context_manager(relay(grid.served.url)) as connection:
        grid.portal.call(connection.down)
        program = Program(tmp_path, grid.settings(MANAGER) | {"SCAIGRID_BASE_URL": connection.url})
        with program.started("watch", execution, "--json", *FAST_POLLING) as process:
            assert "nothing listens there" in next_line_with(process.stderr, "connection lost: ")
            grid.portal.call(connection.up)
            assert rest(process)[-1]["change"] == "run_completed"
            assert process.wait(TIMEOUT_S) == 0


def test_a_timeout_before_the_first_response_names_the_cause(writer: Program) -> None:
    done = writer("watch", "--timeout", "3", "--url", "http://127.0.0.1:1")
    assert (done.returncode, done.stdout) == (8, "")
    assert "watched for 3 s: nothing could be read: cannot reach 127.0.0.1:1" in done.stderr


def test_ctrl_c_exits_with_130(watcher: Program) -> None:
    with watching(watcher) as process:
        process.send_signal(signal.SIGINT)
        assert (process.wait(TIMEOUT_S), process.communicate()) == (130, ("", ""))


def test_a_reader_that_closes_the_pipe_early_ends_watch(busy_grid: FastGrid, watcher: Program) -> None:
    with watching(watcher) as process:
        assert process.stdout is not None
        process.stdout.close()
        busy_grid.finish_run("core_invoice-batch", GOOD)
        assert process.wait(TIMEOUT_S) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_a_failure_notifies_the_terminal_with_counts_only(busy_grid: FastGrid, watcher: Program) -> None:
    busy_grid.finish_run("core_invoice-batch", SPOILED)
    command = [*COMMAND, "watch", "--notify", "--until", "failed", *FAST_POLLING]
    with Terminal(watcher.home, command, size=(120, 24), env=watcher.settings, warm=True) as terminal:
        terminal.wait_until("watching ")
        assert b"\x07" not in terminal.output
        busy_grid.finish_run("core_invoice-batch", SPOILED)
        assert terminal.wait() == 0
    assert bytes(terminal.output).count(b"\x07\x1b]9;scaicore-tui: 1 failed\x1b\\") == 1
    assert terminal.text.count("run failed") == 1
    piped = watcher("watch", "@latest", "--notify")
    assert "\x07" not in piped.stdout + piped.stderr


def test_the_app_notifies_the_terminal_with_notify(busy_grid: FastGrid, watcher: Program) -> None:
    busy_grid.finish_run("core_invoice-batch", SPOILED)
    command = [*COMMAND, "--notify", "--no-journal", *FAST_POLLING]
    with Terminal(watcher.home, command, size=(80, 24), env=watcher.settings, warm=True) as terminal:
        terminal.wait_until("live")
        terminal.wait_until("1 fail")
        assert b"\x07\x1b]9" not in terminal.output
        busy_grid.finish_run("core_expense-approval", TRIP)
        terminal.wait_until(lambda: b"\x07\x1b]9;scaicore-tui: 1 waiting for you\x1b\\" in terminal.output)
        terminal.wait_until("Waiting 1")
        terminal.press("q")
        assert terminal.wait() == 0
