"""Reads request bodies: bounded in size, strict JSON, always an object."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any, Final, NoReturn

from starlette.requests import ClientDisconnect, Request

from scaicore_tui.grid.problems import Problem, invalid

MAX_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 64
"""What is nested deeper might be read here, and then be too deep for the pages that show it."""


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object that was sent. Raises a 413 or 422 Problem."""
    text = await _read(request)
    try:
        body = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise invalid("the body is not valid JSON") from error
    if not isinstance(body, dict):
        raise invalid("the body must be a JSON object")
    if _deeper_than(body, MAX_DEPTH):
        raise invalid(f"the body may be nested {MAX_DEPTH} levels deep")
    return body


async def _read(request: Request) -> bytes:
    """Stops as soon as it is too much, whatever the Content-Length says."""
    data = bytearray()
    try:
        async for chunk in request.stream():
            data += chunk
            if len(data) > MAX_BYTES:
                raise Problem(413, "PAYLOAD_TOO_LARGE", f"a body may have {MAX_BYTES} bytes")
    except ClientDisconnect as gone:
        raise Problem(400, "BODY_INCOMPLETE", "the connection closed before the body was complete") from gone
    return bytes(data)


def _deeper_than(value: Any, levels: int) -> bool:
    """Level by level: what is deep is not gone into, and what is wide costs a look at each."""
    containers = [value]
    for _ in range(levels + 1):
        containers = [part for whole in containers for part in _parts(whole) if isinstance(part, dict | list)]
    return bool(containers)


def _parts(whole: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return whole.values() if isinstance(whole, dict) else whole


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")
