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
from scaicore_tui.api.page_size import MAX_LIMIT
from scaicore_tui.api.response_age import recorded_times
from scaicore_tui.clock import Clock, wait_for_event
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.protocol import Checkpoint, CheckpointPage
from scaicore_tui.protocol.checkpoints import PENDING
from scaicore_tui.sync.head import Head, HeadRead, has_expired
from scaicore_tui.sync.poller import Backoff, Poller, RandomFn
from scaicore_tui.sync.status import ConnectionStatus
from scaicore_tui.sync.stitch import KnownTail

SLOWEST = 30.0
# Requests of one poll: the newest page, and the checkpoints.
PER_POLL = 2
# The largest share of a minute's requests that polls take.
POLL_SHARE = 2 / 3
# An interval that is shorter than that by no more than this factor is kept: what others spend on the same key is an
# estimate, which moves with each answer.
TOLERANCE = 1.2
# Up to so many pages the usual interval is kept; from so many on, the slowest is used.
FEW, MANY = 4, 20


def poll_interval(interval: float, behind: int) -> float:
    """Seconds between two looks at the head, with so many events behind."""
    share = min(1.0, max(0.0, (behind / MAX_LIMIT - FEW) / (MANY - FEW)))
    return interval + share * max(0.0, SLOWEST - interval)


def allowed(interval: float, available: float) -> float:
    """Seconds between two polls where so many requests a minute are available: the interval, or longer.

    A longer one is rounded up to whole seconds, or tenths below one: it is shown, and should rarely change.
    """
    shortest = PER_POLL * 60.0 / (POLL_SHARE * available)
    if shortest <= interval * TOLERANCE:
        return interval
    return float(ceil(shortest - 1e-9)) if shortest > 1 else ceil(shortest * 10 - 1e-9) / 10


def upkeep(pace: float) -> float:
    """Requests a minute for the regular looks at that pace."""
    return PER_POLL * 60.0 / pace


# In intervals: how long a listing of many pages is not repeated, at most.
MAX_LISTING_WAIT = 12

# Somebody who pressed a key so many seconds ago still looks.
ATTENDED_FOR = 60.0


class Pollers:
    """Both, with the `link` that they make. `apply_head` takes a look at the head, and returns how many of its events
    were new; `apply_checkpoints` takes all that is pending, the ids that were seen since a moment, and that moment.

    Where the pending checkpoints have more pages than one, the first is polled, and `listing` is set: the others are
    read one at a time, behind all that is more urgent (`read_checkpoints`)."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        chance: RandomFn,
        known: Callable[[], KnownTail],
        apply_head: Callable[[HeadRead], Awaitable[int]],
        apply_checkpoints: Callable[[Sequence[Checkpoint], Collection[str], float], Awaitable[None]],
        changed: Callable[[], None],
    ) -> None:
        interval = client.target.interval
        self.pending = PendingCheckpoints()
        self.listing = asyncio.Event()
        # When the latest listing began, and when the next one may.
        self._listing_began = self._list_at = 0.0
        self._clock = clock
        self._client = client
        self._link = ConnectionStatus(interval=interval)
        self._changed = changed
        self._key_at: float | None = None
        self._recovered = asyncio.Event()
        self._head = Head(client, known)
        self._apply_head, self._apply_checkpoints = apply_head, apply_checkpoints
        given = (self._part_changed, clock, client)
        self._events = Poller(
            self._head.read,
            self._take_head,
            *given,
            Priority.HEAD,
            Backoff(interval, chance),
            # The last page that was read is the newest: those before it are older, or were read again.
            lambda times: times[-1],
            self.is_attended,
        )
        self._checkpoints = Poller(
            self._ask_for_checkpoints,
            self._take_checkpoints,
            *given,
            Priority.CHECKPOINTS,
            Backoff(interval, chance),
            # All answers that it took are one page, the first: the rows of the others have ages of their own.
            min,
            self.is_attended,
        )
        self._adapt()

    @property
    def link(self) -> ConnectionStatus:
        """The state of the connection after the latest fetches."""
        parts = {"events": self._events.part, "checkpoints": self._checkpoints.part}
        return replace(self._link, **parts, skew=self._client.clock_skew)

    @property
    def stuck(self) -> str:
        """Why newer events may be unread; empty where they are not."""
        return self._head.stuck

    async def wait_until_resumed(self) -> None:
        """Return while it is not paused."""
        await self._events.not_paused.wait()

    async def run(self) -> None:
        """Poll until cancelled."""
        async with asyncio.TaskGroup() as group:
            for poller in self._both:
                group.create_task(poller.run())

    async def fetch(self) -> None:
        """Read both once: the newest events, and the first page of checkpoints. Raises what keeps either from it."""
        self._list_at = 0.0
        await asyncio.gather(self._fetch_head(), self._checkpoints.fetch())
        for part in self.link.parts:
            if part.error is not None:
                raise part.error

    async def read_checkpoints(self) -> None:
        """Read the next page of the listing under way. Raises what keeps it from that."""
        cursor, began = self.pending.cursor, self._clock.monotonic()
        try:
            with recorded_times(self._clock) as times:
                page = await self._client.checkpoints(PENDING, cursor=cursor, rank=Priority.CATCH_UP)
        except ScaicoreError as error:
            if not has_expired(error):
                raise
            self.pending.drop(f"a page was refused: {error.message}")
        else:
            self.pending.take_next(page, cursor, min(times, default=began))
        await self._pending_read()

    async def close(self) -> None:
        """Give up what is under way."""
        for poller in self._both:
            await poller.close()

    def prefetch(self) -> None:
        """Ask before `run`, which takes the answers."""
        for poller in self._both:
            poller.prefetch()

    def refresh(self) -> bool:
        """Ask now; False where enough is under way."""
        begun = [poller.refresh() for poller in self._both]
        return any(begun)

    def pause(self, *, paused: bool) -> None:
        """Stop asking, or ask again at once."""
        self._link = replace(self._link, paused=paused)
        for poller in self._both:
            poller.pause(paused=paused)
        self._changed()

    def catch_up(self, behind: int | None) -> None:
        """So many events are behind: both are asked for at a pace that leaves room to read them."""
        has_changed = behind != self._link.behind
        self._link = replace(self._link, behind=behind)
        if self._adapt() or has_changed:
            self._changed()

    def key_pressed(self) -> None:
        """Somebody is there: for a while failures are not waited out for long."""
        self._key_at = self._clock.monotonic()
        for poller in self._both:
            if poller.part.failures:
                poller.wake()

    def is_attended(self) -> bool:
        """Whether somebody pressed a key in the last minute."""
        return self._key_at is not None and self._clock.monotonic() - self._key_at < ATTENDED_FOR

    async def wait_out(self, seconds: float) -> None:
        """Return after `seconds`, or once a poll that had failed is answered again."""
        await wait_for_event(self._clock, seconds, self._recovered)

    @property
    def _both(self) -> tuple[Poller[HeadRead], Poller[CheckpointPage]]:
        return self._events, self._checkpoints

    def _part_changed(self) -> None:
        self._adapt()
        self._changed()

    def _adapt(self) -> bool:
        """Set the pace that interval, rate limit and what is behind allow; returns whether the link changed."""
        link, budget = self._link, self._client.budget
        shortest = allowed(link.interval, budget.available)
        seconds = poll_interval(shortest, link.behind or 0)
        limit = budget.limit if shortest > link.interval else None
        if (seconds, shortest, limit) == (link.pace, link.shortest, link.limit):
            return False
        self._link = replace(link, shortest=shortest, limit=limit)
        self._set_pace(seconds)
        return True

    def _set_pace(self, seconds: float) -> None:
        self._link = replace(self._link, pace=seconds)
        self._client.budget.reserved_per_minute = upkeep(seconds)
        for poller in self._both:
            poller.pace = seconds
            poller.wake()

    async def _fetch_head(self) -> None:
        while await self._events.fetch():
            pass

    async def _take_head(self, sweep: HeadRead, asked_at: float) -> bool:
        new_events = await self._apply_head(sweep)
        self._head.record(sweep, new_events)
        self._link = replace(self._link, new_events=new_events)
        self._was_answered(self._events, self._checkpoints)
        return sweep.more and not self._head.stuck

    async def _ask_for_checkpoints(self) -> CheckpointPage:
        return await self._client.checkpoints(PENDING)

    async def _take_checkpoints(self, page: CheckpointPage, true_at: float) -> bool:
        now, was_reading = self._clock.monotonic(), self.pending.is_reading
        self.pending.take_first(page, true_at, begin=now >= self._list_at)
        if now >= self._list_at and not was_reading:
            self._listing_began = now
        if self.pending.is_reading:
            self.listing.set()
        await self._pending_read()
        self._was_answered(self._checkpoints, self._events)
        return False

    async def _pending_read(self) -> None:
        """Hand on what is pending; see when it is listed next: the more pages there are, the less often."""
        pages = min(MAX_LISTING_WAIT, max(1, self.pending.status.pages - 1))
        seen, since = self.pending.seen
        self._list_at = self._listing_began + pages * self._link.effective_interval * 0.9  # polls are not evenly spaced
        self._client.unreadable = self.pending.unreadable
        await self._apply_checkpoints(list(self.pending.rows.values()), seen, since)

    def _was_answered(self, poller: Poller[Any], other: Poller[Any]) -> None:
        """The host of both has answered one: whoever waits for it to be back need wait no longer."""
        other.host_answered()
        if poller.part.failures:
            self._recovered.set()
            self._recovered = asyncio.Event()
