"""The two pollers of a session, for the head of the feed and for pending checkpoints. They run independently.

Both use one interval: the configured one, or a longer one that the rate limit and backfill require.
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
from scaicore_tui.log import Log
from scaicore_tui.protocol import Checkpoint, CheckpointPage
from scaicore_tui.protocol.checkpoints import PENDING
from scaicore_tui.sync.head import Head, HeadRead, InThread, is_cursor_expired
from scaicore_tui.sync.poller import Backoff, Poller, RandomFn
from scaicore_tui.sync.status import ConnectionState, ConnectionStatus
from scaicore_tui.sync.stitch import KnownTail

_log = Log(__name__)

MAX_INTERVAL_S = 30.0
# Requests of one poll: the newest events and the checkpoints.
REQUESTS_PER_POLL = 2
# Largest share of a minute's requests that polls may use.
POLL_SHARE = 2 / 3
# A configured interval is kept if the required one is longer by at most this factor: the required one depends on an
# estimate of other clients' requests, which changes with each response.
INTERVAL_TOLERANCE = 1.2
# Missing pages from which polls become less frequent, and from which they use MAX_INTERVAL_S.
SLOWDOWN_START_PAGES, SLOWDOWN_END_PAGES = 4, 20


def poll_interval(interval: float, behind: int) -> float:
    """Return the seconds between two polls while `behind` events are missing."""
    share = min(
        1.0, max(0.0, (behind / MAX_PAGE_ROWS - SLOWDOWN_START_PAGES) / (SLOWDOWN_END_PAGES - SLOWDOWN_START_PAGES))
    )
    return interval + share * max(0.0, MAX_INTERVAL_S - interval)


def allowed_interval(interval: float, available: float) -> float:
    """Return the seconds between two polls with `available` requests per minute: `interval` or longer.

    A longer result is rounded up to whole seconds (below one second: tenths), because it is shown and should be steady.
    """
    shortest = REQUESTS_PER_POLL * 60.0 / (POLL_SHARE * available)
    if shortest <= interval * INTERVAL_TOLERANCE:
        return interval
    return float(ceil(shortest - 1e-9)) if shortest > 1 else ceil(shortest * 10 - 1e-9) / 10


def requests_per_minute(interval: float) -> float:
    """Return the requests per minute that polls at `interval` seconds use."""
    return REQUESTS_PER_POLL * 60.0 / interval


# Longest pause between two listings with several pages, in intervals.
MAX_LISTING_WAIT_INTERVALS = 12

# A person counts as present for this long after a key press.
ATTENDED_FOR_S = 60.0


class Pollers:
    """Runs both pollers and provides their common connection `status`.

    `apply_head` stores a head read and returns its number of new events. `apply_checkpoints` gets all pending
    checkpoints, the ids seen since a time, and that time.

    If the pending checkpoints have several pages, only the first is polled and `listing_started` is set. The others are
    read one at a time, at low priority, by `read_checkpoint_page`.
    """

    def __init__(
        self,
        client: Client,
        clock: Clock,
        random: RandomFn,
        known_tail: Callable[[], KnownTail],
        in_thread: InThread,
        apply_head: Callable[[HeadRead], Awaitable[int]],
        apply_checkpoints: Callable[[Sequence[Checkpoint], Collection[str], float], Awaitable[None]],
        on_changed: Callable[[], None],
    ) -> None:
        interval = client.target.interval
        self.pending = PendingCheckpoints()
        self.listing_started = asyncio.Event()
        # When the latest listing began, and when the next one may begin.
        self._listing_began_at = self._next_listing_at = 0.0
        self._clock = clock
        self._client = client
        self._status = ConnectionStatus(interval=interval)
        self._on_changed = on_changed
        self._logged_state: ConnectionState | None = None
        self._key_at: float | None = None
        self._recovered = asyncio.Event()
        self._head = Head(client, known_tail, in_thread)
        self._apply_head, self._apply_checkpoints = apply_head, apply_checkpoints
        shared = (self._on_source_changed, clock, client)
        self._events = Poller(
            self._head.read,
            self._on_head,
            *shared,
            Priority.HEAD,
            Backoff(interval, random),
            # The last page read is the newest; earlier ones are older or were read again.
            lambda times: times[-1],
            self.is_attended,
        )
        self._checkpoints = Poller(
            self._request_checkpoints,
            self._on_checkpoints,
            *shared,
            Priority.CHECKPOINTS,
            Backoff(interval, random),
            # All responses of this fetch form the first page; rows of other pages have their own ages.
            min,
            self.is_attended,
        )
        self._update_interval()

    @property
    def status(self) -> ConnectionStatus:
        """Connection status after the latest fetches."""
        sources = {"events": self._events.status, "checkpoints": self._checkpoints.status}
        return replace(self._status, **sources, clock_skew=self._client.clock_skew)

    @property
    def stop_reason(self) -> str:
        """Reason why newer events may be unread; empty if none are."""
        return self._head.stop_reason

    async def wait_until_resumed(self) -> None:
        """Wait until polling is not paused."""
        await self._events.not_paused.wait()

    async def run(self) -> None:
        """Poll until cancelled."""
        async with asyncio.TaskGroup() as group:
            for poller in self._pollers:
                group.create_task(poller.run())

    async def fetch(self) -> None:
        """Fetch the newest events and the first page of checkpoints once. Raises the error of either."""
        self._next_listing_at = 0.0
        await asyncio.gather(self._fetch_head(), self._checkpoints.fetch())
        for source in self.status.sources:
            if source.error is not None:
                raise source.error

    async def read_checkpoint_page(self) -> None:
        """Read the next page of the current checkpoint listing. Raises the error of the request."""
        cursor, began = self.pending.cursor, self._clock.monotonic()
        try:
            with record_response_times(self._clock) as times:
                page = await self._client.checkpoints(PENDING, cursor=cursor, priority=Priority.BACKFILL)
        except ScaicoreError as error:
            if not is_cursor_expired(error):
                raise
            self.pending.abandon(f"the server rejected a page: {error.message}")
        else:
            self.pending.apply_next_page(page, cursor, min(times, default=began))
        await self._publish_pending()

    async def close(self) -> None:
        """Cancel all fetches in flight."""
        for poller in self._pollers:
            await poller.close()

    def prefetch(self) -> None:
        """Start the first fetches before `run`, which then uses their results."""
        for poller in self._pollers:
            poller.prefetch()

    def refresh(self) -> bool:
        """Fetch now; return False if enough fetches are in flight."""
        begun = [poller.refresh() for poller in self._pollers]
        return any(begun)

    def pause(self, *, paused: bool) -> None:
        """Pause, or resume and fetch at once."""
        self._status = replace(self._status, paused=paused)
        for poller in self._pollers:
            poller.pause(paused=paused)
        self._log_state()
        self._on_changed()

    def set_behind(self, behind: int | None) -> None:
        """Set the estimated number of missing events, and the interval that leaves requests to read them."""
        has_changed = behind != self._status.behind
        self._status = replace(self._status, behind=behind)
        if self._update_interval() or has_changed:
            self._on_changed()

    def key_pressed(self) -> None:
        """Record a key press: a person is present, so delays after failures are short for a while."""
        self._key_at = self._clock.monotonic()
        for poller in self._pollers:
            if poller.status.failures:
                poller.wake()

    def is_attended(self) -> bool:
        """Return True if a key was pressed in the last ATTENDED_FOR_S."""
        return self._key_at is not None and self._clock.monotonic() - self._key_at < ATTENDED_FOR_S

    async def wait_or_recovery(self, seconds: float) -> None:
        """Wait for `seconds`, or until a poll succeeds after a failure."""
        await wait_for_event(self._clock, seconds, self._recovered)

    @property
    def _pollers(self) -> tuple[Poller[HeadRead], Poller[CheckpointPage]]:
        return self._events, self._checkpoints

    def _on_source_changed(self) -> None:
        self._update_interval()
        self._log_state()
        self._on_changed()

    def _log_state(self) -> None:
        """Log the state of the connection if it has changed."""
        if not _log.is_on:
            return
        status, now = self.status, self._clock.monotonic()
        before, self._logged_state = self._logged_state, status.state(now)
        if before is not self._logged_state:
            age = status.age(now)
            _log.info(
                "connection",
                state=str(self._logged_state),
                before=None if before is None else str(before),
                age_s=None if age is None else round(age, 1),
                failures=status.failures,
                interval_s=status.poll_interval,
                clock_skew_s=round(status.clock_skew, 1),
            )

    def _update_interval(self) -> bool:
        """Set the interval from configuration, rate limit and backlog; return True if the status changed."""
        status, budget = self._status, self._client.budget
        shortest = allowed_interval(status.interval, budget.available)
        seconds = poll_interval(shortest, status.behind or 0)
        limit = budget.limit if shortest > status.interval else None
        if (seconds, shortest, limit) == (status.poll_interval, status.allowed_interval, status.limit):
            return False
        self._status = replace(status, allowed_interval=shortest, limit=limit)
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

    async def _on_head(self, head: HeadRead, asked_at: float) -> bool:
        new_events = await self._apply_head(head)
        self._head.record(head, new_events)
        self._status = replace(self._status, new_events=new_events)
        self._record_answer(self._events, self._checkpoints)
        return head.has_more and not self._head.stop_reason

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
        """Pass on the pending checkpoints and schedule the next listing: the more pages, the less often."""
        pages = min(MAX_LISTING_WAIT_INTERVALS, max(1, self.pending.status.pages - 1))
        seen, since = self.pending.seen
        self._next_listing_at = (
            self._listing_began_at + pages * self._status.effective_interval * 0.9
        )  # polls are not evenly spaced
        self._client.unreadable = self.pending.unreadable
        await self._apply_checkpoints(list(self.pending.rows.values()), seen, since)

    def _record_answer(self, poller: Poller[Any], other: Poller[Any]) -> None:
        """End the backoff of the `other` poller and wake waiters: the host has answered `poller`."""
        other.clear_host_failure()
        if poller.status.failures:
            self._recovered.set()
            self._recovered = asyncio.Event()
