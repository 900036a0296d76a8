"""Typed client of the four API calls (API §1), and of the reads of flows. Owns the URLs; one instance per target."""

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
from scaicore_tui.api.request_log import logged_slot
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
from scaicore_tui.protocol.envelope import ErrorEnvelope, find_next_cursor
from scaicore_tui.protocol.headers import cached_age
from scaicore_tui.protocol.strict_json import StrictJson, encode_strict
from scaicore_tui.secrets import Secret
from scaicore_tui.text import display_name

if TYPE_CHECKING:
    import httpx

# Most pages that are read to find resolved checkpoints: the newest are on the first pages.
MAX_RESOLVED_PAGES = 20
# Larger bodies are parsed in a thread, so that key presses are handled meanwhile.
LARGE_BODY_BYTES = 256 * 1024
# Most JSON values in a response. A value other than a number takes about 70 bytes of memory.
MAX_VALUES = 3_000_000
# Most pages that a write reads to find its checkpoint: more would delay all other requests.
MAX_FIND_PAGES = 20
OK = 200
_BODY_LIMITS = response_body.BodyLimits()
CHECK_URL_HINT = "check the URL and --api (scaiflow or scaigrid), or ask: scaicore-tui doctor"

T = TypeVar("T")
P = TypeVar("P", EventPage, CheckpointPage)


class Client:
    """Connection pool, request budget and token for one target.

    Every method raises the errors of `transport` and of `TokenProvider`. `priority` is the urgency of a read. A
    resolution without a response byte for `write_timeout_s` has an unknown outcome. `limits` bounds response bodies.
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
        # Number of pending checkpoints that cannot be parsed.
        self.unreadable = 0
        # Why the last checkpoint listing ended before its last page; empty if it did not.
        self.cut_short = ""
        self._pages = PageMemory()
        self._sizes = {path: PageSize(limits.max_body_bytes) for path in ("events", "checkpoints")}
        self._clock = clock or SystemClock()
        self.budget = Budget(self._clock)
        self.bearer = TokenProvider(target, self._clock)
        self._http = http.open_http(target, OfflineTransport() if target.offline else transport)

    @property
    def clock_skew(self) -> float:
        """Seconds by which the server's clock is ahead of ours, from its last response."""
        return self.budget.clock_skew

    @property
    def identity(self) -> Identity:
        """Identity that reads the feed and sends writes, as far as known."""
        return identity_of(self.target, self.bearer.caller)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def events(self, limit: int, cursor: str | None = None, priority: Priority = Priority.HEAD) -> EventPage:
        """Return one page of the feed with at most `limit` events."""
        return await self._fetch_page("events", read_event_page, EventPage([]), priority, limit, cursor)

    async def checkpoints(
        self,
        status: str,
        limit: int = MAX_PAGE_ROWS,
        cursor: str | None = None,
        priority: Priority = Priority.CHECKPOINTS,
    ) -> CheckpointPage:
        """Return one page of the checkpoints with `status`."""
        none = CheckpointPage(())
        page = await self._fetch_page("checkpoints", read_checkpoint_page, none, priority, limit, cursor, status=status)
        page = replace(page, unreadable=page.unreadable + page.skipped)
        self._pages.record(status, cursor, page)
        return page

    async def all_checkpoints(
        self, status: str, priority: Priority = Priority.CHECKPOINTS, max_pages: int | None = None
    ) -> list[Checkpoint]:
        """Return every checkpoint with `status`, each once, in page order. Sets `cut_short` if some are missing."""
        found: dict[str, Checkpoint] = {}
        walk, unreadable = ListingWalk(), 0
        while not walk.is_over:
            # The first page is shown at once; later pages yield to more urgent requests.
            page = await self.checkpoints(
                status, cursor=walk.cursor, priority=max(priority, Priority.BACKFILL) if walk.pages else priority
            )
            found |= {checkpoint.id: checkpoint for checkpoint in page.checkpoints}
            unreadable += page.unreadable
            walk.advance(page)
            if walk.pages == max_pages and not walk.is_over:
                walk.stop(f"only the first {max_pages} pages were requested")
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
        """Return the checkpoint with that id and status; None if the complete listing does not have it.

        Reads the page that had it last, then the neighbours of that page, then all pages from the first.
        Raises: Unreachable if `max_pages` pages do not have it and there are more. `max_pages=None` reads all.
        """
        tried = set[str | None]()
        for cursor in self._pages.nearby_cursors(status, checkpoint_id):
            tried.add(cursor)
            with suppress(NotFound, RequestRejected):  # the cursor may have expired
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
            hint="try again when all checkpoints are loaded",
        )

    async def find_checkpoints(
        self, checkpoint_ids: Collection[str], status: str, priority: Priority, max_pages: int = MAX_RESOLVED_PAGES
    ) -> dict[str, Checkpoint]:
        """Return those of `checkpoint_ids` that are listed with `status`, by id; stops when all are found.

        Pending rows are left out: a server may ignore an unknown status.
        """
        found: dict[str, Checkpoint] = {}
        walk = ListingWalk()
        while not walk.is_over and walk.pages < max_pages and len(found) < len(set(checkpoint_ids)):
            page = await self.checkpoints(status, cursor=walk.cursor, priority=priority)
            found |= {row.id: row for row in page.checkpoints if row.id in checkpoint_ids and not row.is_pending}
            walk.advance(page)
        return found

    async def read_flows(self, path: str, max_bytes: int, **query: str) -> bytes:
        """Return the body of a call about flows; `path` begins after `flows`. At the lowest priority.

        Raises: NotFound or PermissionDenied where there are no flows to read, which is normal.
        """
        return await self._read(
            self.target.flows_url + path, Priority.HISTORY, query, partial(response_body.read_body, max_bytes=max_bytes)
        )

    async def resolve(
        self,
        checkpoint_id: str,
        resolution: Any,
        comment: str | None = None,
        on_sending: Callable[[], None] = lambda: None,
    ) -> Checkpoint:
        """Send the answer to a checkpoint, once: `resolution` is the value of an option.

        `on_sending` is called when the budget admits the request. If it raises an error, nothing is sent.
        """
        body = {"resolution": resolution} | ({"comment": comment} if comment else {})
        path = f"checkpoints/{_path_segment(checkpoint_id)}/resolve"
        answer = await self._post(path, encode_strict(body).source, self._write_timeout_s, on_sending)
        return await _parse_write(read_checkpoint, answer)

    async def invoke(
        self,
        core_id: str,
        value: Any,
        entity_id: str | None = None,
        on_sending: Callable[[], None] = lambda: None,
    ) -> Invocation:
        """Invoke a Core, once. `value` is the input; StrictJson is sent verbatim.

        May take minutes. The response for a run that suspends is undocumented. `on_sending` is called when the budget
        admits the request.
        """
        given = value if isinstance(value, StrictJson) else encode_strict(value)
        entity = b',"entity_id":' + encode_strict(entity_id).source if entity_id else b""
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
        """Return a page of at most `limit` rows that fits the size limits; `empty` replaces a row that is too large."""

        async def ask(limit: int, cursor: str | None) -> tuple[P, int]:
            body = await self._get(path, priority, limit, cursor, self._body_reader, **query)
            return await _parse(reader, body), len(body)

        async def pass_one(cursor: str | None) -> P:
            head, tail = await self._get(path, priority, 1, cursor, self._edges_reader, **query)
            try:
                return replace(empty, next_cursor=find_next_cursor(head, tail, path))
            except ValueError as error:
                raise Unreachable(str(error)) from error

        return await read_fitting(ask, pass_one, self._sizes[path], limit, cursor)

    async def _get(
        self,
        path: str,
        priority: Priority,
        limit: int,
        cursor: str | None,
        read: Callable[[httpx.Response], Awaitable[T]],
        **query: str,
    ) -> T:
        params: dict[str, Any] = {"core_id": self.target.core, **query, "limit": limit, "cursor": cursor}
        sent = {key: value for key, value in params.items() if value is not None}
        try:
            return await self._read(f"{self.target.resources_url}/{path}", priority, sent, read)
        except NotFound as error:
            # What is listed is always there, be it empty: somewhere else.
            error.hint = error.hint or CHECK_URL_HINT
            raise

    async def _read(
        self, url: str, priority: Priority, sent: dict[str, Any], read: Callable[[httpx.Response], Awaitable[T]]
    ) -> T:
        """Send a read; once more with a new token if the server does not accept the first one."""
        token = await self._set_token()
        try:
            return await self._request_with_fresh_connection(url, priority, sent, read)
        except CredentialsError as error:
            if error.status != UNAUTHORIZED or not await self.bearer.renew(token):
                raise self.bearer.explain(error) from error
        await self._set_token()
        return await self._request_with_fresh_connection(url, priority, sent, read)

    async def _request_with_fresh_connection(
        self, url: str, priority: Priority, params: dict[str, Any], read: Callable[[httpx.Response], Awaitable[T]]
    ) -> T:
        # The server may have closed every pooled connection, so try each of them once, and then a new one.
        for _ in range(http.MAX_IDLE_CONNECTIONS):
            with suppress(http.StaleConnection):
                return await self._request_once(url, priority, params, read)
        return await self._request_once(url, priority, params, read)

    async def _request_once(
        self, url: str, priority: Priority, params: dict[str, Any], read: Callable[[httpx.Response], Awaitable[T]]
    ) -> T:
        async with logged_slot(self.budget, self._clock, "GET", url, priority) as slot:
            self.requests += 1
            age, times = 0.0, response_age.current_recorder()
            asked_at = times.now() if times is not None else 0.0

            def on_response(status: int, headers: Mapping[str, str]) -> float:
                nonlocal age
                age = cached_age(headers)
                return slot.on_response(status, headers)

            # A person is about to act on this data, so caches on the way are bypassed.
            answer = await http.get(self._http, url, params, on_response, read, no_cache=priority is Priority.WRITE)
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
        url, is_sending = f"{self.target.resources_url}/{path}", False
        try:
            await self._set_token()
            async with logged_slot(self.budget, self._clock, "POST", url, Priority.WRITE) as slot:
                is_sending = True
                on_sending()
                self.requests += 1
                return await http.post(self._http, url, body, timeout, slot.on_response)
        except CredentialsError as error:
            # Never repeated with a new token: the person decides.
            error.is_unsent = not is_sending
            raise self.bearer.explain(error) from error
        except ScaicoreError as error:
            error.is_unsent = error.is_unsent or not is_sending
            raise

    async def _set_token(self) -> Secret | None:
        """Set a valid token for the next request and return it."""
        token = await self.bearer.token()
        http.set_bearer(self._http, token)
        return token


def _find_row(page: CheckpointPage, checkpoint_id: str) -> Checkpoint | None:
    return next((row for row in page.checkpoints if row.id == checkpoint_id), None)


def _path_segment(name: str) -> str:
    """Return `name` quoted as a path segment. Raises: UsageError for a lone surrogate, which no URL can hold."""
    try:
        return quote(name, safe="")
    except UnicodeEncodeError as error:
        raise UsageError(f"no URL can name {display_name(name)}", effect="nothing was sent") from error


async def _parse_write(reader: Callable[[bytes], T], body: bytes) -> T:
    """Parse the response of a write. Raises: OutcomeUnknown for a response that does not tell the result."""
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
    """Return `body` parsed by `reader`.

    Raises: Unreachable for a response that is not from this API; the error of an error envelope with a success status;
    PageTooLarge for a body that would need far more memory than its size.
    """
    if body.count(b"{") + body.count(b"[") + body.count(b'"') // 2 > MAX_VALUES:
        raise http.PageTooLarge(f"the answer has more than {MAX_VALUES:,} values")
    try:
        if len(body) < LARGE_BODY_BYTES:
            return reader(body)
        return await asyncio.to_thread(reader, body)
    except ErrorEnvelope as error:
        raise read_problem(OK, {}, body).to_error() from error
    except ValueError as error:
        message, hint = _describe_bad_body(body, error)
    raise Unreachable(f"the answer is not ScaiCore's: {message}", hint=hint)


def _describe_bad_body(body: bytes, error: ValueError) -> tuple[str, str]:
    """Return (message, hint) for a response that is not from this API."""
    begin = body[:200].lstrip()
    if not begin:
        return "it is empty", CHECK_URL_HINT
    if begin.startswith(b"<"):
        return "it is a web page", f"a sign-in page, or a proxy's? {CHECK_URL_HINT}"
    if not isinstance(error, json.JSONDecodeError):
        return str(error), CHECK_URL_HINT
    breaks_off = error.pos >= len(error.doc.rstrip()) or "Unterminated" in error.msg
    return ("its JSON breaks off", "") if breaks_off else ("it is no JSON", CHECK_URL_HINT)
