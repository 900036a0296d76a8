"""Looks at the API: a handful of reads, through the budget, and what came of each. Judges nothing."""

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

EVENTS = 50
_TOO_MANY = 429
# Who answers so knows the path: it is asked by the wrong one, or too often.
REFUSALS = frozenset({UNAUTHORIZED, 403, 412, _TOO_MANY})
# Who answers so may be somebody else.
_STRANGERS = frozenset({200, 301, 302, 303, 307, 308, 400, 404, 405})


class ProbeResult(Struct):
    """What was seen. `me` is what a ScaiGrid says of the caller.

    Where the API does not answer at the target, `elsewhere` is where it does, and `health` what a ScaiGrid tells of
    itself there.
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
        """Whether anything answered at all."""
        return any(reply.status is not None for reply in self.replies)


async def probe(target: Target) -> ProbeResult:
    """See what there is to see. Raises ConfigError where the target can't even be asked."""
    probe = Probe(target)
    try:
        return await _look(probe, target)
    finally:
        await probe.close()


async def _look(probe: Probe, target: Target) -> ProbeResult:
    seen = ProbeResult(target, probe.bearer)
    token = None
    try:
        token = await probe.authenticate()
    except ScaicoreError as error:
        seen.token_error = error
    seen.events = await _events(probe, seen, target, EVENTS)
    if seen.events.status == UNAUTHORIZED and await _is_renewed(probe, seen, token):
        seen.events = await _events(probe, seen, target, EVENTS)
    seen.page = _page(seen.events)
    if seen.page is not None:
        await _look_further(probe, seen)
    elif seen.events.status in _STRANGERS:
        await _look_elsewhere(probe, seen)
    return seen


async def _look_further(probe: Probe, seen: ProbeResult) -> None:
    """The other read, and who is asking; each a measure of the time it takes, too."""
    seen.checkpoints = await _ask(probe, seen, f"{seen.target.resources}/checkpoints", status="pending", limit=1)
    if seen.target.api is Api.SCAIGRID:
        seen.me = _object(await _ask(probe, seen, f"{_origin(seen.target)}/v1/me"))
    await _events(probe, seen, seen.target, 1)


async def _look_elsewhere(probe: Probe, seen: ProbeResult) -> None:
    """Whether a ScaiGrid is there, and the first of the usual addresses that answers as the API does."""
    seen.health = _object(await _ask(probe, seen, f"{_origin(seen.target)}/health"))
    is_grid = seen.health is not None and seen.health.get("status") == "ok"
    others = sorted(_others(seen.target), key=lambda other: is_grid and other.api is not Api.SCAIGRID)
    for other in others:
        reply = await _events(probe, seen, other, 1)
        if _page(reply) is not None or reply.status in REFUSALS:
            seen.elsewhere = other
            return


async def _events(probe: Probe, seen: ProbeResult, target: Target, limit: int) -> Reply:
    core = {} if target.core is None else {"core_id": target.core}
    return await _ask(probe, seen, f"{target.resources}/events", limit=limit, **core)


async def _ask(probe: Probe, seen: ProbeResult, url: str, **params: Any) -> Reply:
    """Ask, unless the server said to wait: then that stays the last word."""
    if seen.replies and seen.replies[-1].status == _TOO_MANY:
        return seen.replies[-1]
    seen.replies.append(await probe.get(url, **params))
    return seen.replies[-1]


async def _is_renewed(probe: Probe, seen: ProbeResult, token: Any) -> bool:
    try:
        if not await probe.bearer.renew(token):
            return False
        await probe.authenticate()
    except ScaicoreError as error:
        seen.token_error = error
        return False
    return True


def _others(target: Target) -> Iterator[Target]:
    """The same host, spoken to as each of the usual ways."""
    origin = _origin(target)
    ways = ((f"{origin}/api/v1", Api.SCAIFLOW), (f"{origin}/v1", Api.SCAIFLOW), (origin, Api.SCAIGRID))
    for url, api in ways:
        other = replace(target, url=url, api=api)
        if other.resources != target.resources:
            yield other


def _origin(target: Target) -> str:
    parts = urlsplit(target.url)
    return f"{parts.scheme}://{parts.netloc}"


def _page(reply: Reply) -> EventPage | None:
    """The page that it is; None where it is none."""
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
