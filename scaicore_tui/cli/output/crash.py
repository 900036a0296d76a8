"""The report of a failure that is a mistake of the program: where it happened, and nothing of what was handled.

It holds types, places and lines of source. Values never; and messages only where they can quote none: a payload may
stand in them, or a token.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from scaicore_tui.errors import ScaicoreError
from scaicore_tui.lock import OWNER_ONLY_FILE, OWNER_ONLY_FOLDER
from scaicore_tui.text import sanitize
from scaicore_tui.timefmt import SECOND, format_iso

MAX_REPORTS = 5
# Of a deep recursion, these at both ends.
MAX_END_FRAMES = 40
MAX_CHAINED_ERRORS = 8

_OWN_PACKAGE = "scaicore_tui"
_PACKAGES = ("scaicore-tui", "textual", "httpx", "msgspec")


def write_report(error: BaseException, folder: Path, at: float) -> Path:
    """Write the report of `error`, which came at that time, in seconds since 1970; the newest few are kept.

    Readable by its owner alone. Raises OSError.
    """
    folder.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
    stamp = (format_iso(int(at) * SECOND) or "").replace(":", "")
    path = folder / f"crash-{stamp}-{os.getpid()}.txt"
    path.touch(mode=OWNER_ONLY_FILE)
    try:
        path.write_text("\n".join(_report(error, at)) + "\n", encoding="utf-8")
    except OSError:
        path.unlink(missing_ok=True)
        raise
    for old in sorted(folder.glob("crash-*.txt"))[:-MAX_REPORTS]:
        old.unlink(missing_ok=True)
    return path


def format_trace(error: BaseException) -> Iterator[str]:
    """What failed and where, cause first, line by line."""
    link: BaseException | None = error
    chain: list[BaseException] = []
    while link is not None and link not in chain and len(chain) < MAX_CHAINED_ERRORS:
        chain.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    for number, one in enumerate(reversed(chain)):
        yield from ("and then",) if number else ()
        yield _name(one)
        yield from _frames(one)
        for part in one.exceptions if isinstance(one, BaseExceptionGroup) else ():
            yield from (f"  | {line}" for line in format_trace(part))


def location(error: BaseException) -> str:
    """What failed, and where: the innermost place that is ours."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _path(frame.filename).startswith(_OWN_PACKAGE)] or frames
    return f"{_name(error)} in {_path(ours[-1].filename)}, line {ours[-1].lineno}" if ours else _name(error)


def root_cause(error: BaseException) -> BaseException:
    """What failed, out of the groups that tasks put it in; one that a person can do something about is none of ours."""
    while isinstance(error, BaseExceptionGroup):
        parts = error.exceptions
        error = next((part for part in parts if not isinstance(root_cause(part), ScaicoreError)), parts[0])
    return error


def _report(error: BaseException, at: float) -> Iterator[str]:
    yield " · ".join(f"{name} {version(name)}" for name in _PACKAGES)
    yield f"Python {sys.version.partition(' ')[0]} · {sys.platform} · {format_iso(int(at) * SECOND)}"
    yield "No data in here: types, places and lines of source."
    yield ""
    yield from format_trace(error)


def _name(error: BaseException) -> str:
    """Its type; and of its words those that quote nothing."""
    match error:
        case ScaicoreError():
            words = " ".join(str(fact) for fact in (error.status, error.request_id) if fact)
        case AttributeError() | NameError():
            words = str(error)
        case OSError():
            words = error.strerror or ""
        case _:
            words = str(getattr(error, "sqlite_errorname", ""))
    return f"{type(error).__name__}: {sanitize(words)}" if words else type(error).__name__


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
    """The file without the folders above its package: whose machine it is is nobody's business."""
    parts = Path(filename).parts
    if "site-packages" in parts:
        return "/".join(parts[parts.index("site-packages") + 1 :])
    return "/".join(parts[parts.index(_OWN_PACKAGE) :] if _OWN_PACKAGE in parts else parts[-2:])
