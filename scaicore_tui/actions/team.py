"""The ledger of a team as one session uses it: claims of its own writes, and the writes and dialogs of others.

All access to the server is in one thread, in order, so that nothing blocks the event loop. Without a claim nothing is
sent. Once a write was sent, its outcome is stored as soon as the server can be used again; meanwhile `problem` says so.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.actions.ledger_lines import Entry
from scaicore_tui.actions.ledger_worker import CANCELLED_MESSAGE
from scaicore_tui.actions.shared_writes import (
    NOTHING_SENT,
    OVERDUE_MESSAGE,
    describe,
    holds_claim,
    is_overdue,
    progress_of,
    shared_write,
    state_of,
    why_taken,
)
from scaicore_tui.actions.submission import Kind, Progress, Submission
from scaicore_tui.clock import Clock, wait_for_event
from scaicore_tui.config import Caller, Identity
from scaicore_tui.errors import ScaicoreError, StorageError
from scaicore_tui.log import Log, error_fields
from scaicore_tui.store.shared_ledger import Presence, SharedLedger, SharedWrite
from scaicore_tui.text import display_name

T = TypeVar("T")
_log = Log(__name__)
# Where the server tells of changes, reading is only repeated in case one was missed, and to see who has left.
POLL_INTERVAL_S = 5.0
# More than losing a connection and making a new one takes.
TIMEOUT_S = 15.0
# A dialog whose machine is gone is shown for this long; until then it is announced anew.
PRESENCE_LIFETIME_S, RENEW_AFTER_S = 15.0, 4.0
# At the start so many writes are read: those to checkpoints that are still shown are among the newest.
MAX_READ = 500
_MAX_KEPT = 5_000
_MAX_NAMED = 2
_UNCERTAIN_CLAIM = "the team's ledger was lost while this was claimed: nothing was sent"


class TeamView(Struct, frozen=True):
    """The latest writes of others by target, and the persons who have a dialog open by checkpoint."""

    writes: Mapping[str, SharedWrite] = {}
    present: Mapping[str, tuple[str, ...]] = {}

    def words(self, target_id: str) -> str:
        """Return what others did with a checkpoint, or do now; empty if they did nothing."""
        write, persons = self.writes.get(target_id), self.present.get(target_id, ())
        if write is not None and holds_claim(progress_of(write)):
            return describe(write)
        if not persons:
            return ""
        names = ", ".join(map(display_name, persons[:_MAX_NAMED])) + (", …" if len(persons) > _MAX_NAMED else "")
        return f"{names} {'is' if len(persons) == 1 else 'are'} answering"


class Team:
    """The ledger of one team. `open_ledger` opens it for the feed and the caller, which the first request may reveal.

    `view` is what others did, once `run` has read it; `on_changed` is called on the event loop with the targets that
    changed in it, or whose `problem` did.
    """

    def __init__(
        self,
        open_ledger: Callable[[Identity], SharedLedger],
        identity: Callable[[], Identity],
        clock: Clock,
        machine: str,
    ) -> None:
        self.problem = ""
        self.view = TeamView()
        self.on_changed: Callable[[frozenset[str]], None] = lambda _: None
        self._open_ledger = open_ledger
        self._identity = identity
        self._clock = clock
        self._machine = machine
        self._session_id = uuid4().hex
        self._own_ids: set[str] = set()
        self._unsaved: dict[str, SharedWrite] = {}
        self._change: int | None = None
        self._answering = ""
        self._announced_at: float | None = None
        self._ledger: SharedLedger | None = None
        self._opened_for: Identity | None = None
        self._is_closed = False
        self._thread: ThreadPoolExecutor | None = None

    @property
    def person(self) -> str:
        """The person who uses this session: the subject of the token, else the user and the machine. Never a token."""
        caller = self._identity().caller or Caller()
        return caller.subject or self._machine

    async def claim(self, entry: Entry) -> None:
        """Claim a write for the whole team. If this raises, nothing must be sent.

        Raises Conflict or UsageError if another person's write holds the checkpoint, StorageError if the ledger can't
        be used. If it is cancelled meanwhile, nothing is sent, and the ledger learns that.
        """
        write = shared_write(entry, self.person, self._machine)
        self._own_ids.add(write.id)
        claimed = self._submit(lambda ledger: claim_or_holder(ledger, write))
        try:
            holder = await self._answer_of(claimed)
        except asyncio.CancelledError:
            self._save(replace(write, progress=str(Progress.NOT_SENT), message=CANCELLED_MESSAGE))
            raise
        except ScaicoreError as error:
            if self._ledger is not None:
                # The claim may be stored all the same.
                self._save(replace(write, progress=str(Progress.NOT_SENT), message=_UNCERTAIN_CLAIM))
            self._set_problem(error)
            message = f"the team's ledger is unreachable: {error.message}"
            raise StorageError(message, effect=NOTHING_SENT, hint=error.hint) from error
        if holder is not None:
            self._apply([holder])
            raise why_taken(holder)

    def record(self, submission: Submission) -> None:
        """Queue the progress of a write that was claimed, by this session or by one that has ended. Never raises."""
        self._own_ids.add(submission.id)
        is_sure = not (submission.is_replay and submission.is_likely_match)
        self._save(
            SharedWrite(
                id=submission.id,
                kind=str(submission.kind),
                target_id=submission.target_id,
                person="",
                machine="",
                progress=str(submission.progress),
                execution_id=submission.execution_id if is_sure else None,
                message=submission.message,
                request_id=submission.request_id,
            )
        )

    def deliver(self, entries: Iterable[Entry]) -> None:
        """Queue the outcomes that only the ledger of this machine has, because the server was away. Never raises."""
        known = {entry.id: entry for entry in list(entries)[-MAX_READ:] if entry.progress is not Progress.SENDING}

        def find(ledger: SharedLedger) -> None:
            for stored in ledger.by_ids(list(known)):
                state = state_of(known[stored.id], stored)
                if state is not None:
                    self._unsaved.setdefault(state.id, state)
            self._save_all(ledger)

        if known:
            self._queue(find)

    def announce(self, target_id: str) -> None:
        """Let the others see that the dialog to answer a checkpoint is open. A session has one open."""
        self._answering = target_id
        self._announced_at = None
        self._queue(self._renew)

    def withdraw(self, target_id: str) -> None:
        """Let the others see that the dialog is closed, unless that of another checkpoint was opened since."""
        if self._answering == target_id:
            self._answering = ""
            self._queue(lambda ledger: ledger.withdraw(self._session_id))

    async def run(self) -> None:
        """Read what others do, until cancelled: when the server tells of a change, and now and then."""
        while True:
            await self._read()
            await self._wait_for_changes()

    async def read_once(self) -> TeamView:
        """Read what others did, and return it. If the server can't be used, `problem` says so."""
        await self._read()
        return self.view

    async def flush(self) -> None:
        """Wait until all that is queued is stored, or has failed."""
        await asyncio.wrap_future(self._in_thread(lambda: None))

    async def close(self) -> None:
        """Try once more to store what is queued, and close the connection. Waits at most for TIMEOUT_S."""
        if self._thread is None:
            return
        if self._answering:
            self.withdraw(self._answering)
        with suppress(ScaicoreError):
            await self._answer_of(self._submit(self._save_all))
        self._is_closed = True
        self._in_thread(self._close)
        self._thread.shutdown(wait=False)
        self._thread = None

    async def _read(self) -> None:
        try:
            writes, present = await self._answer_of(self._submit(self._read_changes))
        except ScaicoreError as error:
            self._set_problem(error)
            return
        self._set_problem(None)
        self._apply(writes, present)

    def _read_changes(self, ledger: SharedLedger) -> tuple[list[SharedWrite], list[Presence]]:
        self._save_all(ledger)
        self._renew(ledger)
        since = self._change
        writes = ledger.newest(MAX_READ) if since is None else ledger.changes_since(since, MAX_READ)
        self._change = writes[-1].change if writes else since or 0
        return writes, ledger.present(self._session_id)

    async def _wait_for_changes(self) -> None:
        """Wait until the server tells of a change, at most for POLL_INTERVAL_S."""
        descriptor = await asyncio.wrap_future(self._in_thread(self._socket))
        if descriptor is None:
            await self._clock.sleep(POLL_INTERVAL_S)
            return
        loop, news = asyncio.get_running_loop(), asyncio.Event()
        try:
            with suppress(NotImplementedError):
                loop.add_reader(descriptor, news.set)
            await wait_for_event(self._clock, POLL_INTERVAL_S, news)
        finally:
            with suppress(NotImplementedError):
                loop.remove_reader(descriptor)
            os.close(descriptor)

    async def _answer_of(self, work: Future[T]) -> T:
        """Return the result of work in the thread. Raises StorageError if the server does not answer in time.

        A server that hangs is not noticed by the connection: then that is cut, for the next work to make a new one.
        """
        waiting = asyncio.wrap_future(work)
        timer = asyncio.ensure_future(self._clock.sleep(TIMEOUT_S))
        try:
            await asyncio.wait((waiting, timer), return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                return waiting.result()
        finally:
            timer.cancel()
            if not waiting.done():
                # Its result is not wanted any more, also if that is an error.
                waiting.add_done_callback(lambda done: None if done.cancelled() else done.exception())
        if self._ledger is not None:
            self._ledger.interrupt()
        raise StorageError(f"its server has not answered for {TIMEOUT_S:.0f} s", hint="is the server overloaded?")

    def _apply(self, writes: Iterable[SharedWrite], present: Iterable[Presence] | None = None) -> None:
        """Take over what was read, and publish the targets that changed."""
        others = {one.target_id: one for one in writes if one.id not in self._own_ids and one.kind != Kind.REPLAY}
        before = self.view
        changed = {key for key, one in others.items() if before.writes.get(key) != one}
        kept = dict(list(before.writes.items())[-_MAX_KEPT:]) if changed else before.writes
        persons = dict(before.present) if present is None else _by_target(present)
        changed |= {key for key in {*persons, *before.present} if persons.get(key) != before.present.get(key)}
        if changed:
            self.view = TeamView({**kept, **others}, persons)
            self.on_changed(frozenset(changed))

    def _set_problem(self, error: ScaicoreError | None) -> None:
        problem = "" if error is None else f"the team's ledger is unreachable: {error.message} · {error.hint}"
        if problem and self._unsaved:
            problem = f"{problem} · outcomes of writes are only stored on this machine"
        if problem != self.problem:
            if error is not None:
                _log.warning("team ledger", **error_fields(error))
            self.problem = problem
            self.on_changed(frozenset())

    def _renew(self, ledger: SharedLedger) -> None:
        """Announce the open dialog anew, if it is time. Runs in the thread."""
        now, target = self._clock.monotonic(), self._answering
        if target and (self._announced_at is None or now - self._announced_at >= RENEW_AFTER_S):
            self._announced_at = now
            ledger.announce(self._session_id, Presence(target, self.person), PRESENCE_LIFETIME_S)

    def _save(self, write: SharedWrite) -> None:
        """Queue the state of a write; only its last one is stored."""
        self._in_thread(lambda: self._unsaved.update({write.id: write}))
        self._queue(self._save_all)

    def _save_all(self, ledger: SharedLedger) -> None:
        """Store all states that are not stored yet. Runs in the thread."""
        for write_id, write in list(self._unsaved.items()):
            ledger.update(write, holds_claim=holds_claim(progress_of(write)))
            del self._unsaved[write_id]

    def _queue(self, work: Callable[[SharedLedger], object]) -> None:
        """Do `work` in the thread; a failure only sets `problem`."""
        loop = asyncio.get_running_loop()

        def report(done: Future[object]) -> None:
            error = done.exception()
            if isinstance(error, ScaicoreError) and not loop.is_closed():
                loop.call_soon_threadsafe(self._set_problem, error)

        self._submit(work).add_done_callback(report)

    def _submit(self, work: Callable[[SharedLedger], T]) -> Future[T]:
        """Do `work` in the thread, after all earlier work, with the ledger, which is opened when it is first needed.

        It is opened anew once more is known about the caller: it may be that of another team.
        """
        identity = self._identity()

        def run() -> T:
            if self._is_closed:
                raise StorageError("the session is closed")
            if self._ledger is None or self._opened_for != identity:
                self._close()
                self._ledger, self._opened_for = self._open_ledger(identity), identity
            return work(self._ledger)

        return self._in_thread(run)

    def _in_thread(self, work: Callable[[], T]) -> Future[T]:
        self._thread = self._thread or ThreadPoolExecutor(1, thread_name_prefix="team ledger")
        return self._thread.submit(work)

    def _socket(self) -> int | None:
        return None if self._ledger is None else self._ledger.socket()

    def _close(self) -> None:
        if self._ledger is not None:
            self._ledger.close()
        self._ledger, self._change = None, None


def machine_label() -> str:
    """Return the user and the name of this machine."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "somebody"
    return f"{user}@{socket.gethostname()}"


def claim_or_holder(ledger: SharedLedger, write: SharedWrite) -> SharedWrite | None:
    """Claim a write and return None, or return the one that holds the claim.

    The checkpoint was just read and is pending: so an old write whose outcome nobody recorded was not received.
    """
    holder = ledger.claim(write)
    if holder is None or not is_overdue(holder):
        return holder
    given_up = replace(holder, progress=str(Progress.NOT_RECEIVED), message=OVERDUE_MESSAGE)
    ledger.update(given_up, holds_claim=False, unless_changed_since=holder.change)
    return ledger.claim(write)


def _by_target(present: Iterable[Presence]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for one in present:
        if one.person not in found.get(one.target_id, ()):
            found[one.target_id] = (*found.get(one.target_id, ()), one.person)
    return found
