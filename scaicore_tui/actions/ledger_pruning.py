"""Pruning of the ledger: delete old finished writes, and shorten their inputs earlier.

Lines that cannot be decoded stay unchanged. Reads the file, but never writes.
"""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

from scaicore_tui.actions.ledger_lines import REWRITTEN, Entry, EntryIndex, read_id, shorten_input
from scaicore_tui.actions.submission import Progress

DAY_S = 86_400.0
# How long writes are kept: finished ones, and those with unknown outcome.
RETENTION_S = 90 * DAY_S
UNKNOWN_RETENTION_S = 365 * DAY_S
# The full input is needed while the run of a replay is being looked for. After that its first characters are enough.
INPUT_RETENTION_S = DAY_S
INPUT_START_CHARS = 200
# A file below this size is rewritten for any gain, a larger one only if a quarter of it can be deleted: otherwise each
# write would cost a copy of the whole file.
SMALL_BYTES = 256 * 1024
MIN_GAIN_RATIO = 0.25
# Size of the fields that replace a shortened input.
_OVERHEAD_BYTES = 64


def prune(index: EntryIndex, path: Path, now: float) -> bytes | None:
    """Return the new content of the file at `now`, in seconds since 1970; None if pruning is not worth a copy.

    `index` holds the entries of the file. Raises OSError.
    """
    old = {entry.id for entry in index.entries.values() if _is_expired(entry, now)}
    long = {entry.id: entry for entry in index.entries.values() if entry.id not in old and _has_long_input(entry, now)}
    size = path.stat().st_size if old or long else 0
    inputs = [len(index.entries[key].input_json or b"") for key in (*old, *long)]
    if not inputs or (size > SMALL_BYTES and sum(inputs) + 300 * len(old) < MIN_GAIN_RATIO * size):
        return None
    kept = [line for line in map(_Rewriter(old, long), path.read_bytes().split(b"\n")) if line]
    return b"\n".join([json.dumps({REWRITTEN: uuid4().hex}).encode(), *kept, b""])


class _Rewriter:
    def __init__(self, old: set[str], long: dict[str, Entry]) -> None:
        self._expired = old
        self._to_shorten = long

    def __call__(self, line: bytes) -> bytes:
        """Return the line, shortened if possible; empty if it is deleted."""
        identity = read_id(line)
        if identity is None:
            return b"" if _is_rewrite_mark(line) else line
        if identity in self._expired:
            return b""
        entry = self._to_shorten.get(identity)
        return line if entry is None or b'"kind"' not in line else shorten_input(line, entry, INPUT_START_CHARS)


def _is_rewrite_mark(line: bytes) -> bool:
    return line.startswith(b'{"%s"' % REWRITTEN.encode())


def _is_expired(entry: Entry, now: float) -> bool:
    is_lost = entry.progress in (Progress.SENDING, Progress.UNKNOWN)
    return now - entry.updated_at > (UNKNOWN_RETENTION_S if is_lost else RETENTION_S)


def _has_long_input(entry: Entry, now: float) -> bool:
    """Return True if the input of `entry` is no longer needed in full and worth shortening."""
    is_lost = entry.progress in (Progress.SENDING, Progress.UNKNOWN)
    is_needed = is_lost or (entry.is_open and now - entry.updated_at <= INPUT_RETENTION_S)
    return not is_needed and len(entry.input_json or b"") > INPUT_START_CHARS + _OVERHEAD_BYTES
