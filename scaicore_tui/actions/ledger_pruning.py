"""What a ledger may forget: finished writes after a while, and before that most of their inputs.

What can't be read stays, line by line as it is, and so does what is not known to have ended. Pure but for reading.
"""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

from scaicore_tui.actions.ledger_lines import REWRITTEN, Entry, EntryIndex, read_id, shorten_input
from scaicore_tui.actions.submission import Progress

DAY_S = 86_400.0
# Finished writes are kept for so long, and those of which nobody knows what came of them for so much longer.
RETENTION_S = 90 * DAY_S
UNKNOWN_RETENTION_S = 365 * DAY_S
# An input is needed to find the run of a replay, as long as it is looked for. After that, its first characters are
# enough for a person.
INPUT_RETENTION_S = DAY_S
INPUT_START_CHARS = 200
# A file of fewer bytes is rewritten for whatever can go, a larger one when a quarter of it can: else each write would
# cost a copy of all of it.
SMALL_BYTES = 256 * 1024
MIN_GAIN_RATIO = 0.25
# What the names around a shortened input take.
_OVERHEAD_BYTES = 64


def prune(index: EntryIndex, path: Path, now: float) -> bytes | None:
    """The text of the file without what may go at `now`, in seconds since 1970; None where that is not worth a copy.

    `index` holds what is in the file. Raises OSError.
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
        """The line, shortened where it may be; empty where it may go."""
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
    """Whether more is kept of its input than anybody needs."""
    is_lost = entry.progress in (Progress.SENDING, Progress.UNKNOWN)
    is_needed = is_lost or (entry.is_open and now - entry.updated_at <= INPUT_RETENTION_S)
    return not is_needed and len(entry.input_json or b"") > INPUT_START_CHARS + _OVERHEAD_BYTES
