"""A process of a team's member that resolves checkpoints: `python -m tests.support.team_process URL LEDGER TEAM`.

The first line of standard input is its token. It reads an `id option` from each further line, and prints for each the
progress of the write, and the reason if nothing was sent or somebody else was first.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path

from scaicore_tui.actions import Ledger
from scaicore_tui.config import Target
from scaicore_tui.config.journal_url import JournalUrl
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.secrets import Secret
from scaicore_tui.session import Session
from scaicore_tui.store.shared_ledger import open_shared_ledger


async def serve(url: str, ledger: str, team: str) -> None:
    """Resolve the checkpoints named on standard input, until it ends."""
    target = Target(url=url, token=Secret((await _line()).strip()))
    open_team_ledger = partial(open_shared_ledger, JournalUrl(team))
    async with Session(target, ledger=Ledger(Path(ledger)), open_team_ledger=open_team_ledger) as session:
        # This grid has no rate limit, and so it sends no headers for it.
        session.client.budget.limit = 1_000_000
        await session.read_once()
        print("ready", flush=True)  # noqa: T201  (the parent process waits for this line)
        while line := await _line():
            print(await answer(session, *line.split()), flush=True)  # noqa: T201
            # Data that is too old is refused, and the next line is to be answered at once.
            await session.read_once()


async def answer(session: Session, checkpoint_id: str, option: str) -> str:
    """Resolve a checkpoint. Return the progress of the write, and why, on one line."""
    try:
        submission = await session.answer(checkpoint_id, option)
    except ScaicoreError as error:
        if "press r to refresh" not in error.message:
            return f"nothing sent: {error.message}"
        # On a busy machine the data was too old.
        await session.read_once()
        return await answer(session, checkpoint_id, option)
    return f"{submission.progress}: {submission.message}"


async def _line() -> str:
    return await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:4]))
