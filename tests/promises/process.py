"""Processes of the program that the state machine starts, kills and ends, and the event loop that they share."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import httpx

from scaicore_tui.actions import Ledger, Submission
from scaicore_tui.api.client import Client
from scaicore_tui.config import Target
from scaicore_tui.config.token_sources import TokenFile
from scaicore_tui.session import Session
from scaicore_tui.store import Journal
from tests.promises.server import Api
from tests.support.manual_clock import ManualClock
from tests.support.memory_ledger import MemoryLedger
from tests.support.waiting import yield_once

T = TypeVar("T")
# Loop iterations before the clock skips ahead: more than any chain of callbacks without a sleep.
TURNS_PER_SKIP = 300
# Simulated process ids begin above any real process id.
FIRST_PID = 5_000_000
# Clock skips before a call counts as hanging.
MAX_SKIPS = 400


def submit_inline(_: ThreadPoolExecutor, func: Callable[..., T], /, *args: Any, **values: Any) -> Future[T]:
    """Run a thread pool's function at once, so that the same steps always run in the same order."""
    future: Future[T] = Future()
    try:
        future.set_result(func(*args, **values))
    except Exception as error:  # noqa: BLE001 - as a thread would
        future.set_exception(error)
    return future


@dataclass
class Process:
    """One process, with a session on one API."""

    pid: int
    api: Api
    session: Session
    is_offline: bool = False
    # The time of the last successful read, and its token.
    read_at: float | None = None
    token: str = ""
    # Kind of write and token of each 403.
    refused: set[tuple[str, str]] = field(default_factory=set)
    presses: dict[str, int] = field(default_factory=dict)

    @property
    def submissions(self) -> list[Submission]:
        return self.session.submitter.submissions


class Machine:
    """One computer: a state folder, a clock and simulated processes."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.folder = folder
        self.clock = clock
        self.loop = asyncio.SelectorEventLoop()
        self.current_pid = 0
        # The ledgers that are shared with other machines, by the name of the API.
        self.team_ledgers: dict[str, MemoryLedger] = {}
        self.alive: set[int] = set()
        self._pids = count(FIRST_PID)
        self._real_kill = os.kill
        self._patches: list[Any] = [
            patch("os.getpid", lambda: self.current_pid),
            patch("os.kill", self._kill),
            patch.object(ThreadPoolExecutor, "submit", submit_inline),
        ]
        for patcher in self._patches:
            patcher.start()
        self.state.mkdir()

    @property
    def state(self) -> Path:
        """Return the folder of the ledger."""
        return self.folder / "state"

    @property
    def ledger_path(self) -> Path:
        return self.state / "ledger.jsonl"

    def ledger_path_of(self, name: str) -> Path:
        """Return the path of the ledger of the processes with that name: they share one."""
        return self.ledger_path

    @property
    def is_ledger_broken(self) -> bool:
        return self.state.is_file()

    def break_ledger(self) -> None:
        """Make the ledger's folder unusable: a file takes its name."""
        if not self.is_ledger_broken:
            self.state.rename(self.folder / "away")
            self.state.touch()

    def repair_ledger(self) -> None:
        if self.is_ledger_broken:
            self.state.unlink()
            (self.folder / "away").rename(self.state)

    def start(self, name: str, api: Api, *, offline: bool = False) -> Process:
        """Start a process with the journal of earlier processes of the same name and API."""
        pid = next(self._pids)
        self.alive.add(pid)
        self.current_pid = pid
        target = Target(
            url=f"http://127.0.0.1:1/{api.name}/api/v1",
            name=name,
            interval=5.0,
            offline=offline,
            sources=(TokenFile("token file", self.folder / f"{api.name}.token"),),
        )
        client = Client(target, None if offline else httpx.MockTransport(api.respond), self.clock)
        journal = Journal.open(self.folder / f"{name}-{api.name}.journal")
        ledger = Ledger(self.ledger_path_of(name))
        team = self.team_ledgers.get(api.name)
        session = Session(
            target,
            journal,
            self.clock,
            client=client,
            ledger=ledger,
            open_team_ledger=None if team is None or offline else lambda _: team,
        )
        process = Process(pid, api, session, is_offline=offline)
        if not offline:
            self.run(process, _recover(session))
        return process

    def run(self, process: Process, call: Coroutine[Any, Any, T]) -> T:
        """Run `call` to its end; skip the clock ahead whenever everything sleeps."""
        self.current_pid = process.pid
        return self.loop.run_until_complete(self._drive(call))

    def end(self, process: Process) -> None:
        """End the process normally."""
        self.run(process, process.session.close())
        self.alive.discard(process.pid)

    def kill(self, process: Process) -> None:
        """Kill the process: it writes nothing more."""
        self.alive.discard(process.pid)
        process.session.journal.close()

    def close(self) -> None:
        self.loop.close()
        for patcher in self._patches:
            patcher.stop()

    async def _drive(self, call: Coroutine[Any, Any, T]) -> T:
        task = asyncio.ensure_future(call)
        for _ in range(MAX_SKIPS):
            for _ in range(TURNS_PER_SKIP):
                if task.done():
                    return await task
                await yield_once()
            assert self.clock.skip(), "the call hangs, and nothing sleeps"
        task.cancel()
        raise AssertionError("the call hangs")

    def _kill(self, pid: int, number: int) -> None:
        if number == 0 and pid >= FIRST_PID:
            if pid not in self.alive:
                raise ProcessLookupError(pid)
            return
        self._real_kill(pid, number)


async def _recover(session: Session) -> None:
    """Take over the writes of dead processes, as a session does when it starts."""
    session.tracker.recover()
