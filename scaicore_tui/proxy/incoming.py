"""What is checked of a request before it passes: the page size, and the size of the body. Changes neither."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl

from pydantic import Field, TypeAdapter, ValidationError
from starlette.requests import Request

from scaicore_tui.proxy import problems

MAX_BODY = 1024 * 1024
MAX_LIMIT = 500

_limit = TypeAdapter(Annotated[int, Field(ge=1, le=MAX_LIMIT)])


def check_limit(query: bytes) -> None:
    """Raise Problem 422 where any `limit` in the query is not a number from 1 to 500.

    All of them: which of two the upstream would take is its own business.
    """
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name == "limit":
            _check(value)


async def read_body(request: Request) -> bytes:
    """The whole body. Raises Problem 413 as soon as it is known to be too large."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > MAX_BODY:
        raise problems.too_large(MAX_BODY)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise problems.too_large(MAX_BODY)
    return bytes(body)


def _check(value: str) -> None:
    try:
        _limit.validate_python(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise problems.invalid([{**one, "loc": ["query", "limit"]} for one in found]) from None
