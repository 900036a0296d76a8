"""The four calls (API §1), typed. Owns the URLs; one instance speaks to one target."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from msgspec.structs import replace

from scaicore_tui.api import response_age, response_body
from scaicore_tui.api import transport as http
from scaicore_tui.api.budget import Budget, Priority
from scaicore_tui.api.checkpoint_listing import ListingWalk, PageMemory
from scaicore_tui.api.page_size import MAX_PAGE_ROWS, PageSize, read_fitting
from scaicore_tui.api.transport import OfflineTransport
from scaicore_tui.auth import TokenProvider
from scaicore_tui.auth.provider import UNAUTHORIZED
from scaicore_tui.clock import Clock, SystemClock
from scaicore_tui.config import Identity, Target, identity_of
from scaicore_tui.errors import (
    CredentialsError,
    NotFound,
    OutcomeUnknown,
    RequestRejected,
    ScaicoreError,
    Unreachable,
    UsageError,
)
from scaicore_tui.protocol import (
    Checkpoint,
    CheckpointPage,
    EventPage,
    Invocation,
    read_checkpoint,
    read_checkpoint_page,
    read_event_page,
    read_invocation,
    read_problem,
)
from scaicore_tui.protocol.checkpoints import PENDING
from scaicore_tui.protocol.envelope import ErrorEnvelope
from scaicore_tui.protocol.headers import cached_age
from scaicore_tui.protocol.page_edges import next_cursor
from scaicore_tui.protocol.strict_json import StrictJson, written
from scaicore_tui.secrets import Secret
from scaicore_tui.text import display_name

if TYPE_CHECKING:
    import httpx

# Pages of ended checkpoints that are read to find some of them: the newest are on the first ones.
MAX_RESOLVED_PAGES = 20
# A body of so many bytes takes a while to read: whoever presses a key meanwhile does not wait for it.
LARGE_BODY_BYTES = 256 * 1024
# Each value that is no number takes some 70 bytes of memory.
MAX_VALUES = 3_000_000
# How many pages a write reads at most to find its checkpoint: more would keep all others waiting.
MAX_FIND_PAGES = 20
OK = 200
_BODY_LIMITS = response_body.BodyLimits()
CHECK_URL_HINT = "check the URL and --api (scaiflow or scaigrid), or ask: scaicore-tui doctor"

T = TypeVar("T")
P = TypeVar("P", EventPage, CheckpointPage)


class Client:
    """A pool of connections to one target, the budget of requests to it, and the token that goes with them.

    Every method raises the errors of `transport` and of having a token; `rank` is how urgent a read is. A resolution
    that gets no byte back for `write_timeout_s` has an unknown outcome. `limits` bounds the pages that are read.
    """

    def __init__(
        self,
        target: Target,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
        *,
        write_timeout_s: float = http.WRITE_TIMEOUT_S,
        limits: response_body.BodyLimits = _BODY_LIMITS,
    ) -> None:
        self.target = target
        self._write_timeout_s = write_timeout_s
        self._body_reader = partial(response_body.read_body, max_bytes=limits.max_body_bytes)
        self._edges_reader = partial(response_body.read_edges, limits=limits)
        self.requests = 0
        # How many pending checkpoints can't be read.
        self.unreadable = 0
        # Why the last listing of checkpoints ended before the server's last page; empty where it did not.
        self.cut_short = ""
        self._pages = PageMemory()
        self._sizes = {path: PageSize(limits.max_body_bytes) for path in ("events", "checkpoints")}
        self._clock = clock or SystemClock()
        self.budget = Budget(self._clock)
        self.bearer = TokenProvider(target, self._clock)
        self._http = http.open_http(target, OfflineTransport() if target.offline else transport)

    @property
    def clock_skew(self) -> float:
        """By how many seconds the server's clock is ahead of ours, as far as its last answer said."""
        return self.budget.clock_skew

    @property
    def identity(self) -> Identity:
        """Whose feed it reads, and whose writes it sends, as far as that is known by now."""
        return identity_of(self.target, self.bearer.caller)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def events(self, limit: int, cursor: str | None = None, priority: Priority = Priority.HEAD) -> EventPage:
        """One page of the feed, of at most `limit` events."""
        return await self._fetch_page("events", read_event_page, EventPage([]), priority, limit, cursor)

    async def checkpoints(
        self,
        status: str,
        limit: int = MAX_PAGE_ROWS,
        cursor: str | None = None,
        priority: Priority = Priority.CHECKPOINTS,
    ) -> CheckpointPage:
        """One page of the checkpoints of one status."""
        none = CheckpointPage(())
        page = await self._fetch_page("checkpoints", read_checkpoint_page, none, priority, limit, cursor, status=status)
        page = replace(page, unreadable=page.unreadable + page.passed)
        self._pages.record(status, cursor, page)
        return page

    async def all_checkpoints(
        self, status: str, priority: Priority = Priority.CHECKPOINTS, max_pages: int | None = None
    ) -> list[Checkpoint]:
        """All checkpoints of one status, each once, as the pages have them. `cut_short` says why any are missing."""
        found: dict[str, Checkpoint] = {}
        walk, unreadable = ListingWalk(), 0
        while not walk.is_over:
            # The first page is what is shown; all that follow leave room for what is more urgent.
            page = await self.checkpoints(
                status, cursor=walk.cursor, priority=max(priority, Priority.BACKFILL) if walk.pages else priority
            )
            found |= {checkpoint.id: checkpoint for checkpoint in page.checkpoints}
            unreadable += page.unreadable
            walk.advance(page)
            if walk.pages == max_pages and not walk.is_over:
                walk.stop(f"only the first {max_pages} pages were asked for")
        self.cut_short = walk.cut_short
        self.unreadable = unreadable if status == PENDING else self.unreadable
        return list(found.values())

    async def find_checkpoint(
        self,
        checkpoint_id: str,
        status: str = PENDING,
        priority: Priority = Priority.WRITE,
        max_pages: int | None = MAX_FIND_PAGES,
    ) -> Checkpoint | None:
        """The checkpoint of that id and status; None where the listing, read to its end, does not have it.

        Reads as few pages as it can: first the one that had it last, then those beside it, then all from the first on.
        Raises CannotReach where it was not found in `max_pages` pages, and there are more; None reads all.
        """
        tried = set[str | None]()
        for cursor in self._pages.nearby_cursors(status, checkpoint_id):
            tried.add(cursor)
            with suppress(NotFound, RequestRejected):  # a cursor may be taken no longer
                page = await self.checkpoints(status, cursor=cursor, priority=priority)
                if (row := _find_row(page, checkpoint_id)) is not None:
                    return row
        walk = ListingWalk()
        while not walk.is_over and (max_pages is None or walk.pages + len(tried) < max_pages):
            page = await self.checkpoints(status, cursor=walk.cursor, priority=priority)
            if (row := _find_row(page, checkpoint_id)) is not None:
                return row
            walk.advance(page)
        if walk.is_over and not walk.cut_short:
            return None
        raise Unreachable(
            f"{display_name(checkpoint_id)} is not among the first {len(walk.seen):,} checkpoints, and there are more",
            effect="nothing was sent",
            hint="try again when the listing was read",
        )

    async def find_checkpoints(
        self, checkpoint_ids: Collection[str], status: str, priority: Priority, max_pages: int = MAX_RESOLVED_PAGES
    ) -> dict[str, Checkpoint]:
        """Return those of the checkpoints that the listing of a status holds, without any that is pending: a server
        may not know the status. Stops at the page that holds the last of them."""
        found: dict[str, Checkpoint] = {}
        walk = ListingWalk()
        while not walk.is_over and walk.pages < max_pages and len(found) < len(set(checkpoint_ids)):
            page = await self.checkpoints(status, cursor=walk.cursor, priority=priority)
            found |= {row.id: row for row in page.checkpoints if row.id in checkpoint_ids and not row.is_pending}
            walk.advance(page)
        return found

    async def resolve(self, checkpoint_id: str, resolution: Any, comment: str | None = None) -> Checkpoint:
        """Answer a checkpoint, once, with an option's value."""
        body = {"resolution": resolution} | ({"comment": comment} if comment else {})
        path = f"checkpoints/{_path_segment(checkpoint_id)}/resolve"
        answer = await self._post(path, written(body).source, self._write_timeout_s)
        return await _parse_write(read_checkpoint, answer)

    async def invoke(
        self,
        core_id: str,
        value: Any,
        entity_id: str | None = None,
        on_sending: Callable[[], None] = lambda: None,
    ) -> Invocation:
        """Run a Core, once, with an input: a value, or GivenJson, which is sent as it stands. May take minutes; what it
        answers when the run suspends is undocumented. `on_sending` is called when the budget lets the request go."""
        given = value if isinstance(value, StrictJson) else written(value)
        entity = b',"entity_id":' + written(entity_id).source if entity_id else b""
        body = b'{"input":%s%s}' % (given.source, entity)
        answer = await self._post(f"cores/{_path_segment(core_id)}/invoke", body, http.INVOKE_TIMEOUT_S, on_sending)
        return await _parse_write(read_invocation, answer)

    async def _fetch_page(
        self,
        path: str,
        reader: Callable[[bytes], P],
        empty: P,
        priority: Priority,
        limit: int,
        cursor: str | None,
        **query: str,
    ) -> P:
        """A page of at most `limit` rows, or as many as can be read; `empty` stands for one that can't be."""

        async def ask(limit: int, cursor: str | None) -> tuple[P, int]:
            body = await self._get(path, priority, limit, cursor, self._body_reader, **query)
            return await _parse(reader, body), len(body)

        async def pass_one(cursor: str | None) -> P:
            head, tail = await self._get(path, priority, 1, cursor, self._edges_reader, **query)
            try:
                return replace(empty, next_cursor=next_cursor(head, tail, path))
            except ValueError as error:
                raise Unreachable(str(error)) from error

        return await read_fitting(ask, pass_one, self._sizes[path], limit, cursor)

    async def _get(
        self,
        path: str,
        rank: Priority,
        limit: int,
        cursor: str | None,
        read: Callable[[httpx.Response], Awaitable[T]],
        **query: str,
    ) -> T:
        params: dict[str, Any] = {"core_id": self.target.core, **query, "limit": limit, "cursor": cursor}
        sent = {key: value for key, value in params.items() if value is not None}
        url = f"{self.target.resources}/{path}"
        token = await self._set_token()
        try:
            return await self._ask_until_new(url, rank, sent, read)
        except CredentialsError as error:
            if error.status != UNAUTHORIZED or not await self.bearer.renew(token):
                raise self.bearer.explain(error) from error
        except NotFound as error:
            # What is listed is always there, be it empty: somewhere else.
            error.hint = error.hint or CHECK_URL_HINT
            raise
        await self._set_token()
        return await self._ask_until_new(url, rank, sent, read)

    async def _ask_until_new(
        self, url: str, rank: Priority, params: dict[str, Any], read: Callable[[httpx.Response], Awaitable[T]]
    ) -> T:
        # The server may have closed connections just when they are used again, each of those kept: nobody need know.
        for _ in range(http.MAX_IDLE_CONNECTIONS):
            with suppress(http.StaleConnection):
                return await self._request_once(url, rank, params, read)
        return await self._request_once(url, rank, params, read)

    async def _request_once(
        self, url: str, priority: Priority, params: dict[str, Any], read: Callable[[httpx.Response], Awaitable[T]]
    ) -> T:
        async with self.budget.slot(priority) as slot:
            self.requests += 1
            age, times = 0.0, response_age.current_recorder()
            asked_at = times.now() if times is not None else 0.0

            def heard(status: int, headers: Mapping[str, str]) -> float:
                nonlocal age
                age = cached_age(headers)
                return slot.on_response(status, headers)

            # What a person is about to act on is asked of the API itself, whatever keeps answers on the way to it.
            answer = await http.get(self._http, url, params, heard, read, no_cache=priority is Priority.WRITE)
            if times is not None:
                times.record(asked_at - age)
            return answer

    async def _post(
        self,
        path: str,
        body: bytes,
        timeout: float,  # noqa: ASYNC109
        on_sending: Callable[[], None] = lambda: None,
    ) -> bytes:
        url, is_sending = f"{self.target.resources}/{path}", False
        try:
            await self._set_token()
            async with self.budget.slot(Priority.WRITE) as slot:
                is_sending = True
                on_sending()
                self.requests += 1
                return await http.post(self._http, url, body, timeout, slot.on_response)
        except CredentialsError as error:
            # Not sent again, with whatever token: that is for the person who pressed the key.
            error.is_unsent = not is_sending
            raise self.bearer.explain(error) from error
        except ScaicoreError as error:
            error.is_unsent = error.is_unsent or not is_sending
            raise

    async def _set_token(self) -> Secret | None:
        """See to it that a token goes with the next request: the one that is returned."""
        token = await self.bearer.token()
        http.set_bearer(self._http, token)
        return token


def _find_row(page: CheckpointPage, checkpoint_id: str) -> Checkpoint | None:
    return next((row for row in page.checkpoints if row.id == checkpoint_id), None)


def _path_segment(name: str) -> str:
    """A segment of a path. Raises UsageError for half of a surrogate pair, which JSON can name and no URL can."""
    try:
        return quote(name, safe="")
    except UnicodeEncodeError as error:
        raise UsageError(f"no URL can name {display_name(name)}", effect="nothing was sent") from error


async def _parse_write(reader: Callable[[bytes], T], body: bytes) -> T:
    """The same for a write. Raises OutcomeUnknown: whoever gave that answer, it does not tell what came of it."""
    try:
        return await _parse(reader, body)
    except Unreachable as error:
        raise OutcomeUnknown(
            f"sent, but {error.message}",
            effect="it is not sent again",
            hint="looking it up",
            request_id=error.request_id,
        ) from error


async def _parse(reader: Callable[[bytes], T], body: bytes) -> T:
    """What `reader` makes of `body`. Raises CannotReach for a success that is not this API's, what an error amounts to
    that came with a status of success, and PageTooLarge for one that would take far more memory than it has bytes."""
    if body.count(b"{") + body.count(b"[") + body.count(b'"') // 2 > MAX_VALUES:
        raise http.PageTooLarge(f"the answer has more than {MAX_VALUES:,} values")
    try:
        if len(body) < LARGE_BODY_BYTES:
            return reader(body)
        return await asyncio.to_thread(reader, body)
    except ErrorEnvelope as error:
        raise read_problem(OK, {}, body).error() from error
    except ValueError as error:
        words, hint = _describe_bad_body(body, error)
    raise Unreachable(f"the answer is not ScaiCore's: {words}", hint=hint)


def _describe_bad_body(body: bytes, error: ValueError) -> tuple[str, str]:
    """What came in place of an answer, and what can be done."""
    begin = body[:200].lstrip()
    if not begin:
        return "it is empty", CHECK_URL_HINT
    if begin.startswith(b"<"):
        return "it is a web page", f"a sign-in page, or a proxy's? {CHECK_URL_HINT}"
    if not isinstance(error, json.JSONDecodeError):
        return str(error), CHECK_URL_HINT
    breaks_off = error.pos >= len(error.doc.rstrip()) or "Unterminated" in error.msg
    return ("its JSON breaks off", "") if breaks_off else ("it is no JSON", CHECK_URL_HINT)
