"""The errors of a journal's file. Their messages name the file, what is unchanged, and what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from scaicore_tui.disk_errors import os_error_text, primary_code, sqlite_error_text
from scaicore_tui.errors import NotFound, StorageError

FILE_UNCHANGED = "the file is unchanged"
ONLY_IN_MEMORY = "new events are only in memory"
OTHER_FILE_HINT = "use another file: --journal FILE"


class DiskFailure(StorageError):
    """The file can't be read or written: disk full, read-only or failing, or no permission."""


class DamagedJournal(StorageError):
    """The file is a journal with damaged parts."""


def is_storage_failure(error: sqlite3.Error) -> bool:
    """Return whether the file or the disk caused `error`, and not the statement."""
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError


def journal_failure(error: sqlite3.Error | OSError, path: Path | None) -> StorageError:
    """Return the StorageError for a failed read or write of the journal in `path`; None means a temporary file."""
    name = "the temporary journal" if path is None else str(path)
    if isinstance(error, OSError):
        message = f"can't write a journal to {name}: {os_error_text(error)}"
        return DiskFailure(message, effect="nothing was changed", hint=OTHER_FILE_HINT)
    code = primary_code(error)
    if code == sqlite3.SQLITE_CORRUPT:
        return damaged_error(name)
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
        return StorageError(f"{name} is not a journal: {error}", effect=FILE_UNCHANGED, hint=OTHER_FILE_HINT)
    return DiskFailure(
        f"can't use {name}: {sqlite_error_text(error)}", effect="the file is unchanged", hint=OTHER_FILE_HINT
    )


def require_file(path: Path, what: str) -> None:
    """Raise NotFound if `path` does not exist, StorageError if it is not a readable file.

    `what` names the expected content in the message, such as "journal".
    """
    try:
        if path.is_file():
            path.open("rb").close()
            return
        kind = "a folder" if path.is_dir() else "not a regular file" if path.exists() else ""
    except OSError as error:
        message = f"can't read {path}: {os_error_text(error)}"
        raise DiskFailure(message, effect="nothing was changed", hint="use another file") from error
    if kind:
        raise StorageError(
            f"{path} is not a {what}: it is {kind}", effect=FILE_UNCHANGED, hint="give the path of a file"
        )
    raise NotFound(f"no {what} {path}")


def damaged_error(name: str) -> StorageError:
    """Return the error for the damaged journal `name`."""
    return DamagedJournal(
        f"{name} is damaged",
        effect="the file is unchanged",
        hint="move it away: events that the API still has are read again; sqlite3 FILE .recover may save the rest",
    )
