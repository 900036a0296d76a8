"""Checks a request before it is passed on: its route, page size, body size and headers.

Only the API's routes can reach the upstream: the four calls about runs, and three that read flows. An id passes
unchanged, unless a server behind this one could take it for a different path. Headers for the other end pass; headers
for this connection do not (RFC 9110 §7.6.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl, unquote_to_bytes

from pydantic import Field, TypeAdapter, ValidationError
from starlette.requests import Request

from scaicore_tui.servers.proxy import problems

_ID = rb"/([^/]+)"
# The prefix of the calls about runs here, and at the upstream. Flows have the same paths on both sides.
_RUNS, _UPSTREAM_RUNS = b"/v1/scaicore", b"/v1/modules/scaicore"
_FLOWS = b"/v1"
_ROUTES = tuple(
    (
        method,
        re.compile(b"(?:/api)?" + prefix + b"(?P<rest>" + rest + b")"),
        (prefix + rest.replace(_ID, b"/{id}")).decode(),
        _UPSTREAM_RUNS if prefix == _RUNS else prefix,
    )
    for method, prefix, rest in (
        ("GET", _RUNS, rb"/events"),
        ("GET", _RUNS, rb"/checkpoints"),
        ("POST", _RUNS, rb"/checkpoints" + _ID + rb"/resolve"),
        ("POST", _RUNS, rb"/cores" + _ID + rb"/invoke"),
        ("GET", _FLOWS, rb"/flows"),
        ("GET", _FLOWS, rb"/flows" + _ID),
        ("GET", _FLOWS, rb"/flows" + _ID + rb"/deployments"),
    )
)
_SEGMENT = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SEPARATOR = re.compile(rb"[/\\]")
# Each server in a row may decode an id once more.
_MAX_DECODINGS = 8

_METHODS = {"GET": "GET, HEAD, OPTIONS", "POST": "POST, OPTIONS"}

MAX_BODY_BYTES = 1024 * 1024
MAX_PAGE_SIZE = 500
_page_size = TypeAdapter(Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE)])
RawHeaders = list[tuple[bytes, bytes]]
_HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"))
# Set anew for the upstream. `Expect` has been answered by then, since the body has been read.
_SET_BY_PROXY = frozenset((b"host", b"authorization", b"content-length", b"expect"))
# Some servers take another path or method from these than the request's own.
_OVERRIDES = frozenset(
    (b"x-original-url", b"x-rewrite-url", b"x-http-method", b"x-http-method-override", b"x-method-override")
)
# All headers that may differ between two otherwise identical requests: the program, the addresses on the way, and the
# names of the request in logs and traces. This is a list of what is harmless, since any other header may say who the
# caller is (`X-Forwarded-User`, `-Email`, `-Access-Token`, `Baggage`, a client certificate) or which host is meant
# (`X-Forwarded-Host`).
_ROUTING = frozenset(
    (
        *(b"user-agent", b"via", b"x-forwarded-for", b"x-real-ip", b"cf-connecting-ip", b"cf-ray"),
        *(b"x-request-id", b"x-correlation-id", b"traceparent", b"tracestate", b"b3", b"x-b3-traceid", b"x-b3-spanid"),
        *(b"x-b3-parentspanid", b"x-b3-sampled", b"x-b3-flags", b"x-amzn-trace-id", b"x-cloud-trace-context"),
    )
)
_NOT_SENT = _SET_BY_PROXY | _OVERRIDES


@dataclass(frozen=True)
class ApiRoute:
    """One of the API's routes, as requested.

    `path` is the part after `…/scaicore`, or after `/v1` of a route about flows, with the id percent-encoded as it
    came. `template` has `{id}` in its place. `upstream_prefix` goes before the path at the upstream.
    """

    method: str
    path: bytes
    template: str
    upstream_prefix: bytes = _UPSTREAM_RUNS

    @property
    def is_write(self) -> bool:
        """Return true if the route has side effects: such a request must never be sent twice."""
        return self.method == "POST"


def match_route(method: str, raw_path: bytes) -> ApiRoute:
    """Return the route that a request asks for; HEAD counts as GET.

    Raises ProxyProblem: 404 for any other path, 400 for an id that cannot be passed on, 405 for another method.
    """
    route = _find(raw_path)
    if (route.method if method == "HEAD" and route.method == "GET" else method) != route.method:
        raise problems.method_not_allowed(_METHODS[route.method])
    return route


def allowed_methods(raw_path: bytes) -> str:
    """Return the methods of a resource, as in the `Allow` header. Raises ProxyProblem 404 or 400."""
    return _METHODS[_find(raw_path).method]


def _find(raw_path: bytes) -> ApiRoute:
    for method, pattern, template, upstream_prefix in _ROUTES:
        match = pattern.fullmatch(raw_path)
        if match is not None:
            if not all(_is_one_segment(segment) for segment in match.groups()[1:]):
                raise problems.invalid_id()
            return ApiRoute(method, match["rest"], template, upstream_prefix)
    raise problems.not_found()


def _is_one_segment(segment: bytes) -> bool:
    """Return true if an id names the same resource for every server, even one that decodes twice or resolves dots."""
    if not _SEGMENT.fullmatch(segment):
        return False
    decoded = unquote_to_bytes(segment)
    try:
        is_text = _CONTROL.search(decoded.decode()) is None
    except UnicodeDecodeError:
        return False
    return is_text and not _leads_elsewhere(decoded)


def _leads_elsewhere(decoded: bytes) -> bool:
    """Return true if a segment is `.` or `..`, at once or after further decoding. It may have parameters (`..;a=b`)."""
    for _ in range(_MAX_DECODINGS):
        segments = _SEPARATOR.split(decoded)
        if any(segment.partition(b";")[0].strip() in (b".", b"..") for segment in segments):
            return True
        before, decoded = decoded, unquote_to_bytes(decoded)
        if decoded == before:
            return False
    return True


def check_page_size(query: bytes) -> None:
    """Raise ProxyProblem 422 if any `limit` in the query is not a number from 1 to 500.

    All of them are checked, since the upstream may use any.
    """
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name == "limit":
            _check_number(value)


async def read_body(request: Request) -> bytes:
    """Return the whole body. Raises ProxyProblem 413 as soon as it is known to be too large."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > MAX_BODY_BYTES:
        raise problems.too_large(MAX_BODY_BYTES)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise problems.too_large(MAX_BODY_BYTES)
    return bytes(body)


def _check_number(value: str) -> None:
    try:
        _page_size.validate_python(value)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        raise problems.invalid([{**detail, "loc": ["query", "limit"]} for detail in details]) from None


def upstream_headers(headers: Iterable[tuple[bytes, bytes]], authorization: str) -> RawHeaders:
    """Return a request's headers for the upstream. The HTTP client adds Host and Content-Length."""
    passed = [(name, value) for name, value in end_to_end(headers) if name not in _NOT_SENT]
    return [*passed, (b"authorization", authorization.encode("ascii"))]


def end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """Remove the hop-by-hop headers and those that Connection names. Names become lower case; values stay untouched."""
    lowered = [(name.lower(), value) for name, value in headers]
    named = {token.strip().lower() for name, value in lowered if name == b"connection" for token in value.split(b",")}
    if any(name == b"transfer-encoding" for name, _ in lowered):
        # A Content-Length beside Transfer-Encoding is false, and a way to smuggle requests.
        named.add(b"content-length")
    return [(name, value) for name, value in lowered if not _is_hop_by_hop(name) and name not in named]


def is_routing_header(name: bytes) -> bool:
    """Return true for headers that may differ between two otherwise identical requests."""
    return name in _ROUTING


def _is_hop_by_hop(name: bytes) -> bool:
    return name in _HOP_BY_HOP or name.startswith(b"proxy-")
