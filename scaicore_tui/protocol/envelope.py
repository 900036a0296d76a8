"""Unwrap response bodies, recognize errors in them, and split a page into its rows byte for byte.

msgspec splits valid JSON. Anything it rejects is scanned by `lenient_json`. Invalid UTF-8 is kept as surrogate escapes.
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
# Members of success bodies only; the response to a run that failed has an `error` beside them.
_RESULTS = ("data", "id", "output", "duration_ms", "execution_id", "events", "checkpoints")
# Checkpoints and invoked runs have a `status` of their own, which says nothing about the response.
_HAVE_STATUS = ("id", "duration_ms", "execution_id")
_REASONS = ("error", "errors", "detail")


class ErrorEnvelope(ValueError):
    """The body is an error instead of the requested data."""

    def __init__(self) -> None:
        super().__init__("the response is an error")


def raise_if_error(value: Any) -> None:
    """Raise ErrorEnvelope if a decoded body, or the value of its `data`, is an error."""
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


# Errors of the fast decoder; it rejects some JSON that Python's decoder accepts.
DECODE_ERRORS = (DecodeError, UnicodeDecodeError, RecursionError)


# Forty times the largest page that we request.
MAX_ROWS = 20_000
TOO_MANY_ROWS = f"the page has more than {MAX_ROWS:,} rows"


class _Inner(Struct):
    events: list[Raw] | None = None
    next_cursor: Any = None


class _Outer(_Inner):
    data: _Inner | None = None
    status: Any = None
    success: Any = None
    error: Any = None


_decode_page = Decoder(_Outer, float_hook=read_float).decode


def split_events_fast(body: bytes) -> tuple[list[bytes], dict[str, Any]] | None:
    """Return the bytes of each event of a page, and the page's other members.

    Return None if the body needs `split_list`, which is slower and accepts more.

    Raises:
        ValueError: there are too many rows, or the body is an error.
    """
    try:
        outer = _decode_page(body)
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
    """Decode a body without loss; invalid UTF-8 becomes surrogate escapes."""
    return body.decode("utf-8", "surrogateescape").removeprefix("\ufeff")


def encode(text: str) -> bytes:
    """Return the bytes from which `decode` made `text`."""
    return text.encode("utf-8", "surrogateescape")


def split_list(body: bytes, key: str) -> dict[str, Any]:
    """Return the object that has a list under `key`: `body` itself, or the value of its `data`.

    Each row of the list becomes a pair: its value, or UNPARSED if it cannot be decoded, and its bytes.

    Raises:
        ValueError: the body is not JSON, has no such list, or is an error.
    """
    text = decode(body)
    start = skip_spaces(text, 0)
    if text[start : start + 1] != "{":
        raise _not_a_page(text, key)
    members, _ = _split_object(text, start, key)
    raise_if_error(members)
    for candidate in (members, members.get("data")):
        if isinstance(candidate, dict) and isinstance(candidate.get(key), list):
            return candidate
    raise ValueError(f"the response has no list of {key}")


def _not_a_page(text: str, key: str) -> ValueError:
    """Return the error for a body that is not an object."""
    try:
        json.loads(text)
    except RecursionError:
        return ValueError("the response is nested too deeply")
    except ValueError as error:
        return error
    return ValueError(f"the response has no list of {key}")


def _split_object(text: str, index: int, key: str) -> tuple[dict[str, Any], int]:
    """Decode an object and return its end index; split the list under `key`, here and inside `data`, into pairs."""
    members: dict[str, Any] = {}
    index = skip_spaces(text, index + 1)
    while text[index : index + 1] != "}":
        name, index = value_at(text, index)
        index = skip_spaces(text, expect(text, skip_spaces(text, index), ":"))
        sign = text[index : index + 1]
        if name == key and sign == "[":
            members[key], index = _split_array(text, index)
        elif name == "data" and sign == "{":
            members[name], index = _split_object(text, index, key)
        else:
            members[str(name)], index = value_at(text, index)
        index = next_item(text, index, "}")
    return members, index + 1


def _split_array(text: str, index: int) -> tuple[list[tuple[Any, bytes]], int]:
    """Return the values of an array with their bytes, and its end index."""
    pairs = []
    index = skip_spaces(text, index + 1)
    while text[index : index + 1] != "]":
        value, end = value_at(text, index)
        pairs.append((value, encode(text[index:end])))
        if len(pairs) > MAX_ROWS:
            raise ValueError(TOO_MANY_ROWS)
        index = next_item(text, end, "]")
    return pairs, index + 1


def parse(body: bytes) -> Any:
    """Decode `body` as JSON. Raises ValueError if it is not JSON or is nested too deeply."""
    if is_too_deep(body):
        raise ValueError("the response is nested too deeply")
    try:
        return json.loads(decode(body), strict=False, parse_float=read_float, parse_int=read_int)
    except RecursionError as error:
        raise ValueError("the response is nested too deeply") from error


def unwrap(value: Any) -> Any:
    """Return the value inside a wrapper: an object of `data` and, at most, `status` and `meta`. Else return `value`.

    Raises:
        ErrorEnvelope: the body is an error.
    """
    raise_if_error(value)
    if isinstance(value, dict) and "data" in value and value.keys() <= {"data", "status", "meta"}:
        return value["data"]
    return value


def read_cursor(page: dict[str, Any]) -> str | None:
    """Return the cursor of the next page; None at the feed's end: null, absent or empty (API §7)."""
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
