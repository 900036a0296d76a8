"""The HTML page around a report: head, style, and the events in it, by which it is also a journal.

A page needs no script, loads nothing, and forbids both by its content security policy. Its events are in one element

    <script type="application/x-scaicore-journal" data-encoding="gzip+base64">

as JSON lines, compressed and encoded; no browser runs a script of that type, and no other element has it.
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256

from scaicore_tui import __version__
from scaicore_tui.export.report.markup import Markup, element, join, own_text
from scaicore_tui.export.report.report_style import page_style

JOURNAL_TYPE = "application/x-scaicore-journal"
JOURNAL_ENCODING = "gzip+base64"
_BASE64_LINE = 120
# gzip with a header that has no time, so that equal events give equal files.
_GZIP_BITS = 31


def page(title: str, body: Iterable[Markup], events: Iterable[bytes]) -> Iterator[str]:
    """Yield a page; `title` may be foreign text, `events` are JSON lines."""
    style = page_style()
    yield "<!doctype html>\n"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(style)),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="robots", content="noindex"),
        element("meta", name="format-detection", content="telephone=no, date=no, address=no, email=no"),
        element("meta", name="generator", content=f"scaicore-tui {__version__}"),
        element("title", title),
        element("style", own_text(style)),
    )
    journal = element("script", own_text(encode_journal(events)), type=JOURNAL_TYPE, data_encoding=JOURNAL_ENCODING)
    yield element("html", head, element("body", join(body), journal), lang="en").source
    yield "\n"


def encode_journal(events: Iterable[bytes]) -> str:
    """Return JSON lines compressed and encoded, in lines."""
    packer = zlib.compressobj(9, zlib.DEFLATED, _GZIP_BITS)
    packed = b"".join(packer.compress(event + b"\n") for event in events) + packer.flush()
    text = b64encode(packed).decode()
    lines = (text[start : start + _BASE64_LINE] for start in range(0, len(text), _BASE64_LINE))
    return "\n" + "\n".join(lines) + "\n"


def _policy(style: str) -> str:
    """Return the content security policy: nothing is allowed but this style sheet."""
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
