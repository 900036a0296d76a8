"""Send a few read requests to the API, within the request budget, and collect the replies. It does not judge them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from scaicore_tui.api.probe import Probe, Reply
from scaicore_tui.auth import TokenProvider
from scaicore_tui.auth.provider import UNAUTHORIZED
from scaicore_tui.config import Api, Target
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.protocol import EventPage, read_event_page
from scaicore_tui.protocol.envelope import parse, unwrap

MAX_PROBED_EVENTS = 50
_TOO_MANY = 429
# These statuses show that the path exists: the caller is wrong, or sends too much.
REFUSAL_STATUSES = frozenset({UNAUTHORIZED, 403, 412, _TOO_MANY})
# With these statuses the server may be something else than the API.
_OTHER_SERVER_STATUSES = frozenset({200, 301, 302, 303, 307, 308, 400, 404, 405})


class ProbeResult(Struct):
    """The replies of the API. `me` is ScaiGrid's description of the caller.

    If the API does not answer at the target, `elsewhere` is the address where it does, if any, and `health` the reply
    of ScaiGrid's health check.
    """

    target: Target
    bearer: TokenProvider
    token_error: ScaicoreError | None = None
    events: Reply | None = None
    page: EventPage | None = None
    checkpoints: Reply | None = None
    me: dict[str, Any] | None = None
    health: dict[str, Any] | None = None
    elsewhere: Target | None = None
    replies: list[Reply] = field(default_factory=list)

    @property
    def is_reached(self) -> bool:
        """Return True if any request got a response."""
        return any(reply.status is not None for reply in self.replies)


async def probe(target: Target) -> ProbeResult:
    """Send the requests and return the replies. Raises ConfigError if no request to the target is possible."""
    probe = Probe(target)
    try:
        return await _probe_target(probe, target)
    finally:
        await probe.close()


async def _probe_target(probe: Probe, target: Target) -> ProbeResult:
    result = ProbeResult(target, probe.bearer)
    token = None
    try:
        token = await probe.authenticate()
    except ScaicoreError as error:
        result.token_error = error
    result.events = await _request_events(probe, result, target, MAX_PROBED_EVENTS)
    if result.events.status == UNAUTHORIZED and await _is_renewed(probe, result, token):
        result.events = await _request_events(probe, result, target, MAX_PROBED_EVENTS)
    result.page = _page(result.events)
    if result.page is not None:
        await _read_more(probe, result)
    elif result.events.status in _OTHER_SERVER_STATUSES:
        await _search_other_addresses(probe, result)
    return result


async def _read_more(probe: Probe, result: ProbeResult) -> None:
    """Read checkpoints and the caller; the times of these requests also measure the latency."""
    result.checkpoints = await _request(
        probe, result, f"{result.target.resources_url}/checkpoints", status="pending", limit=1
    )
    if result.target.api is Api.SCAIGRID:
        result.me = _object(await _request(probe, result, f"{_origin(result.target)}/v1/me"))
    await _request_events(probe, result, result.target, 1)


async def _search_other_addresses(probe: Probe, result: ProbeResult) -> None:
    """Ask for ScaiGrid's health, and find the first of the usual addresses where the API answers."""
    result.health = _object(await _request(probe, result, f"{_origin(result.target)}/health"))
    is_grid = result.health is not None and result.health.get("status") == "ok"
    others = sorted(_others(result.target), key=lambda other: is_grid and other.api is not Api.SCAIGRID)
    for other in others:
        reply = await _request_events(probe, result, other, 1)
        if _page(reply) is not None or reply.status in REFUSAL_STATUSES:
            result.elsewhere = other
            return


async def _request_events(probe: Probe, result: ProbeResult, target: Target, limit: int) -> Reply:
    core = {} if target.core is None else {"core_id": target.core}
    return await _request(probe, result, f"{target.resources_url}/events", limit=limit, **core)


async def _request(probe: Probe, result: ProbeResult, url: str, **params: Any) -> Reply:
    """Send a request. After a 429, nothing more is sent, and its reply is returned again."""
    if result.replies and result.replies[-1].status == _TOO_MANY:
        return result.replies[-1]
    result.replies.append(await probe.get(url, **params))
    return result.replies[-1]


async def _is_renewed(probe: Probe, result: ProbeResult, token: Any) -> bool:
    try:
        if not await probe.bearer.renew(token):
            return False
        await probe.authenticate()
    except ScaicoreError as error:
        result.token_error = error
        return False
    return True


def _others(target: Target) -> Iterator[Target]:
    """Yield the other usual addresses of the API on this host."""
    origin = _origin(target)
    variants = ((f"{origin}/api/v1", Api.SCAIFLOW), (f"{origin}/v1", Api.SCAIFLOW), (origin, Api.SCAIGRID))
    for url, api in variants:
        other = replace(target, url=url, api=api)
        if other.resources_url != target.resources_url:
            yield other


def _origin(target: Target) -> str:
    parts = urlsplit(target.url)
    return f"{parts.scheme}://{parts.netloc}"


def _page(reply: Reply) -> EventPage | None:
    """Return the page of events in the reply; None if there is none."""
    try:
        return read_event_page(reply.body) if reply.error is None else None
    except ValueError:
        return None


def _object(reply: Reply) -> dict[str, Any] | None:
    try:
        value = unwrap(parse(reply.body)) if reply.error is None else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
