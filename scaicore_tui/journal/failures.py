"""What keeps a journal's file from being read or written, in words that name the file, what is kept and what to do."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from scaicore_tui.errors import NotFound, StorageError

UNTOUCHED = "it was not touched"
IN_MEMORY = "what comes is only in memory"
ANOTHER = "name another file: --journal FILE"
# SQLite's primary result codes: the lowest eight bits of an extended one.
_PRIMARY = 0xFF
_WORDS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_PERM: "no permission",
    sqlite3.SQLITE_AUTH: "no permission",
    sqlite3.SQLITE_CANTOPEN: "it can't be opened, or no file can be made beside it",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_BUSY: "another program holds it",
    sqlite3.SQLITE_LOCKED: "another program holds it",
}
_OF_DISK = {sqlite3.SQLITE_CORRUPT, *_WORDS}
SAFE = "journal and ledger hold what came before"
LOOK = "make room, or set XDG_STATE_HOME and TMPDIR to folders that can be written"
# What SQLite calls an error of the disk, and is a want of room.
_MORE_EXACT = {sqlite3.SQLITE_IOERR_SHMSIZE: sqlite3.SQLITE_FULL}
_SYSTEM_WORDS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "no permission",
    errno.EPERM: "it belongs to another user",
    errno.ENAMETOOLONG: "its name is too long",
    errno.EISDIR: "it is a folder",
    errno.EIO: "the disk reports an error",
    errno.EEXIST: "a file is in the place of its folder",
    errno.ENOTDIR: "a file is in the place of its folder",
}


class DiskFailure(StorageError):
    """The disk does not take or give what was asked for: full, read-only, failing, or no permission."""


class DamagedJournal(StorageError):
    """The file is a journal, and parts of it are no longer as they were written."""


def is_failure(error: sqlite3.Error) -> bool:
    """Return whether the file or the disk is at fault, and not what was asked of SQLite."""
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError


def journal_failure(error: sqlite3.Error | OSError, path: Path | None) -> StorageError:
    """Return the StorageError for a failed read or write of the journal in `path`; None is a temporary file."""
    name = "the temporary journal" if path is None else str(path)
    if isinstance(error, OSError):
        words = f"no journal can be kept in {name}: {_system_words(error)}"
        return DiskFailure(words, kept="nothing was changed", hint=ANOTHER)
    # Python's own module raises one without a code for a text that is no UTF-8: none was ever stored.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & _PRIMARY
    if code == sqlite3.SQLITE_CORRUPT:
        return damaged(name)
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
        return StorageError(f"{name} is no journal: {error}", kept=UNTOUCHED, hint=ANOTHER)
    words = _WORDS.get(_MORE_EXACT.get(getattr(error, "sqlite_errorcode", 0), code), str(error))
    return DiskFailure(f"{name} can't be used: {words}", kept="its content is unchanged", hint=ANOTHER)


def disk_failure(error: BaseException) -> StorageError | None:
    """Return a StorageError for an unexpected error that the disk caused; None for any other."""
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & _PRIMARY in _OF_DISK:
        return StorageError(f"a file can't be read or written: {error}", kept=SAFE, hint=LOOK)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO):
        name = error.filename or "a file"
        return StorageError(f"{name} can't be read or written: {_system_words(error)}", kept=SAFE, hint=LOOK)
    return None


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
        words = f"{path} can't be read: {_system_words(error)}"
        raise DiskFailure(words, kept="nothing was changed", hint="name another file") from error
    if kind:
        raise StorageError(f"{path} is no {what}: it is {kind}", kept=UNTOUCHED, hint="name a file")
    raise NotFound(f"no {what} {path}")


def damaged(name: str) -> StorageError:
    """Return the error for a damaged journal of that name."""
    return DamagedJournal(
        f"{name} is damaged",
        kept="it was not changed",
        hint="move it away, and what the API still has is read again; sqlite3 FILE .recover may save the rest",
    )


def _system_words(error: OSError) -> str:
    return _SYSTEM_WORDS.get(error.errno or 0, error.strerror or str(error))
