"""Where in a body a list's elements stand, so that each can be kept byte for byte.

Clean JSON is cut by msgspec. What it refuses is walked by hand. Invalid UTF-8 survives as surrogate escapes, there and
back.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import DecodeError, Raw, Struct
from msgspec.json import Decoder

from scaicore_tui.json_text import read_float, read_int
from scaicore_tui.protocol.lenient_json import as_text, expect, is_too_deep, next_item, skip_spaces, value_at

_ERROR_WORDS = ("error", "fail", "failure")
MIN_ERROR_STATUS = 400
# Members that only a success has; a failed run may tell its `error` beside them.
_RESULTS = ("data", "id", "output", "duration_ms", "execution_id", "events", "checkpoints")
# A checkpoint's own `status` may be any word, and so may be that of a run that was invoked.
_HAVE_STATUS = ("id", "duration_ms", "execution_id")
_REASONS = ("error", "errors", "detail")


class ErrorEnvelope(ValueError):
    """The body is an error, not what was asked for."""

    def __init__(self) -> None:
        super().__init__("it is an error")


def raise_if_error(value: Any) -> None:
    """Raise ErrorEnvelope where a decoded body, or what its `data` wraps, is an error."""
    if _is_error(value) or (isinstance(value, dict) and _is_error(value.get("data"))):
        raise ErrorEnvelope


def _is_error(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    if not any(name in value for name in _HAVE_STATUS) and _says_error(value):
        return True
    has_result = any(value.get(name) not in (None, [], {}) for name in _RESULTS)
    return not has_result and _has_reason(value)


def _says_error(value: dict[str, Any]) -> bool:
    status = value.get("status")
    if isinstance(status, int):
        return status >= MIN_ERROR_STATUS
    return value.get("success") is False or (isinstance(status, str) and status.lower() in _ERROR_WORDS)


def _has_reason(value: dict[str, Any]) -> bool:
    has_code = isinstance(value.get("code"), str) and bool(value.get("message"))
    return has_code or any(value.get(name) for name in _REASONS)


# What the fast decoder raises for JSON that it does not take, among it some that Python's does.
DECODE_ERRORS = (DecodeError, UnicodeDecodeError, RecursionError)


# Forty times as many as are asked for. What has more is no page.
MAX_ROWS = 20_000
TOO_MANY_ROWS = f"it has more than {MAX_ROWS:,} rows"


class _Inner(Struct):
    events: list[Raw] | None = None
    next_cursor: Any = None


class _Outer(_Inner):
    data: _Inner | None = None
    status: Any = None
    success: Any = None
    error: Any = None


_cut = Decoder(_Outer).decode


def split_events_fast(body: bytes) -> tuple[list[bytes], dict[str, Any]] | None:
    """The bytes of each event in a page, and what else the page says; None where `page` has to judge. Raises ValueError
    where there are too many, or the body is an error."""
    try:
        outer = _cut(body)
    except DECODE_ERRORS:
        return None
    found = outer.events or (outer.data.events if outer.data is not None else None)
    raise_if_error({"status": outer.status, "success": outer.success, "error": outer.error, "events": found})
    for inner in (outer, outer.data):
        if inner is not None and inner.events is not None:
            if len(inner.events) > MAX_ROWS:
                raise ValueError(TOO_MANY_ROWS)
            return list(map(bytes, inner.events)), {"next_cursor": inner.next_cursor}
    return None


def decode(body: bytes) -> str:
    """The body as text, lossless for any bytes."""
    return body.decode("utf-8", "surrogateescape").removeprefix("\ufeff")


def encode(text: str) -> bytes:
    """The bytes that `decode` made `text` of."""
    return text.encode("utf-8", "surrogateescape")


def split_list(body: bytes, key: str) -> dict[str, Any]:
    """The object that holds a list under `key`: `body` itself, or what its `data` wraps.

    The list's elements come as pairs: the value, or UNREAD where it can't be read, and its own bytes. Everything else
    is decoded as usual. Raises ValueError where the body is no JSON, has no such list, or is an error.
    """
    text = decode(body)
    start = skip_spaces(text, 0)
    if text[start : start + 1] != "{":
        raise _no_page(text, key)
    members, _ = _object(text, start, key)
    raise_if_error(members)
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
    at = skip_spaces(text, at + 1)
    while text[at : at + 1] != "}":
        name, at = value_at(text, at)
        at = skip_spaces(text, expect(text, skip_spaces(text, at), ":"))
        sign = text[at : at + 1]
        if name == key and sign == "[":
            members[key], at = _array(text, at)
        elif name == "data" and sign == "{":
            members[name], at = _object(text, at, key)
        else:
            members[str(name)], at = value_at(text, at)
        at = next_item(text, at, "}")
    return members, at + 1


def _array(text: str, at: int) -> tuple[list[tuple[Any, bytes]], int]:
    """An array's values with their bytes, and its end."""
    pairs = []
    at = skip_spaces(text, at + 1)
    while text[at : at + 1] != "]":
        value, end = value_at(text, at)
        pairs.append((value, encode(text[at:end])))
        if len(pairs) > MAX_ROWS:
            raise ValueError(TOO_MANY_ROWS)
        at = next_item(text, end, "]")
    return pairs, at + 1


def parse(body: bytes) -> Any:
    """The JSON of `body`. Raises ValueError where it is none, or nested too deeply."""
    if is_too_deep(body):
        raise ValueError("it is nested too deeply")
    try:
        return json.loads(decode(body), strict=False, parse_float=read_float, parse_int=read_int)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def unwrap(value: Any) -> Any:
    """What is inside the wrapper. A body is wrapped only if it has `data` and nothing but wrapper fields beside.

    Raises ErrorEnvelope where the body is an error.
    """
    raise_if_error(value)
    if isinstance(value, dict) and "data" in value and value.keys() <= {"data", "status", "meta"}:
        return value["data"]
    return value


def read_cursor(page: dict[str, Any]) -> str | None:
    """The cursor to the next page; None at the feed's end: null, absent or empty (API §7)."""
    return as_text(page.get("next_cursor")) or None


# How many closing brackets `find_next_cursor` tries as the end of the list.
_MAX_CLOSING_BRACKETS = 64


def find_next_cursor(head: bytes, tail: bytes, key: str) -> str | None:
    """Return the cursor of a page that is too large to read, from the body's first and last bytes; None at the feed's
    end.

    Args:
        key: the member that holds the page's list.

    Raises:
        ValueError: there is no cursor in these bytes.
    """
    text = decode(tail)
    end = len(text)
    for _ in range(_MAX_CLOSING_BRACKETS):
        end = text.rfind("]", 0, end)
        if end < 0:
            break
        page = _page_without_rows('{"data": {"list": [' + text[end:]) or _page_without_rows('{"list": [' + text[end:])
        if page is not None:
            return read_cursor(page)
    before, found, _ = decode(head).partition(f'"{key}"')
    page = _page_without_rows(before + '"list": []}}') or _page_without_rows(before + '"list": []}') if found else None
    if page is None:
        raise ValueError("the page is too large to read, and its cursor cannot be found")
    return read_cursor(page)


def _page_without_rows(text: str) -> dict[str, Any] | None:
    """Return the object with `list` and `next_cursor` in `text`; None if there is none or `text` is not JSON."""
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    for candidate in (value, value.get("data") if isinstance(value, dict) else None):
        if isinstance(candidate, dict) and "next_cursor" in candidate and "list" in candidate:
            return candidate
    return None
