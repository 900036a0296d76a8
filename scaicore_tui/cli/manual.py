"""The manual pages as text: `man/*.md` hold the prose, and tables that `python -m tests.docs` keeps up to date.

A page uses a small part of Markdown: headings, paragraphs, lists, fenced blocks, and definitions (a line with a term,
then a line that starts with `: `). The same blocks become the roff files that a wheel installs for `man`.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "man"
# Files by the topic that `scaicore-tui help` takes; "" is the page of the program itself.
PAGES: Mapping[str, str] = {
    "": "scaicore-tui.1",
    "keys": "scaicore-tui-keys.7",
    "queries": "scaicore-tui-queries.7",
    "config": "scaicore-tui-config.5",
    "serve": "scaicore-tui-serve.8",
}
# Short descriptions of the pages.
TOPICS: Mapping[str, str] = {
    "": "the whole command line: scaicore-tui(1)",
    "keys": "all keys and glyphs: scaicore-tui-keys(7)",
    "queries": "finding runs, events and checkpoints; SQL: scaicore-tui-queries(7)",
    "config": "settings, tokens, journals and alerts: scaicore-tui-config(5)",
    "serve": "running the REST API: scaicore-tui-serve(8)",
}
# Sizes here are in columns.
INDENT = 4
# A term of at most this many columns is on the line of its text, a longer one on the line above.
SHORT_TERM = 12
_MARK = re.compile(r"<!-- .* -->")
_INLINE = re.compile(r"`([^`]+)`|\*\*(.+?)\*\*")


class Kind(StrEnum):
    """The kinds of blocks in a page."""

    SECTION = "section"
    SUBSECTION = "subsection"
    PARAGRAPH = "paragraph"
    ITEM = "item"
    DEFINITION = "definition"
    CODE = "code"


class Block(NamedTuple):
    """One block. `term` is only set in a definition; code keeps its line breaks, other text has none."""

    kind: Kind
    text: str
    term: str = ""

    @property
    def has_short_term(self) -> bool:
        """Return True for a definition whose term is short enough to share a line with its text."""
        return self.kind is Kind.DEFINITION and len(plain(self.term)) <= SHORT_TERM


# Kinds of blocks (and whether their term is short) that have no blank line between them.
_DENSE = frozenset({(Kind.ITEM, False), (Kind.DEFINITION, True)})


def source(topic: str) -> str:
    """Return the text of a page with its markup."""
    return (FOLDER / f"{PAGES[topic]}.md").read_text(encoding="utf-8")


def parse(text: str) -> Iterator[Block]:
    """Yield the blocks of a page."""
    lines: list[str] = []
    fence: list[str] | None = None
    for line in [*text.splitlines(), ""]:
        if line.startswith("```"):
            if fence is not None:
                yield Block(Kind.CODE, "\n".join(fence))
            fence = [] if fence is None else None
        elif fence is not None:
            fence.append(line)
        elif line.strip() and not _MARK.fullmatch(line):
            lines.append(line)
        elif lines:
            yield from _blocks(lines)
            lines = []


def render(text: str, width: int, *, bold: bool = False) -> str:
    """Return a page as plain text of at most `width` columns; headings and terms are bold if `bold` is set."""
    return "\n".join(_rendered(text, width, bold)).strip("\n") + "\n"


def plain(text: str) -> str:
    """Remove the inline markup."""
    return _INLINE.sub(lambda found: found[1] or found[2], text)


def _blocks(lines: list[str]) -> Iterator[Block]:
    """Yield the blocks of lines that no blank line separates."""
    if lines[0].startswith("#"):
        marks, _, title = lines[0].partition(" ")
        yield Block(Kind.SUBSECTION if len(marks) > 1 else Kind.SECTION, title)
    elif len(lines) > 1 and lines[1].startswith(": "):
        yield Block(Kind.DEFINITION, _joined([lines[1][2:], *lines[2:]]), lines[0])
    elif lines[0].startswith("- "):
        starts = [index for index, line in enumerate(lines) if line.startswith("- ")]
        for begin, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            yield Block(Kind.ITEM, _joined([lines[begin][2:], *lines[begin + 1 : end]]))
    else:
        yield Block(Kind.PARAGRAPH, _joined(lines))


def _joined(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines)


def _rendered(text: str, width: int, bold: bool) -> Iterator[str]:
    last: tuple[Kind, bool] | None = None
    for block in parse(text):
        group = (block.kind, block.has_short_term)
        if group != last or group not in _DENSE:
            yield ""
        last = group
        yield from _lines(block, width, "\x1b[1m{}\x1b[22m" if bold else "{}")


def _lines(block: Block, width: int, strong: str) -> Iterator[str]:
    """Yield the lines of one block; `strong` is the format of headings and terms."""
    match block.kind:
        case Kind.SECTION:
            yield strong.format(plain(block.text))
        case Kind.SUBSECTION:
            yield strong.format(_filled(block.text, width, INDENT // 2, hanging=INDENT))
        case Kind.PARAGRAPH:
            yield _filled(block.text, width, INDENT)
        case Kind.ITEM:
            yield _filled(block.text, width, INDENT + 2, "- ")
        case Kind.CODE:
            yield textwrap.indent(block.text, " " * 2 * INDENT)
        case Kind.DEFINITION if block.has_short_term:
            term = plain(block.term)
            beside = _filled(block.text, width, INDENT + SHORT_TERM + 2)
            yield f"{' ' * INDENT}{strong.format(term)}{beside[INDENT + len(term) :]}"
        case Kind.DEFINITION:
            yield strong.format(_filled(block.term, width, INDENT, hanging=INDENT))
            yield _filled(block.text, width, 2 * INDENT)


def _filled(text: str, width: int, indent: int, mark: str = "", hanging: int = 0) -> str:
    """Return the text wrapped. Names with hyphens are not broken, so that they can be copied."""
    margin = " " * indent
    return textwrap.fill(
        plain(text),
        width,
        initial_indent=margin[len(mark) :] + mark,
        subsequent_indent=margin + " " * hanging,
        break_on_hyphens=False,
        break_long_words=False,
    )
