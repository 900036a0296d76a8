"""What is kept on this machine: the profiles' file, and the journal. Only reads."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from scaicore_tui.cli.configuring import complaints_of
from scaicore_tui.cli.doctor.finding import Finding, doubtful, failed, fine
from scaicore_tui.cli.flags import Common
from scaicore_tui.clock import Clock
from scaicore_tui.config import Settings, config_file
from scaicore_tui.config.reading import is_present
from scaicore_tui.errors import ConfigError, ScaicoreError, StorageError
from scaicore_tui.journal import Journal
from scaicore_tui.lock import Lock
from scaicore_tui.text import one_line

# A large journal is not looked through to its end.
LOOK_SECONDS = 3.0
_STEPS = 10_000
_OTHERS = 0o077


def config_finding(common: Common, settings: Settings | None) -> Finding:
    """Whether the file, and all that is set, make sense."""
    path = config_file()
    facts = {"file": str(path), "exists": is_present(path), "profile": None if settings is None else settings.name}
    complaints = list(complaints_of(common, path))
    if complaints:
        more = f" · and {len(complaints) - 1} more" if len(complaints) > 1 else ""
        error = ConfigError(f"{complaints[0]}{more}")
        return failed(
            "config", error, f"{complaints[0].fix or 'mend it'}; scaicore-tui config check tells all", **facts
        )
    shown = one_line(str(path))
    if settings is None or settings.name not in settings.names:
        there = "" if is_present(path) else ": there is none"
        return fine("config", f"no profile is used ({shown}{there})", **facts)
    words = f"profile {one_line(settings.name)} of {shown}"
    if settings.overruled:
        fix = f"unset {settings.values['url'].source}, if the profile's own API is meant"
        return doubtful("config", settings.overruled, fix, **facts)
    return fine("config", words, **facts)


def journal_finding(path: Path | None, clock: Clock) -> Finding:
    """Whether the journal is sound, and free to be written."""
    if path is None:
        return fine("journal", "none is kept", file=None)
    facts: dict[str, Any] = {"file": str(path), "exists": os.path.lexists(path)}
    try:
        if not facts["exists"]:
            return _missing(path, facts)
        facts["bytes"] = path.stat().st_size
        with Journal.read(path) as journal:
            events, gaps = len(journal), journal.gap_count()
        verdict = _verdict(path, clock)
        facts |= {"events": events, "gaps": gaps, "sound": verdict == "ok", "in_use": _in_use(path)}
    except ScaicoreError as error:
        return failed("journal", error, **facts)
    except (sqlite3.Error, OSError) as error:
        return failed("journal", StorageError(f"{path} can't be read: {error}"), f"move it away: mv {path} …", **facts)
    size = f"{path.stat().st_size / 1_000_000:.1f} MB"
    words = f"{one_line(str(path))} · {size} · {events:,} events · {gaps} gap{'s' * (gaps != 1)}"
    if verdict not in ("ok", ""):
        damage = StorageError(f"{path} is damaged: {verdict}")
        return failed("journal", damage, f"move it away (mv {path} …): what the API still has is read again", **facts)
    if os.name == "posix" and path.stat().st_mode & _OTHERS:
        return doubtful("journal", f"{words} · others can read it", f"chmod 600 {path}", **facts)
    told = "sound" if verdict else "too large to look through"
    return fine("journal", f"{words} · {told}{' · in use' if facts['in_use'] else ''}", **facts)


def _missing(path: Path, facts: dict[str, Any]) -> Finding:
    """There is none yet: whether one can be made."""
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        fix = f"make {folder} writable, or set XDG_STATE_HOME; until then events are only in memory"
        return doubtful("journal", f"none can be made in {one_line(str(folder))}: it is read-only", fix, **facts)
    return fine("journal", f"{one_line(str(path))}: none yet", **facts)


def _verdict(path: Path, clock: Clock) -> str:
    """What SQLite's quick check says; nothing where it takes too long."""
    end = clock.monotonic() + LOOK_SECONDS
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        database.set_progress_handler(lambda: clock.monotonic() > end, _STEPS)
        try:
            return str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                return ""
            raise


def _in_use(path: Path) -> bool:
    """Whether somebody writes it now."""
    if not path.with_name(f"{path.name}.lock").exists():
        return False
    try:
        Lock(path, wait=0).acquire().release()
    except TimeoutError:
        return True
    except OSError:
        return False  # nobody can write there
    return False
