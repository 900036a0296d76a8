"""Write reports of internal errors: exception types, source locations and source lines, but no data.

A report never has values. It has the message of an exception only if that message cannot quote a value, because a value
may be a payload or a token.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from scaicore_tui.errors import ScaicoreError
from scaicore_tui.lock import OWNER_ONLY_FILE, OWNER_ONLY_FOLDER
from scaicore_tui.text import sanitize
from scaicore_tui.timefmt import MICROS_PER_SECOND, format_iso

MAX_REPORTS = 5
# Frames to print at each end of a deep traceback.
MAX_END_FRAMES = 40
MAX_CHAINED_ERRORS = 8

_OWN_PACKAGE = "scaicore_tui"
_PACKAGES = ("scaicore-tui", "textual", "httpx", "msgspec")


def write_report(error: BaseException, folder: Path, at: float) -> Path:
    """Write the report of `error` into `folder`, delete all but the newest reports, and return its path.

    Only the owner can read the file. `at` is the time of the error, in seconds since 1970. Raises OSError.
    """
    folder.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
    stamp = (format_iso(int(at) * MICROS_PER_SECOND) or "").replace(":", "")
    path = folder / f"crash-{stamp}-{os.getpid()}.txt"
    path.touch(mode=OWNER_ONLY_FILE)
    try:
        path.write_text("\n".join(_report(error, at)) + "\n", encoding="utf-8")
    except OSError:
        path.unlink(missing_ok=True)
        raise
    for old in find_reports(folder)[:-MAX_REPORTS]:
        old.unlink(missing_ok=True)
    return path


def find_reports(folder: Path) -> list[Path]:
    """Return the reports in `folder`, oldest first; none if the folder does not exist."""
    return sorted(folder.glob("crash-*.txt"))


def format_trace(error: BaseException) -> Iterator[str]:
    """Yield the lines of a traceback without values: the chain of errors, the cause first."""
    current: BaseException | None = error
    chain: list[BaseException] = []
    while current is not None and current not in chain and len(chain) < MAX_CHAINED_ERRORS:
        chain.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    for number, one in enumerate(reversed(chain)):
        yield from ("and then",) if number else ()
        yield _name(one)
        yield from _frames(one)
        for part in one.exceptions if isinstance(one, BaseExceptionGroup) else ():
            yield from (f"  | {line}" for line in format_trace(part))


def without_values(message: str) -> str:
    """Return the first line of a library's log message: values are in later lines, or in angle brackets."""
    return re.sub("<.*>", "<…>", message.partition("\n")[0])


def location(error: BaseException) -> str:
    """Return the error and its innermost source line in this package (in any package, if there is none)."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _path(frame.filename).startswith(_OWN_PACKAGE)] or frames
    return f"{_name(error)} in {_path(ours[-1].filename)}, line {ours[-1].lineno}" if ours else _name(error)


def root_cause(error: BaseException) -> BaseException:
    """Return the first internal error inside nested exception groups; if there is none, the first error."""
    while isinstance(error, BaseExceptionGroup):
        parts = error.exceptions
        error = next((part for part in parts if not isinstance(root_cause(part), ScaicoreError)), parts[0])
    return error


def _report(error: BaseException, at: float) -> Iterator[str]:
    yield " · ".join(f"{name} {version(name)}" for name in _PACKAGES)
    yield f"Python {sys.version.partition(' ')[0]} · {sys.platform} · {format_iso(int(at) * MICROS_PER_SECOND)}"
    yield "This report has no data: only error types, source locations and source lines."
    yield ""
    yield from format_trace(error)


def _name(error: BaseException) -> str:
    """Return the type of the error, and its message if that cannot quote a value."""
    match error:
        case ScaicoreError():
            message = " ".join(str(fact) for fact in (error.status, error.request_id) if fact)
        case AttributeError() | NameError():
            message = str(error)
        case OSError():
            message = error.strerror or ""
        case _:
            message = str(getattr(error, "sqlite_errorname", ""))
    return f"{type(error).__name__}: {sanitize(message)}" if message else type(error).__name__


def _frames(error: BaseException) -> Iterator[str]:
    frames = traceback.extract_tb(error.__traceback__)
    left_out = len(frames) - 2 * MAX_END_FRAMES
    for number, frame in enumerate(frames):
        if left_out > 0 and number == MAX_END_FRAMES:
            yield f"  … {left_out} more …"
        if left_out <= 0 or not MAX_END_FRAMES <= number < MAX_END_FRAMES + left_out:
            yield f"  {_path(frame.filename)}, line {frame.lineno}, in {frame.name}"
            yield from (f"    {frame.line}",) if frame.line else ()


def _path(filename: str) -> str:
    """Return the path from its package on. The folders above may hold a user name."""
    parts = Path(filename).parts
    if "site-packages" in parts:
        return "/".join(parts[parts.index("site-packages") + 1 :])
    return "/".join(parts[parts.index(_OWN_PACKAGE) :] if _OWN_PACKAGE in parts else parts[-2:])
