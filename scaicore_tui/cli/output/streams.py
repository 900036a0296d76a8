"""Standard input, output and error, as this process finds them: closed, full, or of an encoding without our signs.

After `prepare` each of the three exists. Standard output raises a failed write once, as a StorageError, and drops what
comes after it: Python would otherwise repeat the failure at exit, with a traceback and a code of its own.

Standard error drops what can't be written: there is nobody to tell. The app's driver has its own way to the terminal
(`sys.__stderr__`), and learns there that the terminal is gone.
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

# Name of the error handler that writes ASCII in place of what an encoding lacks.
ASCII_FALLBACK = "scaicore-ascii"
# What tables and screens are made of. Where the encoding lacks one of these, all signs are ASCII.
GLYPHS = "●✓✗‖◆■┄▍│…"
# Each takes as many cells as its sign: columns stay where they are.
_ASCII_OF = {
    **dict(zip("●✓✗‖◆■▪", "*+x=#@#", strict=True)),
    **dict(zip("─┄━│┃▍▌┬┴├┤┼└┘┌┐", "---||||+++++++++", strict=True)),
    **dict(zip("…·×→←↑↓▲▼›‹–—“”‘’␠", "~-x><^v^v><--\"\"''_", strict=True)),
}
_C_LOCALES = ("C", "POSIX")
_NAMES = ("standard input", "standard output", "standard error")

_closed: set[int] = set()


class ReaderClosed(Exception):
    """The program that reads our standard output has ended: it has seen enough.

    No OSError, as typer ends with exit code 1 on that of a broken pipe, which here means that a run failed.
    """


def prepare() -> None:
    """Make the three streams usable, whatever this process was started with."""
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
    """Whether this process was started without that stream."""
    return descriptor in _closed


def require_output() -> None:
    """Raise StorageError where standard output is closed, before anything is done that it should tell of."""
    if is_closed(1):
        raise _output_closed("nothing was sent")


def can_encode_glyphs(stream: TextIO | None) -> bool:
    """Whether the encoding of `stream` has all our signs."""
    try:
        GLYPHS.encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True


def replace_with_ascii(error: UnicodeError) -> tuple[str, int]:
    """Codec error handler: ASCII in as many cells as each character takes; `?` for those without a likeness."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    from rich.cells import get_character_cell_size

    lacking = error.object[error.start : error.end]
    plain = (_ASCII_OF.get(sign) or "?" * get_character_cell_size(sign) for sign in lacking)
    return "".join(plain), error.end


def _output_closed(kept: str) -> StorageError:
    return StorageError(f"{_NAMES[1]} is closed", effect=kept, hint="let it be a file, or /dev/null")


def _open_if_closed(descriptor: int) -> None:
    """Occupy a closed descriptor: the next file that is opened would get it, and what is printed."""
    name = ("stdin", "stdout", "stderr")[descriptor]
    try:
        os.fstat(descriptor)
    except OSError:
        # The system gives the lowest that is free. Standard output stays unwritable: what is lost there is told.
        opened = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
        os.set_inheritable(opened, True)  # noqa: FBT003
    if getattr(sys, name) is None:
        _closed.add(descriptor)
        stream: IO[Any]
        if name == "stdin":
            stream = open(descriptor, encoding="utf-8", closefd=False)  # noqa: SIM115  (as long as we run)
        else:
            stream = io.TextIOWrapper(io.BufferedWriter(io.FileIO(descriptor, "w", closefd=False)), encoding="utf-8")
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _wanted_encoding(env: Mapping[str, str]) -> str | None:
    """ASCII where a person chose the C locale by name; else None: Python knows best.

    Python itself takes that locale for one of UTF-8 (PEP 538, PEP 540), as most often nobody chose it.
    """
    if env.get("PYTHONIOENCODING") or env.get("PYTHONUTF8") == "1":
        return None
    chosen = env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG")
    if chosen == "C.UTF-8" and not env.get("LC_ALL"):
        # Python sets LC_CTYPE so where it stands in for the C locale: then LANG says what was chosen.
        chosen = env.get("LANG")
    return "ascii" if chosen in _C_LOCALES else None


def _wrap(stream: io.TextIOWrapper, kind: type[_GuardedDescriptor]) -> io.TextIOWrapper:
    """The same stream, whose failures `kind` handles."""
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
    """A descriptor to which nothing is written once that has failed."""

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
        """Write some of `data`; how many bytes were taken."""
        if not self._has_failed:
            try:
                # A pipe that another program set not to block has to be waited for.
                while (written := self._raw.write(data)) is None:
                    select.select([], [self._raw], [])
                return written
            except OSError as error:
                self._has_failed = True
                self._fail(error)
        return memoryview(data).nbytes

    def _fail(self, error: OSError) -> None:
        """Tell of the first write that failed, if anybody is there to be told."""


class _Stderr(_GuardedDescriptor):
    """Standard error."""


class _Stdout(_GuardedDescriptor):
    """Standard output. Raises StorageError, and ReaderLeft."""

    def _fail(self, error: OSError) -> None:
        if isinstance(error, BrokenPipeError):
            raise ReaderClosed from error
        if is_closed(1):
            raise _output_closed("nothing was printed") from error
        raise StorageError(
            f"{_NAMES[1]} can't be written: {error.strerror}",
            effect="what was printed is not complete",
            hint="free some space, or print elsewhere",
        ) from error
