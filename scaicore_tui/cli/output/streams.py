"""Make the standard streams usable when they are closed, full, or in an encoding without our glyphs.

After `prepare` all three exist. Standard output raises StorageError for the first failed write and drops all later
output: otherwise Python reports the failure again at exit, with a traceback and another exit code.

Standard error drops what cannot be written. The app's driver writes to the terminal through `sys.__stderr__`, and
notices there that the terminal is gone.
"""

from __future__ import annotations

import codecs
import io
import os
import select
import sys
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any, TextIO

from scaicore_tui.errors import StorageError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# Name of the codec error handler that replaces characters that an encoding lacks by ASCII.
ASCII_FALLBACK = "scaicore-ascii"
# Glyphs of tables and screens. If the encoding lacks one of them, all glyphs are ASCII.
GLYPHS = "●✓✗‖◆■┄▍│…"
# Each replacement has the width of its glyph, so that columns stay aligned.
_ASCII_OF = {
    **dict(zip("●✓✗‖◆■▪", "*+x=#@#", strict=True)),
    **dict(zip("─┄━│┃▍▌┬┴├┤┼└┘┌┐", "---||||+++++++++", strict=True)),
    **dict(zip("…·×→←↑↓▲▼›‹–—“”‘’␠", "~-x><^v^v><--\"\"''_", strict=True)),
}
_C_LOCALES = ("C", "POSIX")
_NAMES = ("standard input", "standard output", "standard error")

_closed: set[int] = set()


class ReaderClosed(Exception):
    """The program that reads our standard output has closed it.

    This is not an OSError, because typer exits with 1 on a broken pipe, which here means that a run failed.
    """


def prepare() -> None:
    """Open closed streams, choose their encoding, and install the handling of failed writes."""
    codecs.register_error(ASCII_FALLBACK, replace_with_ascii)
    for descriptor in range(len(_NAMES)):
        _open_if_closed(descriptor)
    encoding = _wanted_encoding(os.environ)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(encoding=encoding, errors=ASCII_FALLBACK)
        sys.stderr = _wrap(sys.stderr, _Stderr)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding=encoding, errors=ASCII_FALLBACK)
        sys.stdout = _wrap(sys.stdout, _Stdout)


def is_closed(descriptor: int) -> bool:
    """Return True if this process was started with that descriptor closed."""
    return descriptor in _closed


def require_output() -> None:
    """Raise StorageError if standard output is closed. Called before a write whose result would be printed."""
    if is_closed(1):
        raise _output_closed("nothing was sent")


def can_encode_glyphs(stream: TextIO | None) -> bool:
    """Return True if the encoding of `stream` has all our glyphs."""
    try:
        GLYPHS.encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True


def replace_with_ascii(error: UnicodeError) -> tuple[str, int]:
    """Codec error handler: replace each character by ASCII of the same width; by `?` if it has no lookalike."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    from rich.cells import get_character_cell_size

    missing = error.object[error.start : error.end]
    replacements = (_ASCII_OF.get(char) or "?" * get_character_cell_size(char) for char in missing)
    return "".join(replacements), error.end


def _output_closed(effect: str) -> StorageError:
    return StorageError(f"{_NAMES[1]} is closed", effect=effect, hint="redirect it to a file or to /dev/null")


def _open_if_closed(descriptor: int) -> None:
    """Open a closed descriptor, so that the next opened file does not get its number, and our output."""
    name = ("stdin", "stdout", "stderr")[descriptor]
    try:
        os.fstat(descriptor)
    except OSError:
        # The lowest free number is used. Standard output stays unwritable, so that lost output is an error.
        opened = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
        os.set_inheritable(opened, True)  # noqa: FBT003
    if getattr(sys, name) is None:
        _closed.add(descriptor)
        stream: IO[Any]
        if name == "stdin":
            stream = open(descriptor, encoding="utf-8", closefd=False)  # noqa: SIM115  (open until the process ends)
        else:
            stream = io.TextIOWrapper(io.BufferedWriter(io.FileIO(descriptor, "w", closefd=False)), encoding="utf-8")
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _wanted_encoding(env: Mapping[str, str]) -> str | None:
    """Return "ascii" if the C locale was chosen by name; else None, for Python's choice.

    Python itself uses UTF-8 in that locale (PEP 538, PEP 540), as it is mostly set by default.
    """
    if env.get("PYTHONIOENCODING") or env.get("PYTHONUTF8") == "1":
        return None
    chosen = env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG")
    if chosen == "C.UTF-8" and not env.get("LC_ALL"):
        # Python sets LC_CTYPE like this when it replaces the C locale; then LANG has the choice.
        chosen = env.get("LANG")
    return "ascii" if chosen in _C_LOCALES else None


def _wrap(stream: io.TextIOWrapper, kind: type[_GuardedDescriptor]) -> io.TextIOWrapper:
    """Return the stream with a raw layer of type `kind`, which handles failed writes."""
    stream.flush()
    buffer: Any = stream.buffer
    raw: io.RawIOBase = getattr(buffer, "raw", buffer)
    return io.TextIOWrapper(
        io.BufferedWriter(kind(raw)),
        encoding=stream.encoding,
        errors=ASCII_FALLBACK,
        line_buffering=stream.line_buffering or stream.write_through,
    )


class _GuardedDescriptor(io.RawIOBase):
    """Raw stream that drops all output after the first failed write."""

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__()
        self._raw = raw
        self._has_failed = False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def isatty(self) -> bool:
        return self._raw.isatty()

    def write(self, data: ReadableBuffer, /) -> int:
        """Write some of `data`; return the number of bytes written or dropped."""
        if not self._has_failed:
            try:
                # Wait for a pipe that another program made non-blocking.
                while (written := self._raw.write(data)) is None:
                    select.select([], [self._raw], [])
                return written
            except OSError as error:
                self._has_failed = True
                self._fail(error)
        return memoryview(data).nbytes

    def _fail(self, error: OSError) -> None:
        """Handle the first failed write. Standard error ignores it."""


class _Stderr(_GuardedDescriptor):
    """Raw stream of standard error. Ignores failed writes."""


class _Stdout(_GuardedDescriptor):
    """Raw stream of standard output. Raises StorageError, or ReaderClosed for a broken pipe."""

    def _fail(self, error: OSError) -> None:
        if isinstance(error, BrokenPipeError):
            raise ReaderClosed from error
        if is_closed(1):
            raise _output_closed("nothing was printed") from error
        raise StorageError(
            f"cannot write {_NAMES[1]}: {error.strerror}",
            effect="the output is not complete",
            hint="free some space, or redirect the output",
        ) from error
