"""Where in a body a list's elements stand, so that each can be kept byte for byte.

Clean JSON is cut by msgspec. What it refuses is walked by hand. Invalid UTF-8 survives as surrogate escapes, there and
back.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import DecodeError, Raw, Struct
from msgspec.json import Decoder

from scaicore_tui.wire.error_envelope import refuse_error
from scaicore_tui.wire.walk import expect, following, skip, value_at

# What the fast decoder raises for JSON that it does not take, among it some that Python's does.
UNREADABLE = (DecodeError, UnicodeDecodeError, RecursionError)


# Forty times as many as are asked for. What has more is no page.
MAX_ROWS = 20_000
TOO_MANY = f"it has more than {MAX_ROWS:,} rows"


class _Inner(Struct):
    events: list[Raw] | None = None
    next_cursor: Any = None


class _Outer(_Inner):
    data: _Inner | None = None
    status: Any = None
    success: Any = None
    error: Any = None


_cut = Decoder(_Outer).decode


def clean_page(body: bytes) -> tuple[list[bytes], dict[str, Any]] | None:
    """The bytes of each event in a page, and what else the page says; None where `page` has to judge. Raises ValueError
    where there are too many, or the body is an error."""
    try:
        outer = _cut(body)
    except UNREADABLE:
        return None
    found = outer.events or (outer.data.events if outer.data is not None else None)
    refuse_error({"status": outer.status, "success": outer.success, "error": outer.error, "events": found})
    for inner in (outer, outer.data):
        if inner is not None and inner.events is not None:
            if len(inner.events) > MAX_ROWS:
                raise ValueError(TOO_MANY)
            return list(map(bytes, inner.events)), {"next_cursor": inner.next_cursor}
    return None


def decode(body: bytes) -> str:
    """The body as text, lossless for any bytes."""
    return body.decode("utf-8", "surrogateescape").removeprefix("\ufeff")


def encode(text: str) -> bytes:
    """The bytes that `decode` made `text` of."""
    return text.encode("utf-8", "surrogateescape")


def page(body: bytes, key: str) -> dict[str, Any]:
    """The object that holds a list under `key`: `body` itself, or what its `data` wraps.

    The list's elements come as pairs: the value, or UNREAD where it can't be read, and its own bytes. Everything else
    is decoded as usual. Raises ValueError where the body is no JSON, has no such list, or is an error.
    """
    text = decode(body)
    start = skip(text, 0)
    if text[start : start + 1] != "{":
        raise _no_page(text, key)
    members, _ = _object(text, start, key)
    refuse_error(members)
    for candidate in (members, members.get("data")):
        if isinstance(candidate, dict) and isinstance(candidate.get(key), list):
            return candidate
    raise ValueError(f"it has no list of {key}")


def _no_page(text: str, key: str) -> ValueError:
    """What is wrong with a body that is no object."""
    try:
        json.loads(text)
    except RecursionError:
        return ValueError("it is nested too deeply")
    except ValueError as error:
        return error
    return ValueError(f"it has no list of {key}")


def _object(text: str, at: int, key: str) -> tuple[dict[str, Any], int]:
    """An object and its end; the list under `key` in pairs, here and inside `data`."""
    members: dict[str, Any] = {}
    at = skip(text, at + 1)
    while text[at : at + 1] != "}":
        name, at = value_at(text, at)
        at = skip(text, expect(text, skip(text, at), ":"))
        sign = text[at : at + 1]
        if name == key and sign == "[":
            members[key], at = _array(text, at)
        elif name == "data" and sign == "{":
            members[name], at = _object(text, at, key)
        else:
            members[str(name)], at = value_at(text, at)
        at = following(text, at, "}")
    return members, at + 1


def _array(text: str, at: int) -> tuple[list[tuple[Any, bytes]], int]:
    """An array's values with their bytes, and its end."""
    pairs = []
    at = skip(text, at + 1)
    while text[at : at + 1] != "]":
        value, end = value_at(text, at)
        pairs.append((value, encode(text[at:end])))
        if len(pairs) > MAX_ROWS:
            raise ValueError(TOO_MANY)
        at = following(text, end, "]")
    return pairs, at + 1
