"""A process that resolves checkpoints: `python -m tests.support.resolver_process URL TOKEN LEDGER`.

It reads one `id option` from each line of standard input.
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
    """Answer what comes in, until there is no more; say what came of each."""
    target = Target(url=url, api=Api.SCAIGRID, token=Secret(token))
    async with Session(target, ledger=Ledger(Path(ledger))) as session:
        # The grid's limits are switched off, and so it tells none.
        session.client.budget.limit = 1_000_000
        print("ready", flush=True)  # noqa: T201  (whoever started it waits for that)
        while line := await asyncio.to_thread(sys.stdin.readline):
            await session.read_once()
            print(await answer(session, *line.split()), flush=True)  # noqa: T201


async def answer(session: Session, checkpoint_id: str, option: str) -> str:
    """How far it got, in a word; or that nothing was sent."""
    try:
        return str((await session.answer(checkpoint_id, option)).progress)
    except ScaicoreError:
        return "nothing"


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:4]))
