"""What the answers of the API say: of it, of the caller, of the feed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from scaicore_tui.api.probe import Reply
from scaicore_tui.api.rate_window import read_quota
from scaicore_tui.cli.commands.doctor.finding import Finding, failed, ok, unknown, warning
from scaicore_tui.cli.commands.doctor.probe import REFUSALS, ProbeResult
from scaicore_tui.clock import Clock
from scaicore_tui.errors import CredentialsError, PermissionDenied, ScaicoreError, Unreachable
from scaicore_tui.protocol import Event
from scaicore_tui.protocol.headers import server_time
from scaicore_tui.sync.stitch import detect_order
from scaicore_tui.text import one_line
from scaicore_tui.timefmt import format_age, format_duration, seconds

VIEW, MANAGE, RESOLVE = "scaicore:view", "scaicore:manage", "scaicore:checkpoint_resolve"
NOT_REACHED = "the API was not reached"
NOT_READ = "no event could be read"
# Clocks that differ by so many seconds make ages wrong, and tokens run out early.
APART = 5.0
# An answer of so many seconds makes a poll late.
SLOW = 2.0
_RESOLUTIONS = {0: "one second", 3: "milliseconds", 6: "microseconds"}


def api_findings(seen: ProbeResult, missing: ScaicoreError, clock: Clock) -> Iterator[Finding]:
    """All that the API's answers tell; `missing` says what was looked at for a token, where none is."""
    yield _api(seen)
    yield _credential(seen, missing)
    yield _caller(seen)
    yield _view(seen)
    yield _manage(seen)
    yield _feed(seen, clock)
    yield _clock(seen.replies)
    yield _limit(seen.replies)
    yield _latency(seen.replies)


def _api(seen: ProbeResult) -> Finding:
    """Whether it is there, and the one that it was taken for."""
    resources, api = seen.target.resources, str(seen.target.api)
    facts = {"url": seen.target.url, "api": api, "resources": resources}
    error = seen.events.error if seen.events is not None else None
    if seen.events is None or not seen.is_reached:
        return failed("api", error or Unreachable(NOT_REACHED), **facts)
    if seen.page is not None or seen.events.status in REFUSALS:
        return ok("api", f"{resources} answers as a {_NAMES[api]} does", **facts)
    if seen.elsewhere is not None:
        url, found = seen.elsewhere.url, str(seen.elsewhere.api)
        other = f" --api {found}" if found != api else ""
        no = Unreachable(f"no {_NAMES[api]} at {resources}, but a {_NAMES[found]} at {seen.elsewhere.resources}")
        return failed("api", no, f"--url {url}{other}, or that in the profile", **facts)
    reason = f": {error.message}" if error is not None else ""
    hint = error.hint if error is not None else ""
    no = Unreachable(f"what answers at {resources} is no ScaiCore{reason}")
    return failed("api", no, hint or "check the URL, and --api: scaiflow or scaigrid", **facts)


_NAMES = {"scaiflow": "ScaiFlow", "scaigrid": "ScaiGrid"}


def _credential(seen: ProbeResult, missing: ScaicoreError) -> Finding:
    """Whether there is one that the API takes."""
    bearer, refusal = seen.bearer, seen.events.error if seen.events is not None else None
    facts: dict[str, Any] = {"source": bearer.source or None, "expires_in": bearer.time_left}
    if seen.token_error is not None:
        return failed("token", seen.token_error, **facts)
    if not seen.target.has_credential:
        if seen.page is None:
            return failed("token", missing, **facts)
        return ok("token", "none is sent: this API lends its own to this machine", **facts)
    if isinstance(refusal, CredentialsError) and not isinstance(refusal, PermissionDenied):
        return failed("token", bearer.explain(refusal), "sign in again, and set the new one", **facts)
    left = bearer.time_left
    words = f"from {one_line(bearer.source)}{_lasts(left, renews=bearer.renews)}"
    if left is not None and left <= 0:
        return failed("token", CredentialsError(words), "sign in again, and set the new one", **facts)
    return ok("token", words, **facts)


def _lasts(left: float | None, *, renews: bool) -> str:
    if left is None:
        return ""
    then = ", then asked for anew" if renews else ""
    return f" · lasts {format_age(left)}{then}" if left > 0 else f" · ran out {format_age(-left)} ago"


def _caller(seen: ProbeResult) -> Finding:
    """Who is asking: in a ScaiGrid's words, or in the token's own."""
    if seen.me is not None:
        told = {name: seen.me.get(name) for name in ("id", "role")}
        return ok("caller", ", ".join(one_line(str(value)) for value in told.values() if value), verified=True, **told)
    claims = seen.bearer.claims
    if claims is None:
        return unknown("caller", "not known: an API key names nobody here" if seen.bearer.source else "not known")
    told = {"subject": claims.subject, "tenant_id": claims.tenant_id}
    who = " of ".join(one_line(value) for value in told.values() if value)
    return ok("caller", f"{who or 'nobody'}, as the token says: not verified", verified=False, **told)


def _view(seen: ProbeResult) -> Finding:
    """Whether both reads are allowed."""
    replies = {"events": seen.events, "checkpoints": seen.checkpoints}
    for name, reply in replies.items():
        if reply is not None and isinstance(reply.error, PermissionDenied):
            return failed("view", reply.error, f"ask for {VIEW}", allowed=False, denied=name)
    if seen.page is None:
        return unknown("view", NOT_READ if seen.is_reached else NOT_REACHED, allowed=None)
    if seen.checkpoints is not None and seen.checkpoints.error is not None:
        return failed("view", seen.checkpoints.error, "events can be read, checkpoints not", allowed=None)
    return ok("view", "events and checkpoints can be read", allowed=True)


def _manage(seen: ProbeResult) -> Finding:
    """What may be written, as far as that is known without writing."""
    if seen.target.read_only:
        return ok("manage", "off: this session is read-only", allowed=False)
    if seen.me is not None and isinstance(listed := seen.me.get("permissions"), list):
        lacking = [name for name in (MANAGE, RESOLVE) if name not in listed]
        if not lacking:
            return ok("manage", "checkpoints can be answered, runs replayed", allowed=True)
        fix = f"ask for {' and '.join(lacking)}, or set read_only"
        return warning("manage", f"not allowed: {', '.join(lacking)}", fix, allowed=False, lacking=lacking)
    claims = seen.bearer.claims
    if claims is not None and MANAGE in claims.scopes:
        return ok("manage", f"{MANAGE}, as the token says: not verified", allowed=None)
    if not seen.is_reached:
        return unknown("manage", NOT_REACHED, allowed=None)
    return unknown("manage", "not known until the first write: this API tells nobody", allowed=None)


def _feed(seen: ProbeResult, clock: Clock) -> Finding:
    """Which way it runs, and how finely it tells time."""
    if seen.page is None:
        return unknown("feed", NOT_READ if seen.is_reached else NOT_REACHED)
    events = seen.page.events
    if not events:
        core = f" for Core {one_line(seen.target.core)}" if seen.target.core else ""
        return warning("feed", f"there are no events{core}", "run something; telemetry may be off", events=0)
    newest = max((event.at for event in events if event.at is not None), default=None)
    old = None if newest is None else clock.now() - seconds(newest)
    digits, order = _digits(events), detect_order(events)
    words = [order.value, f"times in {_RESOLUTIONS.get(digits, f'{digits} digits')}"]
    if order.value == "unclear":
        words[0] = f"order unclear from {len(events)} events"
    if old is not None:
        words.append(f"newest {format_age(old)} old")
    facts = {"events": len(events), "order": order.value, "digits": digits, "newest_age": old}
    unreadable = sum(not event.is_complete for event in events)
    if unreadable:
        words.append(f"{unreadable} unreadable")
        return warning("feed", " · ".join(words), "they are kept as they came; tell whoever sends them", **facts)
    return ok("feed", " · ".join(words), **facts)


def _digits(events: Sequence[Event]) -> int:
    """How many digits of a second are told: none, or thousandths, or millionths."""
    stamps = (event.timestamp.partition(".")[2] for event in events)
    longest = max((sum(sign.isdecimal() for sign in _before_zone(stamp)) for stamp in stamps), default=0)
    return 0 if not longest else 3 if longest <= 3 else 6


def _before_zone(stamp: str) -> str:
    return stamp.partition("+")[0].partition("-")[0]


def _clock(replies: Sequence[Reply]) -> Finding:
    """How far the two clocks are apart. A `Date` has whole seconds, and was written somewhere on the way."""
    if not _answered(replies):
        return unknown("clock", NOT_REACHED)
    told = [
        (reply.duration_s, there - reply.midpoint)
        for reply in replies
        if (there := server_time(reply.headers)) is not None
    ]
    if not told:
        return unknown("clock", "the API does not tell its time")
    rtt, ahead = min(told)
    # Cut to the second below: half of one is the best guess.
    offset, within = ahead + 0.5, 0.5 + rtt / 2
    facts = {"offset": round(offset, 3), "within": round(within, 3)}
    if abs(offset) <= APART:
        return ok("clock", f"in step with the API's, to {max(abs(offset), within):.1f} s", **facts)
    words = f"this machine's is {format_age(abs(offset))} {'behind' if offset > 0 else 'ahead of'} the API's"
    return warning("clock", words, "set it (timedatectl set-ntp true); ages are told by the API's meanwhile", **facts)


def _limit(replies: Sequence[Reply]) -> Finding:
    quotas = [quota for reply in replies if (quota := read_quota(reply.headers)) is not None]
    if replies and replies[-1].error is not None and replies[-1].error.retry_after is not None:
        return failed("limit", replies[-1].error, f"again in {format_age(replies[-1].error.retry_after)}")
    if not _answered(replies):
        return unknown("limit", NOT_REACHED)
    if not quotas:
        return unknown("limit", "the API tells none: 60 requests a minute are kept to")
    left, limit = quotas[-1].remaining, quotas[-1].limit
    facts = {"limit": limit, "remaining": left}
    words = f"{left} of {limit} requests left in this minute"
    if left * 5 < limit:
        return warning("limit", words, "others use the same key: one of their own, or a longer --interval", **facts)
    return ok("limit", words, **facts)


def _latency(replies: Sequence[Reply]) -> Finding:
    """Of the requests behind the first, which had to connect."""
    answered = [reply.duration_s for reply in replies if reply.status is not None]
    if not answered:
        return unknown("latency", NOT_REACHED)
    measured = answered[1:] or answered
    middle = median(measured)
    basis = f"median of {len(measured)} answers" if answered[1:] else "with the connection"
    words = f"{format_duration(middle * 1000)} · {basis}"
    facts: dict[str, Any] = {"median_ms": round(middle * 1000, 1), "answers": len(measured)}
    if middle > SLOW:
        return warning("latency", words, "--interval 15, so that polls do not overlap", **facts)
    return ok("latency", words, **facts)


def _answered(replies: Sequence[Reply]) -> bool:
    return any(reply.status is not None for reply in replies)
