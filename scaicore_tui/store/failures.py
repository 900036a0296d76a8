"""What keeps a journal's file from being read or written, in words that name the file, what is kept and what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from scaicore_tui.disk_errors import os_error_text, primary_code, sqlite_error_text
from scaicore_tui.errors import NotFound, StorageError

FILE_UNCHANGED = "it was not touched"
ONLY_IN_MEMORY = "what comes is only in memory"
OTHER_FILE_HINT = "name another file: --journal FILE"


class DiskFailure(StorageError):
    """The disk does not take or give what was asked for: full, read-only, failing, or no permission."""


class DamagedJournal(StorageError):
    """The file is a journal, and parts of it are no longer as they were written."""


def is_storage_failure(error: sqlite3.Error) -> bool:
    """Return whether the file or the disk is at fault, and not what was asked of SQLite."""
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError


def journal_failure(error: sqlite3.Error | OSError, path: Path | None) -> StorageError:
    """Return the StorageError for a failed read or write of the journal in `path`; None is a temporary file."""
    name = "the temporary journal" if path is None else str(path)
    if isinstance(error, OSError):
        words = f"no journal can be kept in {name}: {os_error_text(error)}"
        return DiskFailure(words, effect="nothing was changed", hint=OTHER_FILE_HINT)
    code = primary_code(error)
    if code == sqlite3.SQLITE_CORRUPT:
        return damaged_error(name)
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
        return StorageError(f"{name} is no journal: {error}", effect=FILE_UNCHANGED, hint=OTHER_FILE_HINT)
    return DiskFailure(
        f"{name} can't be used: {sqlite_error_text(error)}", effect="its content is unchanged", hint=OTHER_FILE_HINT
    )


def require_file(path: Path, what: str) -> None:
    """Raise NotFound if there is nothing in `path`, StorageError if there is no file that can be read.

    `what` is what it should be.
    """
    try:
        if path.is_file():
            path.open("rb").close()
            return
        kind = "a folder" if path.is_dir() else "no ordinary file" if path.exists() else ""
    except OSError as error:
        words = f"{path} can't be read: {os_error_text(error)}"
        raise DiskFailure(words, effect="nothing was changed", hint="name another file") from error
    if kind:
        raise StorageError(f"{path} is no {what}: it is {kind}", effect=FILE_UNCHANGED, hint="name a file")
    raise NotFound(f"no {what} {path}")


def damaged_error(name: str) -> StorageError:
    """Return the error for a damaged journal of that name."""
    return DamagedJournal(
        f"{name} is damaged",
        effect="it was not changed",
        hint="move it away, and what the API still has is read again; sqlite3 FILE .recover may save the rest",
    )
