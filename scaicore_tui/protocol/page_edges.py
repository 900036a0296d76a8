"""The cursor of a page that is too large to be read, out of the body's first and last bytes."""

from __future__ import annotations

import json
from typing import Any

from scaicore_tui.protocol.envelope import cursor, decode

# How many closing brackets are tried, from the end on, as that of the list.
_TRIES = 64


def next_cursor(head: bytes, tail: bytes, key: str) -> str | None:
    """The cursor that follows the list under `key`; None at the feed's end. Raises ValueError where it is not found."""
    text = decode(tail)
    at = len(text)
    for _ in range(_TRIES):
        at = text.rfind("]", 0, at)
        if at < 0:
            break
        page = _page('{"data": {"list": [' + text[at:]) or _page('{"list": [' + text[at:])
        if page is not None:
            return cursor(page)
    before, found, _ = decode(head).partition(f'"{key}"')
    page = _page(before + '"list": []}}') or _page(before + '"list": []}') if found else None
    if page is None:
        raise ValueError("its cursor is not found")
    return cursor(page)


def _page(text: str) -> dict[str, Any] | None:
    """The object with the cursor in `text`; None where it is no JSON, or has none."""
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    for found in (value, value.get("data") if isinstance(value, dict) else None):
        if isinstance(found, dict) and "next_cursor" in found and "list" in found:
            return found
    return None
