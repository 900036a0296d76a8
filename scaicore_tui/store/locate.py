"""Which file in the state folder is the journal of a feed. Reads files, and never makes or changes one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from scaicore_tui.auth import identify
from scaicore_tui.config import Identity, Target, journal_file
from scaicore_tui.config.paths import JOURNAL_ENDING, former_journal_file, is_former_name_unique
from scaicore_tui.errors import ConfigError, StorageError
from scaicore_tui.store.database import open_for_reading, stored_identity


def journal_to_write(target: Target) -> Path:
    """Return the file for what `target` is read into; it need not exist."""
    identity = identify(target)
    path = journal_file(identity)
    return path if _exists(path) else _older(target, identity) or path


def journal_to_read(target: Target) -> Path:
    """Return the file that holds what was read of `target`; it need not exist.

    To look at a journal needs no token: where none is set, the only journal of the feed is meant. Raises ConfigError if
    there are several, of several callers.
    """
    path = journal_to_write(target)
    identity = identify(target)
    if identity.caller is not None or _exists(path):
        return path
    found = sorted(path.parent.glob(f"{identity.feed_stem}-*{JOURNAL_ENDING}"))
    if len(found) > 1:
        names = ", ".join(other.name for other in found)
        raise ConfigError(
            f"there are {len(found)} journals of {identity.label}, one for each caller: {names}",
            hint="name one with --journal FILE, or set the token",
        )
    return found[0] if found else path


def unused_former_journal(target: Target) -> Path | None:
    """Return the journal that an older program kept for `target`, where it may hold other feeds too and is not used."""
    path = former_journal_file(target)
    return path if _exists(path) and _owner(path) is None and not is_former_name_unique(target) else None


def _older(target: Target, identity: Identity) -> Path | None:
    """The journal of this feed under a name that it was given when less was known of the identity."""
    unnamed = journal_file(Identity(identity.url, identity.profile, identity.core))
    if identity.caller is not None and _exists(unnamed):
        owner = _owner(unnamed)
        if owner is not None and owner.caller is not None and owner.is_same_feed(identity):
            return unnamed
    former = former_journal_file(target)
    if not _exists(former):
        return None
    owner = _owner(former)
    is_ours = is_former_name_unique(target) if owner is None else owner.is_same_feed(identity)
    return former if is_ours else None


def _exists(path: Path) -> bool:
    """Whether there is a file of that very name: some file systems find it under other letters."""
    try:
        return any(found.name == path.name for found in path.parent.iterdir())
    except OSError:
        return False


def _owner(path: Path) -> Identity | None:
    """Whose feed is in that file; None where it does not say, or cannot be read."""
    try:
        with closing(open_for_reading(path)) as database:
            return stored_identity(database)
    except StorageError:
        return None
