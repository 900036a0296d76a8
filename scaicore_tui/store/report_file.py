"""The events in an HTML report that `export` wrote: JSON lines, compressed, in an element that no browser executes."""

from __future__ import annotations

import binascii
import re
import zlib
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from scaicore_tui.decoding import UTF8_BOM
from scaicore_tui.errors import ConfigError

# `export/report/html_report.py` writes this element.
_JOURNAL = re.compile(
    rb'<script type="application/x-scaicore-journal" data-encoding="gzip\+base64">([A-Za-z0-9+/=\s]*)</script>'
)
# Reports are smaller than 10 MB; what is much larger is no report, or was made to fill the memory.
MAX_FILE_BYTES = 64_000_000
MAX_EVENTS_BYTES = 1_000_000_000
BEGIN_BYTES = 64
_GZIP = 16 + zlib.MAX_WBITS


def is_report(begin: bytes) -> bool:
    """Return True if a file that begins with these bytes is HTML."""
    return begin.removeprefix(UTF8_BOM).lstrip()[:9].lower() in (b"<!doctype", b"<html")


def open_lines(path: Path) -> BinaryIO:
    """Open a file of JSON lines, or those in an HTML report. Raises ConfigError if a report has none."""
    with path.open("rb") as file:
        begin = file.read(BEGIN_BYTES)
    return BytesIO(read_report(path)) if is_report(begin) else path.open("rb")


def read_report(path: Path) -> bytes:
    """Return the events of a report as JSON lines. Raises ConfigError if it has none, or too many."""
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    found = list(_JOURNAL.finditer(content)) if len(content) <= MAX_FILE_BYTES else []
    if not found:
        raise ConfigError(
            f"{path} is HTML without the events of runs",
            effect="nothing was changed",
            hint="open a report of `export --format html`, a journal, or JSON lines",
        )
    unpack = zlib.decompressobj(_GZIP)
    try:
        lines = unpack.decompress(b64decode(found[-1][1], validate=False), MAX_EVENTS_BYTES)
    except (zlib.error, binascii.Error):
        lines = b""
    if not unpack.eof:
        raise ConfigError(f"the events in {path} are damaged or incomplete", effect="nothing was changed")
    return lines
