"""Turn the responses of the API into findings about address, token, permissions, events, clock and limits. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from scaicore_tui.api.probe import Reply
from scaicore_tui.api.rate_window import read_quota
from scaicore_tui.cli.commands.doctor.finding import Finding, failed, ok, unknown, warning
from scaicore_tui.cli.commands.doctor.probe import REFUSAL_STATUSES, ProbeResult
from scaicore_tui.clock import Clock
from scaicore_tui.errors import CredentialsError, PermissionDenied, ScaicoreError, Unreachable
from scaicore_tui.protocol import Event
from scaicore_tui.protocol.headers import server_time
from scaicore_tui.sync.stitch import detect_order
from scaicore_tui.text import one_line
from scaicore_tui.timefmt import format_age, format_duration, to_seconds

VIEW, MANAGE, RESOLVE = "scaicore:view", "scaicore:manage", "scaicore:checkpoint_resolve"
NOT_REACHED = "the API was not reached"
NOT_READ = "no event could be read"
# A larger difference of the clocks makes ages wrong, and tokens expire early.
MAX_CLOCK_OFFSET_S = 5.0
# A slower response makes the next poll late.
SLOW_RESPONSE_S = 2.0
_RESOLUTIONS = {0: "one second", 3: "milliseconds", 6: "microseconds"}


def api_findings(result: ProbeResult, missing: ScaicoreError, clock: Clock) -> Iterator[Finding]:
    """Yield all findings from the API's responses. `missing` is the error to report if no token was found."""
    yield _api(result)
    yield _credential(result, missing)
    yield _caller(result)
    yield _view(result)
    yield _manage(result)
    yield _feed(result, clock)
    yield _clock(result.replies)
    yield _limit(result.replies)
    yield _latency(result.replies)


def _api(result: ProbeResult) -> Finding:
    """Check that the API answers, and that it is of the configured kind."""
    resources, api = result.target.resources_url, str(result.target.api)
    facts = {"url": result.target.url, "api": api, "resources": resources}
    error = result.events.error if result.events is not None else None
    if result.events is None or not result.is_reached:
        return failed("api", error or Unreachable(NOT_REACHED), **facts)
    if result.page is not None or result.events.status in REFUSAL_STATUSES:
        return ok("api", f"{_NAMES[api]} answers at {resources}", **facts)
    if result.elsewhere is not None:
        url, found = result.elsewhere.url, str(result.elsewhere.api)
        other = f" --api {found}" if found != api else ""
        error = Unreachable(
            f"no {_NAMES[api]} at {resources}, but a {_NAMES[found]} at {result.elsewhere.resources_url}"
        )
        return failed("api", error, f"use --url {url}{other}, or set this in the profile", **facts)
    reason = f": {error.message}" if error is not None else ""
    hint = error.hint if error is not None else ""
    wrong_server = Unreachable(f"the server at {resources} is not a ScaiCore API{reason}")
    return failed("api", wrong_server, hint or "check the URL, and --api (scaiflow or scaigrid)", **facts)


_NAMES = {"scaiflow": "ScaiFlow", "scaigrid": "ScaiGrid"}


def _credential(result: ProbeResult, missing: ScaicoreError) -> Finding:
    """Check that there is a token and that the API accepts it."""
    bearer, refusal = result.bearer, result.events.error if result.events is not None else None
    facts: dict[str, Any] = {"source": bearer.source or None, "expires_in": bearer.seconds_left}
    if result.token_error is not None:
        return failed("token", result.token_error, **facts)
    if not result.target.has_credential:
        if result.page is None:
            return failed("token", missing, **facts)
        return ok("token", "none is sent: this API uses its own for requests from this machine", **facts)
    if isinstance(refusal, CredentialsError) and not isinstance(refusal, PermissionDenied):
        return failed("token", bearer.explain(refusal), "sign in again and set the new token", **facts)
    left = bearer.seconds_left
    message = f"from {one_line(bearer.source)}{_lasts(left, renews=bearer.can_renew)}"
    if left is not None and left <= 0:
        return failed("token", CredentialsError(message), "sign in again and set the new token", **facts)
    return ok("token", message, **facts)


def _lasts(left: float | None, *, renews: bool) -> str:
    if left is None:
        return ""
    then = ", then renewed" if renews else ""
    return f" · expires in {format_age(left)}{then}" if left > 0 else f" · expired {format_age(-left)} ago"


def _caller(result: ProbeResult) -> Finding:
    """Identify the caller: from ScaiGrid's `/v1/me`, else from the token, which proves nothing."""
    if result.me is not None:
        claimed = {name: result.me.get(name) for name in ("id", "role")}
        return ok(
            "caller", ", ".join(one_line(str(value)) for value in claimed.values() if value), verified=True, **claimed
        )
    claims = result.bearer.claims
    if claims is None:
        return unknown(
            "caller", "not known: an API key does not name its user" if result.bearer.source else "not known"
        )
    subject = {"subject": claims.subject, "tenant_id": claims.tenant_id}
    who = " of ".join(one_line(value) for value in subject.values() if value)
    return ok("caller", f"{who or 'nobody'} according to the token, not verified", verified=False, **subject)


def _view(result: ProbeResult) -> Finding:
    """Check the permission to read events and checkpoints."""
    replies = {"events": result.events, "checkpoints": result.checkpoints}
    for name, reply in replies.items():
        if reply is not None and isinstance(reply.error, PermissionDenied):
            return failed("view", reply.error, f"ask your administrator for {VIEW}", allowed=False, denied=name)
    if result.page is None:
        return unknown("view", NOT_READ if result.is_reached else NOT_REACHED, allowed=None)
    if result.checkpoints is not None and result.checkpoints.error is not None:
        return failed(
            "view", result.checkpoints.error, "events are readable; try again later for checkpoints", allowed=None
        )
    return ok("view", "events and checkpoints can be read", allowed=True)


def _manage(result: ProbeResult) -> Finding:
    """Check the permission to write, as far as that is possible without writing."""
    if result.target.read_only:
        return ok("manage", "off: this session is read-only", allowed=False)
    if result.me is not None and isinstance(listed := result.me.get("permissions"), list):
        lacking = [name for name in (MANAGE, RESOLVE) if name not in listed]
        if not lacking:
            return ok("manage", "checkpoints can be answered and runs replayed", allowed=True)
        fix = f"ask your administrator for {' and '.join(lacking)}, or set read_only"
        return warning("manage", f"not allowed: {', '.join(lacking)}", fix, allowed=False, lacking=lacking)
    claims = result.bearer.claims
    if claims is not None and MANAGE in claims.scopes:
        return ok("manage", f"{MANAGE} according to the token, not verified", allowed=None)
    if not result.is_reached:
        return unknown("manage", NOT_REACHED, allowed=None)
    return unknown("manage", "not known until the first write: this API does not say", allowed=None)


def _feed(result: ProbeResult, clock: Clock) -> Finding:
    """Describe the events: their order, the resolution of their times, their age."""
    if result.page is None:
        return unknown("feed", NOT_READ if result.is_reached else NOT_REACHED)
    events = result.page.events
    if not events:
        core = f" for Core {one_line(result.target.core)}" if result.target.core else ""
        return warning(
            "feed",
            f"there are no events{core}",
            "run a flow; if there are still no events, telemetry may be off",
            events=0,
        )
    newest = max((event.at for event in events if event.at is not None), default=None)
    old = None if newest is None else clock.now() - to_seconds(newest)
    digits, order = _digits(events), detect_order(events)
    parts = [order.value, f"times in {_RESOLUTIONS.get(digits, f'{digits} digits')}"]
    if order.value == "unclear":
        parts[0] = f"order unclear from {len(events)} events"
    if old is not None:
        parts.append(f"newest {format_age(old)} old")
    facts = {"events": len(events), "order": order.value, "digits": digits, "newest_age": old}
    unreadable = sum(not event.is_complete for event in events)
    if unreadable:
        parts.append(f"{unreadable} unreadable")
        return warning(
            "feed", " · ".join(parts), "they are stored unchanged; report this to the operator of the ScaiGrid", **facts
        )
    return ok("feed", " · ".join(parts), **facts)


def _digits(events: Sequence[Event]) -> int:
    """Return the number of decimals of the timestamps, rounded up to 0, 3 or 6."""
    stamps = (event.timestamp.partition(".")[2] for event in events)
    longest = max((sum(char.isdecimal() for char in _before_zone(stamp)) for stamp in stamps), default=0)
    return 0 if not longest else 3 if longest <= 3 else 6


def _before_zone(stamp: str) -> str:
    return stamp.partition("+")[0].partition("-")[0]


def _clock(replies: Sequence[Reply]) -> Finding:
    """Compare the clocks. A `Date` header has whole seconds, and was written at some time during the request."""
    if not _answered(replies):
        return unknown("clock", NOT_REACHED)
    measured = [
        (reply.duration_s, there - reply.midpoint)
        for reply in replies
        if (there := server_time(reply.headers)) is not None
    ]
    if not measured:
        return unknown("clock", "the API does not send its time")
    rtt, ahead = min(measured)
    # The header is rounded down to a second: half a second is the best estimate.
    offset, within = ahead + 0.5, 0.5 + rtt / 2
    facts = {"offset": round(offset, 3), "within": round(within, 3)}
    if abs(offset) <= MAX_CLOCK_OFFSET_S:
        return ok("clock", f"agrees with the API's within {max(abs(offset), within):.1f} s", **facts)
    direction = "behind" if offset > 0 else "ahead of"
    message = f"this machine's is {format_age(abs(offset))} {direction} the API's"
    return warning("clock", message, "set it (timedatectl set-ntp true); until then ages use the API's clock", **facts)


def _limit(replies: Sequence[Reply]) -> Finding:
    quotas = [quota for reply in replies if (quota := read_quota(reply.headers)) is not None]
    if replies and replies[-1].error is not None and replies[-1].error.retry_after is not None:
        return failed("limit", replies[-1].error, f"try again in {format_age(replies[-1].error.retry_after)}")
    if not _answered(replies):
        return unknown("limit", NOT_REACHED)
    if not quotas:
        return unknown("limit", "the API does not say; at most 60 requests a minute are sent")
    left, limit = quotas[-1].remaining, quotas[-1].limit
    facts = {"limit": limit, "remaining": left}
    message = f"{left} of {limit} requests left in this minute"
    if left * 5 < limit:
        return warning(
            "limit", message, "others use the same key: get a key of your own, or set a longer --interval", **facts
        )
    return ok("limit", message, **facts)


def _latency(replies: Sequence[Reply]) -> Finding:
    """Measure the response time, without the first request, which had to connect."""
    answered = [reply.duration_s for reply in replies if reply.status is not None]
    if not answered:
        return unknown("latency", NOT_REACHED)
    measured = answered[1:] or answered
    middle = median(measured)
    basis = f"median of {len(measured)} responses" if answered[1:] else "including the connection"
    message = f"{format_duration(middle * 1000)} · {basis}"
    facts: dict[str, Any] = {"median_ms": round(middle * 1000, 1), "answers": len(measured)}
    if middle > SLOW_RESPONSE_S:
        return warning("latency", message, "set --interval 15, so that polls do not overlap", **facts)
    return ok("latency", message, **facts)


def _answered(replies: Sequence[Reply]) -> bool:
    return any(reply.status is not None for reply in replies)
