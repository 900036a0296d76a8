"""The body of an answer, read as it comes: never more than a cap of it, packed or unpacked."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from scaicore_tui.api._httpx import httpx

# A page of 500 events has some hundred thousand bytes.
MAX_BODY_BYTES = 32 * 1024 * 1024
# What is said with an error status is read so far.
MAX_PROBLEM_BYTES = 64 * 1024
# So much is unpacked in one go.
CHUNK_BYTES = 256 * 1024
# What an answer may be packed with: only what can be unpacked bit by bit.
ACCEPTED_ENCODING = "gzip"


# Of a body that is too large, so much is kept at either end: its cursor stands there.
EDGE_BYTES = 64 * 1024
# No more than this is read to get to a body's end.
MAX_SCANNED_BYTES = 1024 * 1024 * 1024


@dataclass(frozen=True)
class BodyLimits:
    """Bounds on the bodies that are read, in bytes.

    `edge` is how much is kept at either end of a body that is larger than `max_body`. No more than `max_passed` is read
    to get to the end of such a body.
    """

    max_body_bytes: int = MAX_BODY_BYTES
    edge_bytes: int = EDGE_BYTES
    max_scanned_bytes: int = MAX_SCANNED_BYTES


class BodyError(Exception):
    """There is an answer, and it can't be read: why, in words."""


class BodyTooLarge(BodyError):
    """It is larger than what is read: a page of fewer events may do."""


async def read_body(response: httpx.Response, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The body of `response`, unpacked. Raises TooLarge where it has more than `most` bytes, UnreadableBody where it is
    packed in a way that nobody asked for; and httpx's errors."""
    body, is_whole = b"", _content_length(response) <= max_bytes
    if response.is_stream_consumed:
        # A transport without a wire had all of it.
        body, is_whole = response.content, len(response.content) <= max_bytes
    elif is_whole:
        read, is_whole = await _read_up_to(response, max_bytes)
        body = read.to_bytes() if is_whole else b""
    if not is_whole:
        raise BodyTooLarge(f"it is larger than {max_bytes // 1024**2} MiB")
    return body


async def read_edges(response: httpx.Response, limits: BodyLimits) -> tuple[bytes, bytes]:
    """The first and the last bytes of a body that is too large to be kept. Raises what `read_body` does."""
    if response.is_stream_consumed:
        return response.content[: limits.edge_bytes], response.content[-limits.edge_bytes :]
    unpacker, head, tail, size = _decompressor(response), bytearray(), bytearray(), 0
    async for piece in response.aiter_raw():
        async for part in _decompress(piece, unpacker):
            size += len(part)
            head += part[: limits.edge_bytes - len(head)]
            tail = (tail + part)[-limits.edge_bytes :]
        if size > limits.max_scanned_bytes:
            raise BodyTooLarge(f"it is larger than {limits.max_scanned_bytes // 1024**2} MiB")
    return bytes(head), bytes(tail)


async def _decompress(piece: bytes, unpacker: zlib._Decompress | None) -> AsyncIterator[bytes]:
    """A piece, unpacked bit by bit, beside the event loop: it may be a thousand times as large."""
    if unpacker is None:
        yield piece
        return
    try:
        while piece:
            yield await asyncio.to_thread(unpacker.decompress, piece, CHUNK_BYTES)
            piece = unpacker.unconsumed_tail
    except zlib.error as error:
        raise BodyError("it is packed, and broken") from error


async def read_problem_body(response: httpx.Response) -> bytes:
    """What there is of the body of an answer with an error status: its status says enough."""
    if response.is_stream_consumed:
        return response.content[:MAX_PROBLEM_BYTES]
    try:
        return (await _read_up_to(response, MAX_PROBLEM_BYTES))[0].to_bytes()
    except (BodyError, httpx.HTTPError):
        return b""


class _Buffer:
    """Bytes that come piece by piece, up to `room` of them. They are kept in blocks of some size: one block that grows
    to a large body is moved as it grows, and takes the memory of both; and many small pieces take far more than they
    hold."""

    def __init__(self, room: int) -> None:
        self.size = 0
        self._max_bytes = room
        self._blocks = [bytearray()]

    @property
    def remaining(self) -> int:
        """For how many more bytes there is room."""
        return self._max_bytes - self.size

    def add(self, piece: bytes) -> None:
        """Add as much of a piece as there is room for."""
        piece = piece[: self.remaining]
        if len(self._blocks[-1]) + len(piece) > CHUNK_BYTES:
            self._blocks.append(bytearray())
        self._blocks[-1] += piece
        self.size += len(piece)

    def to_bytes(self) -> bytes:
        """Return all of it."""
        return b"".join(self._blocks)


async def _read_up_to(response: httpx.Response, most: int) -> tuple[_Buffer, bool]:
    """At most so many bytes of the body, and whether that is all of it."""
    unpacker = _decompressor(response)
    body = _Buffer(most)
    async for piece in response.aiter_raw():
        is_over = _append(body, piece, unpacker)
        if is_over or response.num_bytes_downloaded > most:
            return body, False
    if unpacker is not None and body.size and not unpacker.eof:
        raise BodyError("it broke off in the middle")
    return body, True


def _decompressor(response: httpx.Response) -> zlib._Decompress | None:
    packing = response.headers.get("Content-Encoding", "").strip().lower()
    if packing in ("", "identity"):
        return None
    if packing != ACCEPTED_ENCODING:
        raise BodyError(f"it is packed as {packing[:20]!r}, which was not asked for")
    return zlib.decompressobj(16 + zlib.MAX_WBITS)


def _append(body: _Buffer, piece: bytes, unpacker: zlib._Decompress | None) -> bool:
    """Add a piece, unpacked; returns whether it has more than there is room for."""
    if unpacker is None:
        is_over = len(piece) > body.remaining
        body.add(piece)
        return is_over
    try:
        while piece:
            # One byte more than there is room for shows that there is more.
            unpacked = unpacker.decompress(piece, min(CHUNK_BYTES, body.remaining + 1))
            if len(unpacked) > body.remaining:
                body.add(unpacked)
                return True
            body.add(unpacked)
            piece = unpacker.unconsumed_tail
    except zlib.error as error:
        raise BodyError("it is packed, and broken") from error
    return False


def _content_length(response: httpx.Response) -> int:
    """How long the body says it is; 0 where it doesn't."""
    told = response.headers.get("Content-Length", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 19 else 0
