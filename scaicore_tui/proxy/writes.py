"""Whether anything was written since: known to all processes of one service, through a few bytes that they share."""

from __future__ import annotations

import os
from mmap import mmap
from tempfile import TemporaryFile

SIZE = 16


class Writes:
    """Bytes that change with each write; of the file `descriptor`, or of this process alone.

    Nobody locks them: read while they change, they are neither what they were nor what they become, and so also new.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self._bytes = mmap(-1 if descriptor is None else descriptor, SIZE)

    def tell(self) -> None:
        """Something was written."""
        self._bytes[:] = os.urandom(SIZE)

    @property
    def latest(self) -> bytes:
        """Which was the last; equal as long as there was none."""
        return self._bytes[:]


def shareable() -> int:
    """A descriptor to hand to processes; it is of no folder, where the system can do without."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("writes")
    else:
        with TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.truncate(descriptor, SIZE)
    return descriptor
