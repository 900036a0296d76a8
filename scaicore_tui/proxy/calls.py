"""The four calls, told apart by the path as it came: the only paths that can ever be asked of the upstream.

The decoded path is never looked at, so no encoding can make this proxy and the server behind it read two things.
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
_FORBIDDEN = re.compile(r"\.\.|[/\\%?#]")


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
    """The call that a request asks for. Raises Problem: 404 for any other path or a dangerous id, 405."""
    for allowed, shape, route in _SHAPES:
        found = shape.fullmatch(raw_path)
        if found is None:
            continue
        if not all(_is_plain(segment) for segment in found.groups()[1:]):
            break
        if method != allowed:
            raise problems.method_not_allowed(allowed)
        return Call(method, found["rest"], route)
    raise problems.not_found()


def _is_plain(segment: bytes) -> bool:
    """Whether an id stays one segment for every server, also one that decodes twice or resolves dots."""
    if not _SEGMENT.fullmatch(segment):
        return False
    try:
        text = unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        return False
    return text != "." and text.isprintable() and not _FORBIDDEN.search(text)
