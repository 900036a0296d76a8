"""Manual pages as roff, for `man`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from scaicore_tui.cli.manual import SHORT_TERM, Block, Kind, parse

# The name of a chapter, by its number.
CHAPTERS = {"1": "User Commands", "5": "File Formats", "7": "Miscellaneous", "8": "System Administration"}
_INLINE = re.compile(r"(`[^`]+`|\*\*.+?\*\*)")


def roff(name: str, text: str) -> str:
    """Return the page `name`, such as `scaicore-tui-keys.7`, whose blocks are in `text`."""
    title, _, chapter = name.rpartition(".")
    head = f'.TH {_escape(title.upper())} {chapter} "" "scaicore\\-tui" "{CHAPTERS[chapter]}"'
    lines, last = [head, ".nh", ".ad l"], None
    for block in parse(text):
        is_dense = block.has_short_term and last is Kind.DEFINITION
        lines += [".PD 0", *_lines(block), ".PD"] if is_dense else _lines(block)
        last = block.kind
    return "\n".join(lines) + "\n"


def _lines(block: Block) -> Iterator[str]:
    match block.kind:
        case Kind.SECTION:
            yield f".SH {_escape(block.text)}"
        case Kind.SUBSECTION:
            yield f".SS {_text(block.text)}"
        case Kind.PARAGRAPH:
            yield from (".PP", _text(block.text))
        case Kind.ITEM:
            yield from (".IP \\(bu 2", _text(block.text))
        case Kind.DEFINITION:
            indent = f".TP {SHORT_TERM + 2}" if block.has_short_term else ".TP"
            yield from (indent, _text(block.term), _text(block.text))
        case Kind.CODE:
            yield from (".PP", ".RS 4", ".nf", *map(_escape, block.text.split("\n")), ".fi", ".RE")


def _text(text: str) -> str:
    """Return a line of text with its inline markup as bold."""
    return _guard("".join(_part(part) for part in _INLINE.split(text)))


def _part(text: str) -> str:
    if _INLINE.fullmatch(text):
        size = 1 if text.startswith("`") else 2
        return f"\\fB{_characters(text[size:-size])}\\fR"
    return _characters(text)


def _escape(text: str) -> str:
    return _guard(_characters(text))


def _characters(text: str) -> str:
    """Return text that stands for itself, with hyphens that can be copied."""
    return text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")


def _guard(line: str) -> str:
    """Return a line that roff does not take for a request."""
    return f"\\&{line}" if line.startswith((".", "'")) else line
