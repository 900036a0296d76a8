"""Describe errors of the disk and of SQLite for people."""

from __future__ import annotations

import errno
import sqlite3

from scaicore_tui.errors import StorageError

_SAFE = "everything saved so far is intact in the journal and the ledger"
_HINT = "free some disk space, or set XDG_STATE_HOME and TMPDIR to writable folders"
# The lowest eight bits of an extended SQLite result code are the primary code.
_PRIMARY_BITS = 0xFF
_SQLITE_TEXTS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "the file is read-only",
    sqlite3.SQLITE_PERM: "no permission",
    sqlite3.SQLITE_AUTH: "no permission",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened, or no file can be created in its folder",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_BUSY: "another program has locked the file",
    sqlite3.SQLITE_LOCKED: "another program has locked the file",
}
_DISK_CODES = {sqlite3.SQLITE_CORRUPT, *_SQLITE_TEXTS}
# Extended codes of I/O errors that a full disk causes.
_FULL_CODES = {sqlite3.SQLITE_IOERR_SHMSIZE}
_OS_TEXTS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "no permission",
    errno.EPERM: "the file belongs to another user",
    errno.ENAMETOOLONG: "the file name is too long",
    errno.EISDIR: "the path is a folder, not a file",
    errno.EIO: "the disk reports an error",
    errno.EEXIST: "a part of the path is a file, not a folder",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
}


def primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code.

    Python raises an error without a code for stored text that is not UTF-8. We store only UTF-8, so the file is
    corrupt.
    """
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & _PRIMARY_BITS


def sqlite_error_text(error: sqlite3.Error) -> str:
    """Describe an error of SQLite."""
    is_full = getattr(error, "sqlite_errorcode", 0) in _FULL_CODES
    return _SQLITE_TEXTS.get(sqlite3.SQLITE_FULL if is_full else primary_code(error), str(error))


def os_error_text(error: OSError) -> str:
    """Describe an error of the operating system."""
    return _OS_TEXTS.get(error.errno or 0, error.strerror or str(error))


def disk_failure(error: BaseException) -> StorageError | None:
    """Return a StorageError for an unexpected error that the disk caused; None for any other."""
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & _PRIMARY_BITS in _DISK_CODES:
        return StorageError(f"a file cannot be read or written: {error}", effect=_SAFE, hint=_HINT)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO):
        name = error.filename or "a file"
        return StorageError(f"{name} cannot be read or written: {os_error_text(error)}", effect=_SAFE, hint=_HINT)
    return None
