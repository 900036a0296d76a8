"""Find the journal of a feed in the state folder. Reads files, and never creates or changes one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from scaicore_tui.auth import identify
from scaicore_tui.config import Identity, Target, journal_file
from scaicore_tui.config.paths import JOURNAL_ENDING, former_journal_file, is_former_name_unique
from scaicore_tui.errors import ConfigError, StorageError
from scaicore_tui.store.database import open_for_reading, stored_identity


def journal_to_write(target: Target) -> Path:
    """Return the file into which the events of `target` are written; it need not exist."""
    identity = identify(target)
    path = journal_file(identity)
    return path if _exists(path) else _older(target, identity) or path


def journal_to_read(target: Target) -> Path:
    """Return the file with the events of `target`; it need not exist.

    Without a token, which viewing a journal does not need, that is the only journal of the feed. Raises ConfigError if
    the feed has several, one for each caller.
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
    """Return the unused journal that an older version wrote for `target`, if it may contain other feeds too."""
    path = former_journal_file(target)
    return path if _exists(path) and _owner(path) is None and not is_former_name_unique(target) else None


def _older(target: Target, identity: Identity) -> Path | None:
    """Return the journal of this feed under the name of an incomplete identity, or under that of an older version."""
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
    """Return whether a file of exactly that name exists: some file systems ignore case."""
    try:
        return any(found.name == path.name for found in path.parent.iterdir())
    except OSError:
        return False


def _owner(path: Path) -> Identity | None:
    """Return the identity of the feed in that file; None if it has none, or can't be read."""
    try:
        with closing(open_for_reading(path)) as database:
            return stored_identity(database)
    except StorageError:
        return None
