"""Several `record` processes into one journal on a server: one leads, others take over, and nothing is lost."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from scaicore_tui.api.page_size import MAX_PAGE_ROWS
from tests.support.core_inputs import GOOD
from tests.support.grid import MANAGER
from tests.support.program import TIMEOUT_S, FastGrid, Program, next_line_with

pytest.importorskip("psycopg")
from tests.support import postgres

if TYPE_CHECKING:
    from tests.support.server_journals import ServerJournals

# Long enough for a takeover within two of them on a busy machine.
INTERVAL_S = 2.0


@pytest.fixture
def url(server_journals: ServerJournals) -> Iterator[str]:
    with server_journals.new_database() as found:
        yield found


@contextmanager
def traffic(grid: FastGrid) -> Iterator[None]:
    """Let runs begin and end all the time."""
    is_over = threading.Event()

    def work() -> None:
        while not is_over.wait(0.05):
            grid.finish_run("core_invoice-batch", GOOD)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


class Recorder:
    """A `record` process with a home folder of its own, started anew by `start`."""

    def __init__(self, stack: ExitStack, program: Program, url: str) -> None:
        self._stack = stack
        self.program = program
        self._url = url
        self.start()

    def start(self, *options: str) -> None:
        options = ("--json", "--journal", self._url, "--interval", str(INTERVAL_S), *options)
        self.process = self._stack.enter_context(self.program.started("record", *options))

    def wait_for(self, text: str) -> float:
        """Wait for a message; return when it was read."""
        next_line_with(self.process.stderr, text)
        return monotonic()

    def end(self, number: signal.Signals = signal.SIGTERM) -> Any:
        """End the process; return its summary, None after SIGKILL."""
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=TIMEOUT_S)
        assert self.process.returncode == (-number if number == signal.SIGKILL else 128 + number)
        return json.loads(output) if output else None


def two_recorders(stack: ExitStack, grid: FastGrid, folder: Path, url: str) -> tuple[Recorder, Recorder]:
    """Start two recorders, of which the first leads."""
    programs = [Program(folder / name, grid.settings(MANAGER)) for name in ("one", "two")]
    first = Recorder(stack, programs[0], url)
    first.wait_for("recording ")
    second = Recorder(stack, programs[1], url)
    second.wait_for("standing by: the recorder on ")
    return first, second


def check(grid: FastGrid, program: Program, url: str) -> Any:
    """Check that a last recording leaves in the journal what the grid offered, in its order; return its summary."""
    summary = program.json_output("record", "--json", "--journal", url, "--until-idle", "0.5", "--interval", "0.2")
    assert (summary["duplicates"], summary["gaps"], summary["open_gaps"]) == (0, 0, 0)
    offered = list(grid.portal.call(grid.served.grid.store.events))
    assert [json.loads(line) for line in program.lines("events", "--journal", url, "--offline", "--json")] == offered
    assert summary["events"] == len(offered)
    return summary


def test_a_stand_by_takes_over_within_two_intervals(busy_grid: FastGrid, url: str, tmp_path: Path) -> None:
    busy_grid.finish_run("core_invoice-batch", GOOD)
    with ExitStack() as stack:
        first, second = two_recorders(stack, busy_grid, tmp_path, url)
        refused = first.program("record", "--journal", url, "--no-standby")
        assert (refused.returncode, "another scaicore-tui is writing to" in refused.stderr) == (6, True)
        with traffic(busy_grid):
            began = monotonic()
            assert first.end()["recorded"] > 0
            assert second.wait_for("recording ") - began < 2 * INTERVAL_S

            first.start()
            first.wait_for("standing by: the recorder on ")
            began = monotonic()
            second.end(signal.SIGKILL)
            assert first.wait_for("recording ") - began < 2 * INTERVAL_S

            second.start()
            second.wait_for("standing by: the recorder on ")
            began = monotonic()
            first.process.send_signal(signal.SIGSTOP)
            assert second.wait_for("recording ") - began < 2 * INTERVAL_S
            first.process.send_signal(signal.SIGCONT)
            first.wait_for("standing by: the recorder on ")
        assert first.end()["team"]["stood_by"]
        assert second.end()["team"]["kept_locally"] == 0
        check(busy_grid, first.program, url)


def test_nothing_is_lost_while_the_server_of_the_journal_is_away(busy_grid: FastGrid, tmp_path: Path) -> None:
    if reason := postgres.missing():
        pytest.skip(reason)
    with ExitStack() as stack, postgres.own_server() as server:
        first = Recorder(stack, Program(tmp_path, busy_grid.settings(MANAGER)), server.url)
        first.wait_for("recording ")
        with traffic(busy_grid):
            for how in ("INT", "QUIT"):
                server.stop(how)
                first.wait_for("events are kept in ")
                server.start()
                first.wait_for("events that were kept in a file are delivered")
            server.stop("QUIT")
            first.wait_for("events are kept in ")
            (kept,) = (tmp_path / "XDG_STATE_HOME" / "scaicore-tui" / "undelivered").glob("*.journal")
            while first.program("events", "--journal", str(kept), "--json").stdout.count("\n") <= MAX_PAGE_ROWS:
                assert first.process.poll() is None
            first.end(signal.SIGKILL)
        assert kept.stat().st_mode & 0o777 == 0o600
        first.start("--for", "2")
        first.wait_for("events are kept in ")
        output, messages = first.process.communicate(timeout=TIMEOUT_S)
        assert (first.process.returncode, json.loads(output)["team"]["is_counted"]) == (9, False)
        assert "the next `record` on this machine delivers them" in messages
        server.start()
        assert check(busy_grid, first.program, server.url)["team"]["delivered"] > 0
        assert not kept.exists()
