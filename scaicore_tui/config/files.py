"""Reads the profiles' file, where nobody else can have written it: it names hosts that get a token, and commands."""

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
    """The text of the file; None where there is none. Raises ConfigError where it can't be read, or be trusted."""
    try:
        with open(path, "rb", opener=_open) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError(f"{path} is no file")
            if status.st_size > MAX_CONFIG_BYTES:
                raise ConfigError(f"{path} is larger than {MAX_CONFIG_BYTES:,} bytes")
            _check_writers(path, status)
            return decode_text(file.read(MAX_CONFIG_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None


def _open(path: str, flags: int) -> int:
    """Open without waiting for somebody who writes into a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def is_present(path: Path) -> bool:
    """Whether there is such a file, as far as this user may know."""
    try:
        return path.exists()
    except OSError:
        return False


def _check_writers(path: Path, status: os.stat_result) -> None:
    """Raise ConfigError where somebody else can change the file, or put another one in its place."""
    if os.name != "posix":
        return
    folder = Path(os.path.realpath(path)).parent
    _check_writer(path, status)
    folder_status = folder.stat()
    # In a folder like /tmp nobody can replace a file of somebody else.
    if not folder_status.st_mode & stat.S_ISVTX:
        _check_writer(folder, folder_status)


def _check_writer(path: Path, status: os.stat_result) -> None:
    danger = "a token_command in it would be run as you"
    if status.st_uid not in (0, os.geteuid()):
        raise ConfigError(
            f"{path} belongs to another user (id {status.st_uid}): {danger}",
            effect="it was not used",
            hint=f"if you trust it: chown $(id -u) {shlex.quote(str(path))}",
        )
    if status.st_mode & _OTHERS_WRITE:
        raise ConfigError(
            f"{path} can be changed by other users: {danger}",
            effect="it was not used",
            hint=f"look at what it says, then: chmod go-w {shlex.quote(str(path))}",
        )
