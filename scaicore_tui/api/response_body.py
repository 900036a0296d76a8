"""Read response bodies as a stream, bounded before and after decompression."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from scaicore_tui.api._httpx import httpx

# A page of 500 events has a few hundred thousand bytes.
MAX_BODY_BYTES = 32 * 1024 * 1024
# Limit for the body of an error response.
MAX_PROBLEM_BYTES = 64 * 1024
# Most bytes that are decompressed in one call.
CHUNK_BYTES = 256 * 1024
# Accepted Content-Encoding: one that can be decompressed in chunks.
ACCEPTED_ENCODING = "gzip"


# Bytes that are kept of either end of a body that is too large: the page's cursor is there.
EDGE_BYTES = 64 * 1024
# Most bytes that are read to reach the end of a body.
MAX_SCANNED_BYTES = 1024 * 1024 * 1024


@dataclass(frozen=True)
class BodyLimits:
    """Bounds on the bodies that are read, in bytes.

    `edge_bytes` are kept of either end of a body larger than `max_body_bytes`. At most `max_scanned_bytes` are read
    to reach its end.
    """

    max_body_bytes: int = MAX_BODY_BYTES
    edge_bytes: int = EDGE_BYTES
    max_scanned_bytes: int = MAX_SCANNED_BYTES


class BodyError(Exception):
    """A response body cannot be read; the message says why."""


class BodyTooLarge(BodyError):
    """The body exceeds the limit; a page with fewer rows may fit."""


async def read_body(response: httpx.Response, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """Return the decompressed body of `response`.

    Raises: BodyTooLarge above `max_bytes`; BodyError for an encoding other than ACCEPTED_ENCODING; httpx's errors.
    """
    body, is_complete = b"", _content_length(response) <= max_bytes
    if response.is_stream_consumed:
        # An in-memory transport has read the body already.
        body, is_complete = response.content, len(response.content) <= max_bytes
    elif is_complete:
        read, is_complete = await _read_up_to(response, max_bytes)
        body = read.to_bytes() if is_complete else b""
    if not is_complete:
        raise BodyTooLarge(f"it is larger than {max_bytes // 1024**2} MiB")
    return body


async def read_edges(response: httpx.Response, limits: BodyLimits) -> tuple[bytes, bytes]:
    """Return the first and last `edge_bytes` of a body that is too large to keep. Raises as `read_body`."""
    if response.is_stream_consumed:
        return response.content[: limits.edge_bytes], response.content[-limits.edge_bytes :]
    decompressor, head, tail, size = _decompressor(response), bytearray(), bytearray(), 0
    async for chunk in response.aiter_raw():
        async for data in _decompress(chunk, decompressor):
            size += len(data)
            head += data[: limits.edge_bytes - len(head)]
            tail = (tail + data)[-limits.edge_bytes :]
        if size > limits.max_scanned_bytes:
            raise BodyTooLarge(f"it is larger than {limits.max_scanned_bytes // 1024**2} MiB")
    return bytes(head), bytes(tail)


async def _decompress(chunk: bytes, decompressor: zlib._Decompress | None) -> AsyncIterator[bytes]:
    """Yield `chunk` decompressed in chunks, in a thread: the result may be a thousand times as large."""
    if decompressor is None:
        yield chunk
        return
    try:
        while chunk:
            yield await asyncio.to_thread(decompressor.decompress, chunk, CHUNK_BYTES)
            chunk = decompressor.unconsumed_tail
    except zlib.error as error:
        raise BodyError("its compressed data is damaged") from error


async def read_problem_body(response: httpx.Response) -> bytes:
    """Return as much as can be read of an error response's body; never raises for an unreadable one."""
    if response.is_stream_consumed:
        return response.content[:MAX_PROBLEM_BYTES]
    try:
        return (await _read_up_to(response, MAX_PROBLEM_BYTES))[0].to_bytes()
    except (BodyError, httpx.HTTPError):
        return b""


class _Buffer:
    """Collects up to `max_bytes` in blocks of CHUNK_BYTES.

    One growing block would be copied as it grows and briefly need twice the memory; many small chunks have overhead.
    """

    def __init__(self, max_bytes: int) -> None:
        self.size = 0
        self._max_bytes = max_bytes
        self._blocks = [bytearray()]

    @property
    def remaining(self) -> int:
        """Bytes that can still be added."""
        return self._max_bytes - self.size

    def add(self, chunk: bytes) -> None:
        """Add `chunk`, cut off at the limit."""
        chunk = chunk[: self.remaining]
        if len(self._blocks[-1]) + len(chunk) > CHUNK_BYTES:
            self._blocks.append(bytearray())
        self._blocks[-1] += chunk
        self.size += len(chunk)

    def to_bytes(self) -> bytes:
        """Return all collected bytes."""
        return b"".join(self._blocks)


async def _read_up_to(response: httpx.Response, max_bytes: int) -> tuple[_Buffer, bool]:
    """Return at most `max_bytes` bytes of the body, and True if that is all of it."""
    decompressor = _decompressor(response)
    body = _Buffer(max_bytes)
    async for chunk in response.aiter_raw():
        is_over = _append(body, chunk, decompressor)
        if is_over or response.num_bytes_downloaded > max_bytes:
            return body, False
    if decompressor is not None and body.size and not decompressor.eof:
        raise BodyError("it broke off in the middle")
    return body, True


def _decompressor(response: httpx.Response) -> zlib._Decompress | None:
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding != ACCEPTED_ENCODING:
        raise BodyError(f"it is encoded as {encoding[:20]!r}, which was not requested")
    return zlib.decompressobj(16 + zlib.MAX_WBITS)


def _append(body: _Buffer, chunk: bytes, decompressor: zlib._Decompress | None) -> bool:
    """Add `chunk`, decompressed; return True if it exceeds the limit."""
    if decompressor is None:
        is_over = len(chunk) > body.remaining
        body.add(chunk)
        return is_over
    try:
        while chunk:
            # One byte beyond the limit shows that there is more.
            unpacked = decompressor.decompress(chunk, min(CHUNK_BYTES, body.remaining + 1))
            if len(unpacked) > body.remaining:
                body.add(unpacked)
                return True
            body.add(unpacked)
            chunk = decompressor.unconsumed_tail
    except zlib.error as error:
        raise BodyError("its compressed data is damaged") from error
    return False


def _content_length(response: httpx.Response) -> int:
    """Return the Content-Length; 0 if absent or invalid."""
    value = response.headers.get("Content-Length", "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else 0
