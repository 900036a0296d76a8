"""The bridge: the only part of the app that awaits the session. Requests go in, one message per update comes out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from textual.app import App
from textual.message import Message
from textual.worker import Worker

from scaicore_tui.actions import answer_many
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.session import MAX_RESOLVED_PAGES, Session, Update
from scaicore_tui.text import sanitize
from scaicore_tui.tui.messages import (
    AnswerAll,
    AnswerCheckpoint,
    BatchFinished,
    HistoryLoaded,
    OtherSessionWriteChanged,
    ReplayRun,
    ResolvedLoaded,
    SessionChanged,
    WriteRejected,
)


def start_worker(
    app: App[int], work: Callable[[], Coroutine[None, None, None]], group: str, *, exclusive: bool = False
) -> Worker[None]:
    """Run `work` until it ends, or the app does; an `exclusive` one ends those of its group.

    It is given to be called: of work that an ending app never lets begin, nothing is left that was to be awaited.
    """
    return app.run_worker(work, group=group, exclusive=exclusive)


STOPPED = "it stopped at the surprise above"


class Bridge:
    """Runs one session inside the app."""

    def __init__(self, app: App[int], session: Session) -> None:
        self.name = session.target.title
        self._app = app
        self._session = session
        self._reading_history = False
        self._left = asyncio.Event()
        self._writes: set[Worker[None]] = set()
        self._reads: set[Worker[None]] = set()
        self._worker: Worker[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether its session still has the journal."""
        return self._worker is not None and not self._worker.is_finished

    def start(self) -> None:
        """Poll until the session is left, or the app ends, and close it."""
        self._session.subscribe(self._on_update)
        # An answer may have come since the screen showed what was known, and before anybody listened.
        self._on_update(Update(frozenset(self._session.index.summaries), checkpoints=True))
        self._worker = start_worker(self._app, self._run, "session")

    def detach(self) -> None:
        """Read no more, say no more but what came of writes that are under way, and close the session after them."""
        self._left.set()
        for read in self._reads:
            read.cancel()

    def yield_to_ui(self, *, to_key: bool) -> None:
        """A key is acted on, or was."""
        self._session.yield_to_ui(to_key=to_key)

    def refresh(self) -> bool:
        """Fetch now; False where enough fetches are under way."""
        return self._session.refresh()

    def pause(self, *, paused: bool) -> None:
        """Stop polling, or poll again at once."""
        self._session.pause(paused=paused)

    def answer(self, request: AnswerCheckpoint) -> None:
        """Send an answer, once; updates of the session tell what comes of it."""
        ask = request
        self._write(partial(self._session.answer, ask.checkpoint_id, ask.resolution, ask.comment, typed=ask.typed))

    def answer_all(self, request: AnswerAll) -> None:
        """Send the same answer to several, each once."""
        self._begin(self._writes, partial(self._answer_all, request), "writes")

    def replay(self, request: ReplayRun) -> None:
        """Invoke a Core again, in the background."""
        ask, replay = request, self._session.replay
        given, typed = ask.given_input, ask.typed
        self._write(partial(replay, ask.execution_id, ask.value, ask.entity_id, given_input=given, typed=typed))

    def read_older(self) -> None:
        """Read one more page of history, if none is being read."""
        if not self._reading_history:
            self._reading_history = True
            self._begin(self._reads, self._read_older, "history")

    def read_answered(self) -> None:
        """Read the answered checkpoints; the latest request counts."""
        self._begin(self._reads, self._read_answered, "answered", exclusive=True)

    async def _run(self) -> None:
        async with self._session:
            reading, leaving = asyncio.create_task(self._session.run()), asyncio.create_task(self._left.wait())
            try:
                await asyncio.wait((reading, leaving), return_when=asyncio.FIRST_COMPLETED)
                if reading.done():
                    await reading
            finally:
                await _ended(reading, leaving)
            for write in tuple(self._writes):
                await write.wait()

    def _write(self, write: Callable[[], Awaitable[object]]) -> None:
        self._begin(self._writes, partial(self._guarded, write), "writes")

    def _begin(
        self,
        kept: set[Worker[None]],
        work: Callable[[], Coroutine[None, None, None]],
        group: str,
        *,
        exclusive: bool = False,
    ) -> None:
        """Do it beside everything else; `kept` are those of its kind that are not done."""
        kept -= {worker for worker in kept if worker.is_finished}
        kept.add(start_worker(self._app, work, group, exclusive=exclusive))

    async def _guarded(self, write: Callable[[], Awaitable[object]]) -> None:
        """What the server refuses is in the submission; what is raised was never sent."""
        try:
            await write()
        except ScaicoreError as error:
            self._say_stopped(error)

    async def _answer_all(self, request: AnswerAll) -> None:
        """Say when it is over, and what kept the rest from being sent."""
        ids, words = request.checkpoint_ids, ""
        try:
            sent = await answer_many(
                lambda key: self._session.answer(key, request.resolution, request.comment, typed=request.typed),
                ids,
                stop_on_failure=request.stop_on_failure,
            )
        except ScaicoreError as error:
            self._say_stopped(error)
            words = STOPPED
        else:
            words = STOPPED if request.stop_on_failure and len(sent) < len(ids) else ""
        self._post(BatchFinished(ids, words))

    def _say_stopped(self, error: ScaicoreError) -> None:
        """Say why a write was not sent, unless its submission says so."""
        if not any(submission.failure is error.__cause__ for submission in self._session.submissions):
            self._post(WriteRejected(sanitize(str(error))))

    async def _read_older(self) -> None:
        try:
            await self._session.load_older()
        except ScaicoreError as error:
            self._post(HistoryLoaded(sanitize(str(error))))
        else:
            self._post(HistoryLoaded())
        finally:
            self._reading_history = False

    async def _read_answered(self) -> None:
        try:
            listed = await self._session.list_checkpoints("resolved", max_pages=MAX_RESOLVED_PAGES)
        except ScaicoreError as error:
            self._post(ResolvedLoaded(words=sanitize(str(error))))
        else:
            self._post(ResolvedLoaded(listed.rows))

    def _on_update(self, update: Update) -> None:
        if not self._left.is_set():
            self._app.post_message(SessionChanged(update))
        elif update.submission is not None:
            self._app.post_message(OtherSessionWriteChanged(self.name, update.submission))

    def _post(self, message: Message) -> None:
        """Say it to whoever looks at this session; once it was left, nobody does."""
        if not self._left.is_set():
            self._app.post_message(message)
        elif isinstance(message, WriteRejected):
            self._app.post_message(WriteRejected(f"{sanitize(self.name)}: {message.words}"))


async def _ended(*tasks: asyncio.Task[Any]) -> None:
    """Let them end now."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
