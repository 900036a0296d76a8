"""The two pollers of a session: the feed's head, and the pending checkpoints. Neither waits for the other.

Both keep to a pace that the interval asks for, the rate limit allows, and leaves room to catch up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from math import ceil
from typing import Any

from msgspec.structs import replace

from scaicore_tui.api.budget import Priority
from scaicore_tui.api.checkpoint_listing import PendingCheckpoints
from scaicore_tui.api.client import Client
from scaicore_tui.api.page_size import MAX_PAGE_ROWS
from scaicore_tui.api.response_age import record_response_times
from scaicore_tui.clock import Clock, wait_for_event
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.protocol import Checkpoint, CheckpointPage
from scaicore_tui.protocol.checkpoints import PENDING
from scaicore_tui.sync.head import Head, HeadRead, is_cursor_expired
from scaicore_tui.sync.poller import Backoff, Poller, RandomFn
from scaicore_tui.sync.status import ConnectionStatus
from scaicore_tui.sync.stitch import KnownTail

MAX_INTERVAL_S = 30.0
# Requests of one poll: the newest page, and the checkpoints.
REQUESTS_PER_POLL = 2
# The largest share of a minute's requests that polls take.
POLL_SHARE = 2 / 3
# An interval that is shorter than that by no more than this factor is kept: what others spend on the same key is an
# estimate, which moves with each answer.
INTERVAL_TOLERANCE = 1.2
# Up to so many pages the usual interval is kept; from so many on, the slowest is used.
SLOWDOWN_START_PAGES, SLOWDOWN_END_PAGES = 4, 20


def poll_interval(interval: float, behind: int) -> float:
    """Seconds between two looks at the head, with so many events behind."""
    share = min(
        1.0, max(0.0, (behind / MAX_PAGE_ROWS - SLOWDOWN_START_PAGES) / (SLOWDOWN_END_PAGES - SLOWDOWN_START_PAGES))
    )
    return interval + share * max(0.0, MAX_INTERVAL_S - interval)


def allowed_interval(interval: float, available: float) -> float:
    """Seconds between two polls where so many requests a minute are available: the interval, or longer.

    A longer one is rounded up to whole seconds, or tenths below one: it is shown, and should rarely change.
    """
    shortest = REQUESTS_PER_POLL * 60.0 / (POLL_SHARE * available)
    if shortest <= interval * INTERVAL_TOLERANCE:
        return interval
    return float(ceil(shortest - 1e-9)) if shortest > 1 else ceil(shortest * 10 - 1e-9) / 10


def requests_per_minute(interval: float) -> float:
    """Requests a minute for the regular looks at that pace."""
    return REQUESTS_PER_POLL * 60.0 / interval


# In intervals: how long a listing of many pages is not repeated, at most.
MAX_LISTING_WAIT_INTERVALS = 12

# Somebody who pressed a key so many seconds ago still looks.
ATTENDED_FOR_S = 60.0


class Pollers:
    """Both, with the `link` that they make. `apply_head` takes a look at the head, and returns how many of its events
    were new; `apply_checkpoints` takes all that is pending, the ids that were seen since a moment, and that moment.

    Where the pending checkpoints have more pages than one, the first is polled, and `listing` is set: the others are
    read one at a time, behind all that is more urgent (`read_checkpoints`)."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        random: RandomFn,
        known_tail: Callable[[], KnownTail],
        apply_head: Callable[[HeadRead], Awaitable[int]],
        apply_checkpoints: Callable[[Sequence[Checkpoint], Collection[str], float], Awaitable[None]],
        on_changed: Callable[[], None],
    ) -> None:
        interval = client.target.interval
        self.pending = PendingCheckpoints()
        self.listing_started = asyncio.Event()
        # When the latest listing began, and when the next one may.
        self._listing_began_at = self._next_listing_at = 0.0
        self._clock = clock
        self._client = client
        self._status = ConnectionStatus(interval=interval)
        self._on_changed = on_changed
        self._key_at: float | None = None
        self._recovered = asyncio.Event()
        self._head = Head(client, known_tail)
        self._apply_head, self._apply_checkpoints = apply_head, apply_checkpoints
        given = (self._on_source_changed, clock, client)
        self._events = Poller(
            self._head.read,
            self._on_head,
            *given,
            Priority.HEAD,
            Backoff(interval, random),
            # The last page that was read is the newest: those before it are older, or were read again.
            lambda times: times[-1],
            self.is_attended,
        )
        self._checkpoints = Poller(
            self._request_checkpoints,
            self._on_checkpoints,
            *given,
            Priority.CHECKPOINTS,
            Backoff(interval, random),
            # All answers that it took are one page, the first: the rows of the others have ages of their own.
            min,
            self.is_attended,
        )
        self._update_interval()

    @property
    def status(self) -> ConnectionStatus:
        """The state of the connection after the latest fetches."""
        parts = {"events": self._events.status, "checkpoints": self._checkpoints.status}
        return replace(self._status, **parts, clock_skew=self._client.clock_skew)

    @property
    def stop_reason(self) -> str:
        """Why newer events may be unread; empty where they are not."""
        return self._head.stop_reason

    async def wait_until_resumed(self) -> None:
        """Return while it is not paused."""
        await self._events.not_paused.wait()

    async def run(self) -> None:
        """Poll until cancelled."""
        async with asyncio.TaskGroup() as group:
            for poller in self._pollers:
                group.create_task(poller.run())

    async def fetch(self) -> None:
        """Read both once: the newest events, and the first page of checkpoints. Raises what keeps either from it."""
        self._next_listing_at = 0.0
        await asyncio.gather(self._fetch_head(), self._checkpoints.fetch())
        for part in self.status.sources:
            if part.error is not None:
                raise part.error

    async def read_checkpoint_page(self) -> None:
        """Read the next page of the listing under way. Raises what keeps it from that."""
        cursor, began = self.pending.cursor, self._clock.monotonic()
        try:
            with record_response_times(self._clock) as times:
                page = await self._client.checkpoints(PENDING, cursor=cursor, priority=Priority.BACKFILL)
        except ScaicoreError as error:
            if not is_cursor_expired(error):
                raise
            self.pending.abandon(f"a page was refused: {error.message}")
        else:
            self.pending.apply_next_page(page, cursor, min(times, default=began))
        await self._publish_pending()

    async def close(self) -> None:
        """Give up what is under way."""
        for poller in self._pollers:
            await poller.close()

    def prefetch(self) -> None:
        """Ask before `run`, which takes the answers."""
        for poller in self._pollers:
            poller.prefetch()

    def refresh(self) -> bool:
        """Ask now; False where enough is under way."""
        begun = [poller.refresh() for poller in self._pollers]
        return any(begun)

    def pause(self, *, paused: bool) -> None:
        """Stop asking, or ask again at once."""
        self._status = replace(self._status, paused=paused)
        for poller in self._pollers:
            poller.pause(paused=paused)
        self._on_changed()

    def set_behind(self, behind: int | None) -> None:
        """So many events are behind: both are asked for at a pace that leaves room to read them."""
        has_changed = behind != self._status.behind
        self._status = replace(self._status, behind=behind)
        if self._update_interval() or has_changed:
            self._on_changed()

    def key_pressed(self) -> None:
        """Somebody is there: for a while failures are not waited out for long."""
        self._key_at = self._clock.monotonic()
        for poller in self._pollers:
            if poller.status.failures:
                poller.wake()

    def is_attended(self) -> bool:
        """Whether somebody pressed a key in the last minute."""
        return self._key_at is not None and self._clock.monotonic() - self._key_at < ATTENDED_FOR_S

    async def wait_or_recovery(self, seconds: float) -> None:
        """Return after `seconds`, or once a poll that had failed is answered again."""
        await wait_for_event(self._clock, seconds, self._recovered)

    @property
    def _pollers(self) -> tuple[Poller[HeadRead], Poller[CheckpointPage]]:
        return self._events, self._checkpoints

    def _on_source_changed(self) -> None:
        self._update_interval()
        self._on_changed()

    def _update_interval(self) -> bool:
        """Set the pace that interval, rate limit and what is behind allow; returns whether the link changed."""
        link, budget = self._status, self._client.budget
        shortest = allowed_interval(link.interval, budget.available)
        seconds = poll_interval(shortest, link.behind or 0)
        limit = budget.limit if shortest > link.interval else None
        if (seconds, shortest, limit) == (link.poll_interval, link.allowed_interval, link.limit):
            return False
        self._status = replace(link, allowed_interval=shortest, limit=limit)
        self._set_interval(seconds)
        return True

    def _set_interval(self, seconds: float) -> None:
        self._status = replace(self._status, poll_interval=seconds)
        self._client.budget.reserved_per_minute = requests_per_minute(seconds)
        for poller in self._pollers:
            poller.interval = seconds
            poller.wake()

    async def _fetch_head(self) -> None:
        while await self._events.fetch():
            pass

    async def _on_head(self, sweep: HeadRead, asked_at: float) -> bool:
        new_events = await self._apply_head(sweep)
        self._head.record(sweep, new_events)
        self._status = replace(self._status, new_events=new_events)
        self._record_answer(self._events, self._checkpoints)
        return sweep.has_more and not self._head.stop_reason

    async def _request_checkpoints(self) -> CheckpointPage:
        return await self._client.checkpoints(PENDING)

    async def _on_checkpoints(self, page: CheckpointPage, true_at: float) -> bool:
        now, was_reading = self._clock.monotonic(), self.pending.is_reading
        self.pending.apply_first_page(page, true_at, begin=now >= self._next_listing_at)
        if now >= self._next_listing_at and not was_reading:
            self._listing_began_at = now
        if self.pending.is_reading:
            self.listing_started.set()
        await self._publish_pending()
        self._record_answer(self._checkpoints, self._events)
        return False

    async def _publish_pending(self) -> None:
        """Hand on what is pending; see when it is listed next: the more pages there are, the less often."""
        pages = min(MAX_LISTING_WAIT_INTERVALS, max(1, self.pending.status.pages - 1))
        seen, since = self.pending.seen
        self._next_listing_at = (
            self._listing_began_at + pages * self._status.effective_interval * 0.9
        )  # polls are not evenly spaced
        self._client.unreadable = self.pending.unreadable
        await self._apply_checkpoints(list(self.pending.rows.values()), seen, since)

    def _record_answer(self, poller: Poller[Any], other: Poller[Any]) -> None:
        """The host of both has answered one: whoever waits for it to be back need wait no longer."""
        other.clear_host_failure()
        if poller.status.failures:
            self._recovered.set()
            self._recovered = asyncio.Event()
