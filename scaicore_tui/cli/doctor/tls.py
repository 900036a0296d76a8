"""The TLS of the way to the API: how it is encrypted, who vouches for the other end, and for how long."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any
from urllib.parse import urlsplit

from scaicore_tui.cli.doctor.finding import Finding, doubtful, failed, fine, unknown
from scaicore_tui.clock import Clock
from scaicore_tui.config import Target
from scaicore_tui.config.network import context_for
from scaicore_tui.config.proxies import proxy_label
from scaicore_tui.config.tls import source_of_trust
from scaicore_tui.errors import CannotReach
from scaicore_tui.feed.causes import cause_of
from scaicore_tui.feed.transport import CONNECT_TIMEOUT
from scaicore_tui.text import one_line

_DAY = 86_400
# A certificate that runs out in so many days should be in somebody's calendar.
SOON = 14


async def tls_finding(target: Target, clock: Clock) -> Finding:
    """What a connection of its own shows. Raises ConfigError where `ca_file` or the environment's can't be used."""
    parts = urlsplit(target.url)
    if parts.scheme == "http":
        return fine(
            "tls", "none: it does not leave this machine" if target.is_loopback else "none, and no token is sent"
        )
    if proxy := proxy_label(target.url):
        return unknown("tls", f"not looked at: the way leads through the proxy {one_line(proxy)}")
    context = context_for(target.url, target.ca_file)
    try:
        version, certificate = await _handshake(parts.hostname or "", parts.port or 443, context)
    except (OSError, TimeoutError) as error:
        cause = cause_of(error)
        words = cause.words if str(error) else f"no answer within {CONNECT_TIMEOUT:g} s"
        return failed("tls", CannotReach(words), cause.hint or "check the URL, and this machine's network")
    return _judged(target, version, certificate, clock.now())


async def _handshake(host: str, port: int, context: ssl.SSLContext) -> tuple[str, dict[str, Any]]:
    async with asyncio.timeout(CONNECT_TIMEOUT):
        _, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        secured: ssl.SSLObject = writer.get_extra_info("ssl_object")
        return secured.version() or "?", dict(secured.getpeercert() or {})
    finally:
        writer.transport.abort()


def _judged(target: Target, version: str, certificate: dict[str, Any], now: float) -> Finding:
    days = int((ssl.cert_time_to_seconds(certificate["notAfter"]) - now) // _DAY)
    issuer = _issuer(certificate)
    ca_file = None if target.ca_file is None else str(target.ca_file)
    source = source_of_trust(target.ca_file)
    believed = f" · believed by {one_line(source)}" if source else ""
    words = f"{version} · {days} days left · issued by {one_line(issuer)}{believed}"
    facts = {"version": version, "days_left": days, "issuer": issuer, "ca_file": ca_file}
    if days < SOON:
        return doubtful("tls", words, "the certificate has to be renewed there", **facts)
    return fine("tls", words, **facts)


def _issuer(certificate: dict[str, Any]) -> str:
    names = dict(pair for group in certificate.get("issuer", ()) for pair in group)
    return str(names.get("organizationName") or names.get("commonName") or "nobody named")
