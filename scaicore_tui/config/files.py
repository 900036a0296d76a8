"""Read the configuration file, provided only this user can change it: it names commands and hosts that get a token."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from scaicore_tui.decoding import decode_text
from scaicore_tui.errors import ConfigError

MAX_CONFIG_BYTES = 1024 * 1024
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def read_config(path: Path) -> str | None:
    """Return the text of the file; None if it does not exist.

    Raises:
        ConfigError: the file cannot be read, or other users can change it.
    """
    try:
        with open(path, "rb", opener=open_nonblocking) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError(f"{path} is not a file")
            if status.st_size > MAX_CONFIG_BYTES:
                raise ConfigError(f"{path} is larger than {MAX_CONFIG_BYTES:,} bytes")
            _check_writers(path, status)
            return decode_text(file.read(MAX_CONFIG_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None


def open_nonblocking(path: str, flags: int) -> int:
    """Open a file without blocking, should it be a named pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def is_present(path: Path) -> bool:
    """Return True if the path exists and this user may see it."""
    try:
        return path.exists()
    except OSError:
        return False


def _check_writers(path: Path, status: os.stat_result) -> None:
    """Raise ConfigError if other users can change or replace the file."""
    if os.name != "posix":
        return
    folder = Path(os.path.realpath(path)).parent
    _check_writer(path, status)
    folder_status = folder.stat()
    # In a sticky folder such as /tmp, users cannot replace the files of others.
    if not folder_status.st_mode & stat.S_ISVTX:
        _check_writer(folder, folder_status)


def _check_writer(path: Path, status: os.stat_result) -> None:
    danger = "a token_command in it would run as you"
    if status.st_uid not in (0, os.geteuid()):
        raise ConfigError(
            f"{path} belongs to another user (id {status.st_uid}): {danger}",
            effect="the file was not used",
            hint=f"if you trust its contents: chown $(id -u) {shlex.quote(str(path))}",
        )
    if status.st_mode & _OTHERS_WRITE:
        raise ConfigError(
            f"{path} can be changed by other users: {danger}",
            effect="the file was not used",
            hint=f"check its contents, then: chmod go-w {shlex.quote(str(path))}",
        )
