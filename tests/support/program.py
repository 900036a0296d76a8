"""The program as a child process with a home folder of its own; a demo and a fast grid for it to connect to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import IO, Any

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal

from scaicore_tui.servers.grid.engine.run import RunContext
from tests.support.core_inputs import APPROVAL, TRIP
from tests.support.grid import MODULE, Served, serving
from tests.support.token_leaks import LEAKS, CheckedProcess
from tests.support.warm_program import warm_server

COMMAND = (sys.executable, "-m", "scaicore_tui")
TIMEOUT_S = 60
FAST_POLLING = ("--interval", "0.2")
_REMOVED_VARIABLES = ("SCAI", "XDG_", "NO_COLOR", "COLUMNS", "TEXTUAL", "OTEL_")


@dataclass(frozen=True)
class Program:
    """The program with these environment variables, without those of the tests that would change its behaviour."""

    home: Path
    settings: Mapping[str, str]

    def __call__(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run the program to its end. Standard input is a pipe, never a terminal."""
        if warm_server().can_run(self.environment):
            done = warm_server().run(arguments, self.environment, stdin, TIMEOUT_S)
            for text in (done.stdout, done.stderr):
                LEAKS.check(" ".join(arguments), text)
            return done
        with self.started(*arguments) as process:
            output, errors = process.communicate(stdin, TIMEOUT_S)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def json_output(self, *arguments: str) -> Any:
        """Run the program, require success, and return its output as JSON."""
        done = self(*arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def lines(self, *arguments: str) -> list[str]:
        """Run the program, require success, and return the lines of its output."""
        done = self(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Start the program with pipes; kill it at the end of the block."""
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        with CheckedProcess([*COMMAND, *arguments], env=self.environment, **pipes) as process:
            try:
                yield process
            finally:
                process.kill()

    @property
    def environment(self) -> dict[str, str]:
        """All environment variables of the program."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_REMOVED_VARIABLES)}
        folders = {name: str(self.home / name) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME")}
        return {**kept, "HOME": str(self.home), **folders, **self.settings}

    def with_variables(self, **settings: str) -> Program:
        """Return the program with more environment variables."""
        return Program(self.home, {**self.settings, **settings})


@dataclass(frozen=True)
class Demo:
    """A running demo: its ready line, and access to its grid without the program."""

    process: subprocess.Popen[str]
    ready: Mapping[str, Any]

    @property
    def settings(self) -> dict[str, str]:
        """The variables for its API."""
        return {"SCAICORE_TUI_URL": self.ready["url"], "SCAICORE_TUI_TOKEN": self.ready["token"]}

    def client(self) -> httpx.Client:
        """Return a client of the grid with the viewer's token: the manager's request budget is left to the program."""
        headers = {"Authorization": f"Bearer {self.ready['viewer_token']}"}
        return httpx.Client(base_url=self.ready["grid_url"] + MODULE, headers=headers, timeout=TIMEOUT_S)

    def stop(self) -> int:
        """Interrupt the demo and return its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(TIMEOUT_S)


@contextmanager
def running_demo(program: Program, *arguments: str) -> Iterator[Demo]:
    """Run a demo; yield once it is ready."""
    with program.started("demo", "--no-tui", *arguments) as process:
        assert process.stdout is not None
        yield Demo(process, json.loads(process.stdout.readline()))


@dataclass(frozen=True)
class FastGrid:
    """A grid in a thread of this process. By default its nodes take no time."""

    portal: BlockingPortal
    served: Served

    def settings(self, token: str) -> dict[str, str]:
        """Return the environment variables to connect to the grid directly."""
        return {"SCAIGRID_BASE_URL": self.served.url, "SCAIGRID_API_KEY": token}

    def start_run(self, core_id: str, values: Mapping[str, Any]) -> str:
        """Start a run and return its id."""
        return self.begin_run(core_id, values).execution.id

    def begin_run(self, core_id: str, values: Mapping[str, Any]) -> RunContext:
        """Start a run, to be waited for with `wait_for_run`."""
        run: RunContext = self.portal.call(self.served.grid.engine.start, core_id, values)
        return run

    def wait_for_run(self, run: RunContext) -> None:
        """Wait until a run ends or is suspended."""
        self.portal.call(run.finished_or_suspended.wait)

    def finish_run(self, core_id: str, values: Mapping[str, Any]) -> str:
        """Start a run, wait until it ends or is suspended, and return its id."""
        run = self.begin_run(core_id, values)
        self.wait_for_run(run)
        return run.execution.id

    def waiting_review(self) -> str:
        """Run an expense approval until it waits for a person; return the id of its checkpoint."""
        self.finish_run(APPROVAL, TRIP)
        (checkpoint_id,) = self.pending()
        return checkpoint_id

    def wait_for_runs(self, count: int) -> None:
        """Wait until the grid's store has `count` runs."""
        deadline = monotonic() + TIMEOUT_S
        while len(self.statuses()) < count:
            assert monotonic() < deadline, "the runs did not start in time"

    def status(self, execution_id: str) -> str:
        """Return the status of a run in the grid's store."""
        return self.statuses()[execution_id]

    def statuses(self) -> dict[str, str]:
        """Return the statuses of all runs in the grid's store by id, oldest first."""
        executions = self.portal.call(self.served.grid.store.executions)
        return {execution.id: execution.status for execution in executions}

    def input_of(self, execution_id: str) -> Mapping[str, Any]:
        """Return the input of a run in the grid's store."""
        executions = self.portal.call(self.served.grid.store.executions)
        return next(execution.input for execution in executions if execution.id == execution_id)

    def checkpoint(self, checkpoint_id: str) -> dict[str, Any]:
        """Return a checkpoint of the grid's store."""
        found = self.portal.call(self.served.grid.store.checkpoint_table.find, checkpoint_id)
        assert found is not None
        return found.as_row()

    def pending(self) -> list[str]:
        """Return the ids of pending checkpoints, newest first."""
        return [checkpoint.id for checkpoint in self.portal.call(self.served.grid.store.checkpoint_table.pending)]


@contextmanager
def fast_grid(**settings: Any) -> Iterator[FastGrid]:
    """Run a grid without traffic of its own."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(serving(**settings)) as served:
        yield FastGrid(portal, served)


def loaded_modules(program: Program, *arguments: str) -> tuple[str, set[str]]:
    """Run a command; return its output, and the top-level modules that it imported."""
    command = [sys.executable, "-X", "importtime", *COMMAND[1:], *arguments]
    done = subprocess.run(
        command, env=program.environment, capture_output=True, encoding="utf-8", timeout=TIMEOUT_S, check=True
    )
    names = (line.rpartition("|")[2].strip() for line in done.stderr.splitlines())
    return done.stdout, {name.partition(".")[0] for name in names}


def next_line_with(stream: IO[str] | None, text: str) -> str:
    """Return the next line that contains `text`."""
    assert stream is not None
    return next(line for line in stream if text in line)
