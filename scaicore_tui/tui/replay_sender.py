"""Sends the replays of marked runs for the bridge: what happens is posted as messages."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING

from textual.message import Message

from scaicore_tui.errors import ScaicoreError
from scaicore_tui.session import Session
from scaicore_tui.text import sanitize
from scaicore_tui.tui.messages import WriteRejected
from scaicore_tui.tui.replay_messages import ReplayAll, ReplaysChanged, ReplaysNeeded, ReplaysPrepared

if TYPE_CHECKING:
    from scaicore_tui.session.replay_batch import ReplayBatch

# Starts a coroutine in the background, as one of a named group.
StartWorker = Callable[[Callable[[], Coroutine[None, None, None]], str], None]


class ReplaySender:
    """Replays several runs of one session. One batch at a time: another one waits for a person to start it again."""

    def __init__(
        self, session: Session, post: Callable[[Message], object], read: StartWorker, write: StartWorker
    ) -> None:
        """`read` starts a worker that ends with the session, `write` one that the session waits for."""
        self._session = session
        self._post = post
        self._read, self._write = read, write
        self._batch: ReplayBatch | None = None

    def prepare(self, request: ReplaysNeeded) -> None:
        """Find out which runs can be replayed."""
        self._read(partial(self._prepare, request.execution_ids), "prepared replays")

    def send(self, request: ReplayAll) -> None:
        """Replay the runs one by one."""
        self._write(partial(self._send, request), "writes")

    def stop(self) -> None:
        """Send no more replays."""
        if self._batch is not None:
            self._batch.stop()

    async def _prepare(self, execution_ids: Sequence[str]) -> None:
        from scaicore_tui.session.replay_batch import prepare

        try:
            items = await prepare(self._session, execution_ids)
        except ScaicoreError as error:
            self._post(WriteRejected(sanitize(str(error))))
        else:
            self._post(ReplaysPrepared(items))

    async def _send(self, request: ReplayAll) -> None:
        from scaicore_tui.session.replay_batch import ReplayBatch

        if self._batch is not None and not self._batch.is_finished:
            return
        batch = self._batch = ReplayBatch(self._session, request.items, self._poll, on_changed=self._post_change)
        self._post(ReplaysChanged(batch))
        try:
            await batch.run(typed=request.typed)
        except ScaicoreError as error:
            self._post(WriteRejected(sanitize(str(error))))

    async def _poll(self) -> None:
        """Ask for new events; the session reads them meanwhile."""
        self._session.refresh()

    def _post_change(self) -> None:
        if self._batch is not None:
            self._post(ReplaysChanged(self._batch))
