"""The lines of a log: write a record as one, without tokens and values, and read the last ones of a file."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scaicore_tui.cli.output import crash
from scaicore_tui.cli.output.privacy import mask_tokens, mask_value
from scaicore_tui.log import ROOT_LOGGER, Field, LogMessage
from scaicore_tui.secrets import MIN_SECRET_CHARS

MAX_TEXT_CHARS = 500
# Each log begins like this. A file that does not is something else, such as a journal.
LINE_HEAD = b'{"time": '


def to_line(record: logging.LogRecord) -> str:
    """Return a record as one line of JSON, in ASCII. Tokens are removed from all but our own words."""
    message = record.msg
    fields: dict[str, Any] = dict(message.fields) if isinstance(message, LogMessage) else {}
    if record.exc_info and record.exc_info[1] is not None:
        fields["trace"] = list(crash.format_trace(record.exc_info[1]))
    document: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "process": record.process,
        "logger": record.name,
        "message": message.text if isinstance(message, LogMessage) else _mask(crash.without_values(str(message))),
    }
    if fields:
        document["fields"] = {name: mask_value(value, _mask) for name, value in fields.items()}
    return json.dumps(document)


def _mask(text: str) -> str:
    """Return `text` without tokens, and cut if it is long."""
    if len(text) < MIN_SECRET_CHARS:
        return text
    text = mask_tokens(text)
    return text if len(text) <= MAX_TEXT_CHARS else f"{text[:MAX_TEXT_CHARS]}…"


def missing_record(count: int, reason: str) -> logging.LogRecord:
    return _make_record("records are missing", count=count, reason=reason)


def unformatted_record(error: Exception) -> logging.LogRecord:
    return _make_record("record cannot be formatted", error=type(error).__name__)


def _make_record(text: str, **fields: Field) -> logging.LogRecord:
    return logging.LogRecord(f"{ROOT_LOGGER}.log", logging.WARNING, "", 0, LogMessage(text, fields), None, None)


MAX_TAIL_BYTES = 1_000_000
# A line with other fields is not from a log.
_FIELDS = frozenset({"time", "level", "process", "logger", "message", "fields"})


def read_log_tail(path: Path, max_bytes: int = MAX_TAIL_BYTES) -> Iterator[dict[str, Any]]:
    """Yield the newest entries of a log, oldest first, also from the file before the current one.

    Whatever is not an entry is left out: a line that a full disk cut off, or all of a file that is not a log.
    """
    current = _read_end(path, max_bytes)
    before = _read_end(path.with_name(f"{path.name}.1"), max_bytes - len(current))
    for content in (before, current):
        for line in content.splitlines():
            entry = _parse(line)
            if entry is not None:
                yield entry


def _read_end(path: Path, max_bytes: int) -> bytes:
    """Return the last lines of a regular file, at most `max_bytes`; none if it cannot be read."""
    try:
        if max_bytes <= 0 or not path.is_file():
            return b""
        with path.open("rb") as file:
            size = path.stat().st_size
            file.seek(max(0, size - max_bytes))
            content = file.read(max_bytes)
    except OSError:
        return b""
    # The first line is only a part of one.
    return content if size <= max_bytes else content.partition(b"\n")[2]


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and {"time", "message"} <= entry.keys() <= _FIELDS else None
