"""A process that resolves checkpoints: `python -m tests.support.resolver_process URL TOKEN LEDGER`.

It reads an `id option` from each line of standard input, and prints the progress of each write.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from scaicore_tui.actions import Ledger
from scaicore_tui.config import Api, Target
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.secrets import Secret
from scaicore_tui.session import Session


async def serve(url: str, token: str, ledger: str) -> None:
    """Resolve the checkpoints named on standard input, until it ends."""
    target = Target(url=url, api=Api.SCAIGRID, token=Secret(token))
    async with Session(target, ledger=Ledger(Path(ledger))) as session:
        # This grid has no rate limit, and so it sends no headers for it.
        session.client.budget.limit = 1_000_000
        print("ready", flush=True)  # noqa: T201  (the parent process waits for this line)
        while line := await asyncio.to_thread(sys.stdin.readline):
            await session.read_once()
            print(await answer(session, *line.split()), flush=True)  # noqa: T201


async def answer(session: Session, checkpoint_id: str, option: str) -> str:
    """Resolve a checkpoint. Return the progress of the write, or `nothing` if nothing was sent."""
    try:
        return str((await session.answer(checkpoint_id, option)).progress)
    except ScaicoreError:
        return "nothing"


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:4]))
