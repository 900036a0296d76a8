"""Reads request bodies: limited in size, strict JSON, always an object."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any, Final, NoReturn

from starlette.requests import ClientDisconnect, Request

from scaicore_tui.servers.grid.http.problems import GridProblem, invalid

MAX_BODY_BYTES: Final = 1024 * 1024
MAX_BODY_DEPTH: Final = 64
"""A deeper body might be readable, but too deep for the pages that return it."""


async def read_json_object(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body. Raises GridProblem 413 or 422."""
    text = await _read(request)
    try:
        body = json.loads(text, parse_constant=_reject_constant, parse_float=_finite_float)
    except (ValueError, RecursionError) as error:
        raise invalid("the body is not valid JSON") from error
    if not isinstance(body, dict):
        raise invalid("the body must be a JSON object")
    if _is_deeper_than(body, MAX_BODY_DEPTH):
        raise invalid(f"the body is nested more than {MAX_BODY_DEPTH} levels deep")
    return body


async def _read(request: Request) -> bytes:
    """Read the body; stop as soon as it is too large, whatever Content-Length says."""
    data = bytearray()
    try:
        async for chunk in request.stream():
            data += chunk
            if len(data) > MAX_BODY_BYTES:
                raise GridProblem(413, "PAYLOAD_TOO_LARGE", f"the body is larger than {MAX_BODY_BYTES} bytes")
    except ClientDisconnect as gone:
        raise GridProblem(400, "BODY_INCOMPLETE", "the connection closed before the body was complete") from gone
    return bytes(data)


def _is_deeper_than(value: Any, levels: int) -> bool:
    """Return true if `value` has more than `levels` of nesting. Breadth first, so that depth cannot exhaust the
    stack.
    """
    containers = [value]
    for _ in range(levels + 1):
        containers = [child for parent in containers for child in _children(parent) if isinstance(child, dict | list)]
    return bool(containers)


def _children(parent: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return parent.values() if isinstance(parent, dict) else parent


def _finite_float(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _reject_constant(text)


def _reject_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")
