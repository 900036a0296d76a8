"""The four calls, told apart by the path as it came: the only paths that can ever be asked of the upstream.

An id passes as it came, whatever characters it has; what a server behind this one could take for another path does not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from scaicore_tui.proxy import problems

_PREFIX = rb"(?:/api)?/v1/scaicore"
_ID = rb"/([^/]+)"
_SHAPES = tuple(
    (method, re.compile(_PREFIX + b"(?P<rest>" + rest + b")"), "/v1/scaicore" + rest.replace(_ID, b"/{id}").decode())
    for method, rest in (
        ("GET", rb"/events"),
        ("GET", rb"/checkpoints"),
        ("POST", rb"/checkpoints" + _ID + rb"/resolve"),
        ("POST", rb"/cores" + _ID + rb"/invoke"),
    )
)
_SEGMENT = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SEPARATOR = re.compile(rb"[/\\]")
# How often an id is decoded to look for dot segments: servers in a row may each decode once more.
_MOST_DECODINGS = 8

_METHODS = {"GET": "GET, HEAD, OPTIONS", "POST": "POST, OPTIONS"}


@dataclass(frozen=True)
class Call:
    """One of the four; `path` is what follows `…/scaicore`, its id percent-encoded as it came. `route` has none."""

    method: str
    path: bytes
    route: str

    @property
    def is_write(self) -> bool:
        """Whether it has side effects, and must never be sent twice."""
        return self.method == "POST"


def find_call(method: str, raw_path: bytes) -> Call:
    """The call that a request asks for; a HEAD is a read. Raises Problem: 404 for any other path, 400 for an id that
    can't be passed on, 405."""
    allowed, rest, route = _find(raw_path)
    if (allowed if method == "HEAD" and allowed == "GET" else method) != allowed:
        raise problems.method_not_allowed(_METHODS[allowed])
    return Call(allowed, rest, route)


def allowed_methods(raw_path: bytes) -> str:
    """The methods that a resource takes, as `Allow` tells them. Raises Problem as `find_call` does."""
    return _METHODS[_find(raw_path)[0]]


def _find(raw_path: bytes) -> tuple[str, bytes, str]:
    for method, shape, route in _SHAPES:
        found = shape.fullmatch(raw_path)
        if found is not None:
            if not all(_is_one_segment(segment) for segment in found.groups()[1:]):
                raise problems.invalid_id()
            return method, found["rest"], route
    raise problems.not_found()


def _is_one_segment(segment: bytes) -> bool:
    """Whether an id is the same resource for every server, also for one that decodes twice or resolves dots."""
    if not _SEGMENT.fullmatch(segment):
        return False
    decoded = unquote_to_bytes(segment)
    try:
        is_text = _CONTROL.search(decoded.decode()) is None
    except UnicodeDecodeError:
        return False
    return is_text and not _leads_elsewhere(decoded)


def _leads_elsewhere(decoded: bytes) -> bool:
    """Whether `.` or `..` stands between slashes, at once or decoded further; one may have parameters (`..;a=b`)."""
    for _ in range(_MOST_DECODINGS):
        pieces = _SEPARATOR.split(decoded)
        if any(piece.partition(b";")[0].strip() in (b".", b"..") for piece in pieces):
            return True
        before, decoded = decoded, unquote_to_bytes(decoded)
        if decoded == before:
            return False
    return True
