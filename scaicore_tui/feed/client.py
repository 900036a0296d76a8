"""The four calls (API §1), typed. Owns the URLs; one instance speaks to one target."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from scaicore_tui.clock import Clock, SystemClock
from scaicore_tui.config import Target
from scaicore_tui.credentials import Bearer
from scaicore_tui.credentials.bearer import UNAUTHORIZED
from scaicore_tui.errors import CannotReach, CredentialsError, NotFound, OutcomeUnknown, UsageError
from scaicore_tui.feed import transport as http
from scaicore_tui.feed.budget import Budget, Rank, Slot
from scaicore_tui.feed.quota import kept_for, server_time
from scaicore_tui.feed.silence import Silence
from scaicore_tui.secret import Secret
from scaicore_tui.text import named
from scaicore_tui.wire import (
    Checkpoint,
    CheckpointPage,
    EventPage,
    Invocation,
    read_checkpoint,
    read_checkpoint_page,
    read_event_page,
    read_invocation,
)
from scaicore_tui.wire.checkpoints import PENDING
from scaicore_tui.wire.given import GivenJson, written

if TYPE_CHECKING:
    import httpx

MAX_LIMIT = 500
# A body of so many bytes takes a while to read: whoever presses a key meanwhile does not wait for it.
LARGE = 256 * 1024
# Each value that is no number takes some 70 bytes of memory.
MAX_VALUES = 3_000_000
CHECK = "check the URL and --api (scaiflow or scaigrid), or ask: scaicore-tui doctor"

T = TypeVar("T")


class Client:
    """A pool of connections to one target, the budget of requests to it, and the token that goes with them.

    Every method raises the errors of `transport` and of having a token; `rank` is how urgent a read is.
    """

    def __init__(
        self, target: Target, transport: httpx.AsyncBaseTransport | None = None, clock: Clock | None = None
    ) -> None:
        self.target = target
        self.requests = 0
        # By so many seconds the server's clock is ahead of ours, as far as its last answer told.
        self.skew = 0.0
        # How old the newest first page of each rank was when it came, in seconds.
        self.kept: dict[Rank, float] = {}
        # How many pending checkpoints can't be read.
        self.unreadable = 0
        self._clock = clock or SystemClock()
        self.budget = Budget(self._clock)
        self.bearer = Bearer(target, self._clock)
        self._http = http.open_http(target, Silence() if target.offline else transport)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def events(self, limit: int, cursor: str | None = None, rank: Rank = Rank.HEAD) -> EventPage:
        """One page of the feed, of at most `limit` events."""
        return await _read(read_event_page, await self._get("events", rank, limit, cursor))

    async def checkpoints(
        self, status: str, limit: int = MAX_LIMIT, cursor: str | None = None, rank: Rank = Rank.CHECKPOINTS
    ) -> CheckpointPage:
        """One page of the checkpoints of one status."""
        return await _read(read_checkpoint_page, await self._get("checkpoints", rank, limit, cursor, status=status))

    async def all_checkpoints(
        self, status: str, max_pages: int = 20, rank: Rank = Rank.CHECKPOINTS
    ) -> list[Checkpoint]:
        """All checkpoints of one status, each once, as the pages have them."""
        found: dict[str, Checkpoint] = {}
        cursor, unreadable = None, 0
        for _ in range(max_pages):
            page = await self.checkpoints(status, cursor=cursor, rank=rank)
            found |= {checkpoint.id: checkpoint for checkpoint in page.checkpoints}
            unreadable += page.unreadable
            if page.next_cursor in (None, cursor):
                break
            cursor = page.next_cursor
        self.unreadable = unreadable if status == PENDING else self.unreadable
        return list(found.values())

    async def resolve(self, checkpoint_id: str, resolution: Any, comment: str | None = None) -> Checkpoint:
        """Answer a checkpoint, once, with an option's value."""
        body = {"resolution": resolution} | ({"comment": comment} if comment else {})
        path = f"checkpoints/{_segment(checkpoint_id)}/resolve"
        answer = await self._post(path, written(body).source, http.WRITE_TIMEOUT)
        return await _read_written(read_checkpoint, answer)

    async def invoke(self, core_id: str, value: Any, entity_id: str | None = None) -> Invocation:
        """Run a Core, once, with an input: a value, or GivenJson, which is sent as it stands. May take minutes; what it
        answers when the run suspends is undocumented."""
        given = value if isinstance(value, GivenJson) else written(value)
        entity = b',"entity_id":' + written(entity_id).source if entity_id else b""
        body = b'{"input":%s%s}' % (given.source, entity)
        answer = await self._post(f"cores/{_segment(core_id)}/invoke", body, http.INVOKE_TIMEOUT)
        return await _read_written(read_invocation, answer)

    async def _get(self, path: str, rank: Rank, limit: int, cursor: str | None, **query: str) -> bytes:
        params: dict[str, Any] = {"core_id": self.target.core, **query, "limit": limit, "cursor": cursor}
        sent = {key: value for key, value in params.items() if value is not None}
        url = f"{self.target.resources}/{path}"
        token = await self._sign()
        try:
            return await self._ask_until_new(url, rank, sent)
        except CredentialsError as error:
            if error.status != UNAUTHORIZED or not await self.bearer.renew(token):
                raise self.bearer.explain(error) from error
        except NotFound as error:
            # What is listed is always there, be it empty: somewhere else.
            error.hint = error.hint or CHECK
            raise
        await self._sign()
        return await self._ask_until_new(url, rank, sent)

    async def _ask_until_new(self, url: str, rank: Rank, params: dict[str, Any]) -> bytes:
        # The server may have closed connections just when they are used again, each of those kept: nobody need know.
        for _ in range(http.KEPT_OPEN):
            with suppress(http.HungUp):
                return await self._ask(url, rank, params)
        return await self._ask(url, rank, params)

    async def _ask(self, url: str, rank: Rank, params: dict[str, Any]) -> bytes:
        async with self.budget.slot(rank) as slot:
            self.requests += 1
            heard = self._hearing(slot, None if "cursor" in params else rank)
            # What a person is about to act on is asked of the API itself, whatever keeps answers on the way to it.
            return await http.get(self._http, url, params, heard, anew=rank is Rank.WRITE)

    async def _post(self, path: str, body: bytes, timeout: float) -> bytes:  # noqa: ASYNC109
        url = f"{self.target.resources}/{path}"
        await self._sign()
        async with self.budget.slot(Rank.WRITE) as slot:
            self.requests += 1
            try:
                return await http.post(self._http, url, body, timeout, self._hearing(slot))
            except CredentialsError as error:
                # Not sent again, with whatever token: that is for the person who pressed the key.
                raise self.bearer.explain(error) from error

    async def _sign(self) -> Secret | None:
        """See to it that a token goes with the next request: the one that is returned."""
        token = await self.bearer.token()
        http.sign(self._http, token)
        return token

    def _hearing(self, slot: Slot, first_of: Rank | None = None) -> http.Hearing:
        def heard(status: int, headers: Mapping[str, str]) -> None:
            slot.heard(status, headers)
            if first_of is not None:
                self.kept[first_of] = kept_for(headers)
            there = server_time(headers)
            self.skew = self.skew if there is None else there - self._clock.now()

        return heard


def _segment(name: str) -> str:
    """A segment of a path. Raises UsageError for half of a surrogate pair, which JSON can name and no URL can."""
    try:
        return quote(name, safe="")
    except UnicodeEncodeError as error:
        raise UsageError(f"no URL can name {named(name)}", kept="nothing was sent") from error


async def _read_written(reader: Callable[[bytes], T], body: bytes) -> T:
    """The same for a write. Raises OutcomeUnknown: whoever gave that answer, it does not tell what came of it."""
    try:
        return await _read(reader, body)
    except CannotReach as error:
        raise OutcomeUnknown(f"sent, but {error.message}", kept="it is not sent again", hint="looking it up") from error


async def _read(reader: Callable[[bytes], T], body: bytes) -> T:
    """What `reader` makes of `body`. Raises CannotReach for a success that is not this API's."""
    try:
        if len(body) < LARGE:
            return reader(body)
        _refuse_too_many_values(body)
        return await asyncio.to_thread(reader, body)
    except ValueError as error:
        words, hint = _told(body, error)
    raise CannotReach(f"the answer is not ScaiCore's: {words}", hint=hint)


def _refuse_too_many_values(body: bytes) -> None:
    """Raise ValueError where decoding would take far more memory than the body does."""
    if body.count(b"{") + body.count(b"[") + body.count(b'"') // 2 > MAX_VALUES:
        raise ValueError(f"it has more than {MAX_VALUES:,} values")


def _told(body: bytes, error: ValueError) -> tuple[str, str]:
    """What came in place of an answer, and what can be done."""
    begin = body[:200].lstrip()
    if not begin:
        return "it is empty", CHECK
    if begin.startswith(b"<"):
        return "it is a web page", f"a sign-in page, or a proxy's? {CHECK}"
    if not isinstance(error, json.JSONDecodeError):
        return str(error), CHECK
    breaks_off = error.pos >= len(error.doc.rstrip()) or "Unterminated" in error.msg
    return ("its JSON breaks off", "") if breaks_off else ("it is no JSON", CHECK)
