"""A race of several processes on two machines for the same checkpoints, of a grid behind the proxy.

`python -m tests.support.team_race PROCESSES CHECKPOINTS` runs one and prints its figures.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scaicore_tui.config import Caller, Target, identity_of
from scaicore_tui.servers.hosting import bind, serve_app
from scaicore_tui.servers.proxy import ProxyConfig, build_proxy
from scaicore_tui.store.postgres.ledger_tables import prepare_ledger
from scaicore_tui.store.shared_ledger import SharedWrite
from tests.support.core_inputs import APPROVAL, TRIP
from tests.support.fault_injector import FaultyProxy, faulty_proxy
from tests.support.grid import Served, serving
from tests.support.grid_api import run_to_end
from tests.support.proxy import jwt
from tests.support.server_journals import ServerJournals, server_journals_in
from tests.support.team_ledger import TeamServer

TENANT = "tnt_race"
# Two machines with a state folder each, and what the person there answers.
MACHINES = {"ada": "approve", "grace": "reject"}
TOKENS = {name: jwt(sub=name, tenant_id=TENANT) for name in MACHINES}


@dataclass
class Outcome:
    """What the processes said about each checkpoint, and what was sent in all."""

    posts: list[bytes]
    resolutions: dict[str, str]
    writes: list[SharedWrite]
    lines: dict[str, list[str]] = field(default_factory=dict)

    def winners(self, checkpoint_id: str) -> list[str]:
        """Return what those said whose answer was accepted."""
        return [line for line in self.lines[checkpoint_id] if line.startswith(("accepted", "confirmed"))]

    def losers(self, checkpoint_id: str) -> list[str]:
        """Return what the others said."""
        won = self.winners(checkpoint_id)
        return [line for line in self.lines[checkpoint_id] if line not in won]


async def race(journals: ServerJournals, folder: Path, processes: int, checkpoints: int) -> Outcome:
    """Let the processes answer each checkpoint at once."""
    async with serving(tokens=dict.fromkeys(TOKENS.values(), "manager")) as served, _counted(served) as wire:
        # Some runs end without asking anybody.
        while len(served.grid.store.checkpoint_table.pending()) < checkpoints:
            await run_to_end(served, APPROVAL, TRIP)
        url = f"{wire.url}/api/v1"
        identity = identity_of(Target(url=url), Caller("recorder", TENANT))
        prepare_ledger(journals.url, identity, identity)
        async with AsyncExitStack() as stack:
            members = [
                (await stack.enter_async_context(_member(url, name, folder, journals.url)), option)
                for name, option in list(MACHINES.items()) * (processes // len(MACHINES))
            ]
            lines = {}
            for row in reversed(served.grid.store.checkpoint_table.pending()):
                for process, option in members:
                    _send(process, f"{row.id} {option}")
                lines[row.id] = list(await asyncio.gather(*(_read(process) for process, _ in members)))
        resolutions = {row.id: str(row.body.get("resolution")) for row in served.grid.store.checkpoints()}
        team = TeamServer(journals, identity.url)
        team.identity = identity
        return Outcome(wire.posts, resolutions, team.all_writes(), lines)


@asynccontextmanager
async def _counted(served: Served) -> AsyncIterator[FaultyProxy]:
    """Run the proxy in front of a grid, and in front of it what counts the requests."""
    listener = bind("127.0.0.1", 0)
    async with (
        serve_app(build_proxy(ProxyConfig(served.url)), listener.socket, date_header=False),
        faulty_proxy(listener.url) as wire,
    ):
        yield wire


@asynccontextmanager
async def _member(url: str, name: str, folder: Path, team: str) -> AsyncIterator[Process]:
    command = [sys.executable, "-m", "tests.support.team_process", url, str(folder / name / "ledger.jsonl"), team]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    try:
        _send(process, TOKENS[name])
        assert await _read(process) == "ready"
        yield process
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


def _send(process: Process, line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n".encode())


async def _read(process: Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


def main(processes: int, checkpoints: int) -> None:
    """Run one race, and print its figures."""
    with tempfile.TemporaryDirectory() as folder, server_journals_in(Path(folder)) as journals:
        began = time.monotonic()
        outcome = asyncio.run(race(journals, Path(folder), processes, checkpoints))
        print(f"{processes} processes, {checkpoints} checkpoints, {time.monotonic() - began:.1f} s")  # noqa: T201
        print(f"{len(outcome.posts)} POSTs, resolved {Counter(outcome.resolutions.values())}")  # noqa: T201
        print(f"accepted {Counter(len(outcome.winners(key)) for key in outcome.lines)} a checkpoint")  # noqa: T201
        print(f"ledger: {Counter(write.progress for write in outcome.writes)}")  # noqa: T201
        for line, count in Counter(_general(line) for key in outcome.lines for line in outcome.losers(key)).items():
            print(f"{count:5}  {line}")  # noqa: T201


def _general(line: str) -> str:
    """Return a line without ids and figures, to count it."""
    return re.sub(r"\d+", "0", re.sub(r"ckpt_\w+", "ckpt", line))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
