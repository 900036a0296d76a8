"""Checks that markup holds nothing but what reports are made of: a closed list of elements, attributes and values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser

from scaicore_tui.export.report.html_page import JOURNAL_TYPE

_WORDS = re.compile(r"[a-z0-9 -]*")
_NUMBER = re.compile(r"-?\d+(\.\d+)?%?")
_PATH = re.compile(r"[MCLZ0-9 .-]+")
_LABEL = re.compile(r"[A-Z][a-z ]+")
_OPEN = re.compile("")
_GEOMETRY = dict.fromkeys(("x", "y", "width", "height", "dx", "x1", "x2", "y1", "y2", "rx"), _NUMBER)
_SHAPE = {**_GEOMETRY, "class": _WORDS, "text-anchor": re.compile("middle|end")}
_META = re.compile(
    r"utf-8|Content-Security-Policy|referrer|no-referrer|viewport|width=device-width, initial-scale=1|color-scheme"
    r"|light dark|robots|noindex|format-detection|telephone=no, date=no, address=no, email=no|generator"
    r"|scaicore-tui \d[\w.]*"
    r"|default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; base-uri 'none'; form-action 'none'"
)
# All elements of a report, with their attributes and the values of these.
ALLOWED: Mapping[str, Mapping[str, re.Pattern[str]]] = {
    **{name: {"class": _WORDS} for name in ("p", "div", "span", "pre", "table", "dl", "tr", "summary")},
    **{name: {} for name in ("head", "title", "style", "body", "main", "footer", "h1", "h2", "h3", "strong", "code")},
    **{name: {} for name in ("ul", "li", "dt", "dd", "caption", "thead", "tbody")},
    "html": {"lang": re.compile("en")},
    "meta": dict.fromkeys(("charset", "http-equiv", "name", "content"), _META),
    "script": {"type": re.compile(re.escape(JOURNAL_TYPE)), "data-encoding": re.compile(r"gzip\+base64")},
    "section": {"id": re.compile(r"run-\d+")},
    "a": {"href": re.compile(r"#run-\d+")},
    "details": {"open": _OPEN, "class": _WORDS},
    "th": {"scope": re.compile("col|row"), "class": _WORDS},
    "td": {"class": _WORDS, "data-label": _LABEL},
    "svg": {
        **_SHAPE,
        "viewbox": re.compile(r"0 0 \d+ \d+"),
        "aria-hidden": re.compile("true"),
        "role": re.compile("img"),
    },
    **dict.fromkeys(("rect", "line", "text"), _SHAPE),
    "g": {},
    "path": {"d": _PATH, "class": _WORDS},
}
# The element around the picture of a flow, which scrolls.
_SCROLL = {"class": _WORDS, "tabindex": re.compile("0"), "role": re.compile("group"), "aria-label": _LABEL}
_VOID = frozenset({"meta", "rect", "line", "path"})


class ReportParser(HTMLParser):
    """Reads a report strictly: `errors` has all that is not on the list, or not closed in order.

    Attributes:
        elements: the names of all elements, in order.
        texts: the text of the page but styles and journal; `journal` is that.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.errors: list[str] = []
        self.elements: list[str] = []
        self.texts: list[str] = []
        self.style = ""
        self.journal = ""
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        allowed = ALLOWED.get(tag)
        if allowed is None:
            self.errors.append(f"element {tag}")
            return
        if tag == "div" and dict(attrs).get("class") == "scroll":
            allowed = _SCROLL
        for name, value in attrs:
            if name not in allowed or not allowed[name].fullmatch(value or ""):
                self.errors.append(f"attribute {tag} {name}={value!r}")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.errors.append(f"{tag} is empty")

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            # A browser that writes a page down closes shapes by an end tag.
            return
        if not self._open or self._open.pop() != tag:
            self.errors.append(f"end of {tag}")

    def handle_data(self, data: str) -> None:
        match self._open[-1:]:
            case ["style"]:
                self.style += data
            case ["script"]:
                self.journal += data
            case _:
                self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.errors.append(f"comment {data!r}")

    def handle_decl(self, decl: str) -> None:
        if decl.lower() != "doctype html":
            self.errors.append(f"declaration {decl!r}")

    def handle_pi(self, data: str) -> None:
        self.errors.append(f"instruction {data!r}")

    def unknown_decl(self, data: str) -> None:
        self.errors.append(f"declaration {data!r}")


def parse_report(source: str) -> ReportParser:
    """Return a report as it was read."""
    parser = ReportParser()
    parser.feed(source)
    parser.close()
    if parser._open:
        parser.errors.append(f"not closed: {parser._open}")
    return parser
