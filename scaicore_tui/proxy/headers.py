"""Which headers pass: those meant for the other end do, those meant for this connection do not (RFC 9110 §7.6.1)."""

from __future__ import annotations

from collections.abc import Iterable

RawHeaders = list[tuple[bytes, bytes]]

_HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"))
# Said anew for the upstream; `Expect` was already answered, as the body is here.
_OURS = frozenset((b"host", b"authorization", b"content-length", b"expect"))
# Some servers read another path or method out of these than the request's own.
_OVERRIDES = frozenset(
    (b"x-original-url", b"x-rewrite-url", b"x-http-method", b"x-http-method-override", b"x-method-override")
)
# All headers that may differ between two requests that are identical otherwise: the program, the addresses on the way,
# and the names of one request in logs and traces. A list of what is harmless: any header that is not in it may say who
# asks (`X-Forwarded-User`, `-Email`, `-Access-Token`, `Baggage`, a client's certificate) or where (`X-Forwarded-Host`).
_HARMLESS = frozenset(
    (
        *(b"user-agent", b"via", b"x-forwarded-for", b"x-real-ip", b"cf-connecting-ip", b"cf-ray"),
        *(b"x-request-id", b"x-correlation-id", b"traceparent", b"tracestate", b"b3", b"x-b3-traceid", b"x-b3-spanid"),
        *(b"x-b3-parentspanid", b"x-b3-sampled", b"x-b3-flags", b"x-amzn-trace-id", b"x-cloud-trace-context"),
    )
)
_NOT_SENT = _OURS | _OVERRIDES


def outgoing(headers: Iterable[tuple[bytes, bytes]], authorization: str) -> RawHeaders:
    """A request's headers for the upstream; Host and Content-Length are left to the client that sends it."""
    kept = [(name, value) for name, value in end_to_end(headers) if name not in _NOT_SENT]
    return [*kept, (b"authorization", authorization.encode("ascii"))]


def end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """All but the hop-by-hop headers and those that Connection names; names in lower case, values untouched."""
    lowered = [(name.lower(), value) for name, value in headers]
    named = {token.strip().lower() for name, value in lowered if name == b"connection" for token in value.split(b",")}
    if any(name == b"transfer-encoding" for name, _ in lowered):
        # A length beside it is a lie, and the way requests are smuggled.
        named.add(b"content-length")
    return [(name, value) for name, value in lowered if not _is_hop(name) and name not in named]


def tells_the_way(name: bytes) -> bool:
    """Whether a header is one of those that say nothing of who asks for what."""
    return name in _HARMLESS


def _is_hop(name: bytes) -> bool:
    return name in _HOP_BY_HOP or name.startswith(b"proxy-")
