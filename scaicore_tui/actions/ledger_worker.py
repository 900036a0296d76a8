"""Access to one ledger from the event loop: all work is done in one thread, in order.

If a claim fails, the write is not sent. Recording the progress of a write that was sent never raises: lines that cannot
be written are kept in memory, `problem` says so, and the next successful write includes them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from scaicore_tui.actions.ledger import Entry, Ledger
from scaicore_tui.actions.ledger_lines import release_line, state_line
from scaicore_tui.actions.submission import Progress
from scaicore_tui.errors import StorageError

T = TypeVar("T")

CANCELLED_MESSAGE = "cancelled before it was sent"
_IN_MEMORY_MESSAGE = "the outcome of the latest writes is only in memory"


class LedgerWorker:
    """One ledger. `problem` says why it cannot be read or written, or is empty.

    `on_problem` is called on the event loop when `problem` may have changed.
    """

    def __init__(self, ledger: Ledger, on_problem: Callable[[], None]) -> None:
        self.problem = ""
        self._ledger = ledger
        self._on_problem = on_problem
        self._unsaved: list[bytes] = []
        self._thread: ThreadPoolExecutor | None = None
        self._last_job: Future[None] | None = None

    async def claim(self, entry: Entry) -> str | None:
        """Claim a write. Return None, or the reason why it must not be sent. Raises StorageError.

        If it is cancelled meanwhile, nothing is sent, and the ledger records that.
        """
        claimed = self._run(self._claim, entry)
        waiting = asyncio.wrap_future(claimed)
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            waiting.add_done_callback(_discard_result)
            self._last_job = self._run(self._undo_claim, entry, claimed)
            raise

    def record(self, entry_id: str, at: float, progress: Progress, **facts: Any) -> None:
        """Queue a record of the progress of a write. Never raises."""
        self._write(state_line(entry_id, at, progress, facts))

    def release(self, entry_id: str) -> None:
        """Queue a record that no session tracks that write any more. Never raises."""
        self._write(release_line(entry_id))

    async def entries(self) -> list[Entry]:
        """Return all writes, oldest first. If the ledger cannot be read, return none and set `problem`."""
        return await asyncio.wrap_future(self._run(self.read_entries))

    def read_entries(self) -> list[Entry]:
        """Do the same as `entries` in this thread. Blocks."""
        try:
            return self._ledger.entries()
        except StorageError as error:
            self.problem = str(error)
            return []

    async def flush(self) -> None:
        """Wait until all queued records are written, or have failed."""
        if self._last_job is not None:
            await asyncio.shield(asyncio.wrap_future(self._last_job))

    async def close(self) -> None:
        """Try once more to write the lines that are only in memory, and end the thread."""
        if self._unsaved:
            self._write(b"")
        await self.flush()
        if self._thread is not None:
            self._thread.shutdown(wait=False)
            self._thread = None

    def _run(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        """Run `work` in the thread, after all earlier work. Without a file nothing blocks: run it at once."""
        if not self._ledger.is_persistent:
            done: Future[T] = Future()
            try:
                done.set_result(work(*arguments))
            except StorageError as error:
                done.set_exception(error)
            return done
        self._thread = self._thread or ThreadPoolExecutor(1, thread_name_prefix="ledger")
        return self._thread.submit(work, *arguments)

    def _claim(self, entry: Entry) -> str | None:
        reason = self._ledger.claim(entry)
        self._save(b"")
        return reason

    def _undo_claim(self, entry: Entry, claimed: Future[str | None]) -> None:
        if claimed.exception() is None and claimed.result() is None:
            self._save(state_line(entry.id, entry.at, Progress.NOT_SENT, {"message": CANCELLED_MESSAGE}))

    def _write(self, line: bytes) -> None:
        loop, before = asyncio.get_running_loop(), self.problem
        self._last_job = self._run(self._save, line)
        self._last_job.add_done_callback(lambda _: self._report_problem(loop, before))

    def _report_problem(self, loop: asyncio.AbstractEventLoop, before: str) -> None:
        if self.problem != before and not loop.is_closed():
            loop.call_soon_threadsafe(self._on_problem)

    def _save(self, line: bytes) -> None:
        """Append the unsaved lines and `line`; keep them in memory if that fails."""
        self._unsaved += [line] if line else []
        if not self._unsaved:
            return
        try:
            self._ledger.append(self._unsaved)
        except StorageError as error:
            self.problem = f"{error.message} · {_IN_MEMORY_MESSAGE} · {error.hint}"
        else:
            self._unsaved, self.problem = [], ""


def _discard_result(done: asyncio.Future[str | None]) -> None:
    """Retrieve the exception, so that asyncio does not log it as never retrieved."""
    if not done.cancelled():
        done.exception()
