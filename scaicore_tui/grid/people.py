"""Simulated colleagues, who answer the traffic's old checkpoints. They never touch what a caller of the API started."""

from __future__ import annotations

from typing import Final

from scaicore_tui.clock import Clock
from scaicore_tui.grid.dice import dice
from scaicore_tui.grid.inbox import Inbox
from scaicore_tui.grid.store import Checkpoint, Store
from scaicore_tui.grid.traffic import ORIGIN

LEFT_ALONE: Final = 3
"""So many of the newest checkpoints are left for whoever watches."""
PATIENCE: Final = (180.0, 600.0)
"""Seconds after which the others are answered: each has its own measure between these two."""

_LOOKS_EVERY: Final = 20.0
_NAMES: Final = ("usr_ada", "usr_grace", "usr_edsger", "usr_barbara", "usr_tony")
_COMMENTS: Final = (None, None, "Checked with the team lead.", "Fine, within budget.", "See my note in the ticket.")


class Colleagues:
    """Look into the inbox now and then, and answer what has been waiting for long."""

    def __init__(self, inbox: Inbox, store: Store, clock: Clock) -> None:
        self._inbox = inbox
        self._store = store
        self._clock = clock

    async def keep_answering(self) -> None:
        """Answer what is old, again and again, until cancelled."""
        while True:
            self.answer_old()
            await self._clock.sleep(_LOOKS_EVERY)

    def answer_old(self) -> None:
        ours = [checkpoint for checkpoint in self._store.inbox.pending() if self._from_traffic(checkpoint)]
        for checkpoint in ours[LEFT_ALONE:]:
            chance = dice(checkpoint.id)
            if self._clock.now() - checkpoint.created_at >= chance.uniform(*PATIENCE):
                option, name = chance.choice(checkpoint.option_ids()), chance.choice(_NAMES)
                self._inbox.resolve(checkpoint, option, by=name, comment=chance.choice(_COMMENTS))

    def _from_traffic(self, checkpoint: Checkpoint) -> bool:
        execution = self._store.runs.find(checkpoint.execution_id)
        return execution is not None and execution.origin == ORIGIN
