"""Foreign text in Markdown. The only way by which it gets there: in code spans and fenced blocks, and defused.

Chats differ in what they make of text, some even inside code. So what could notify people or become a link is replaced
by characters that look alike: `＠` for `@`, `[:]//` after the scheme of a URL.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from scaicore_tui.text import one_line

MIN_FENCE = 3
_TICKS = re.compile("`+")
# The number of iterations of a loop, such as `@7`, stays; Discord writes mentions by number as `<@7>`.
_MENTION = re.compile(r"@(?!\d)|(?<=[<!&])@")
_LOOK_ALIKES = (
    # The begin of a link, with and without a scheme.
    ("://", "[:]//"),
    ("www.", "www[.]"),
    # The begin of Slack's commands, such as `<!channel>`.
    ("<!", "‹!"),
)
_SPAN_CHARS = str.maketrans({"`": "'", "|": "¦", "@": "＠"})


def code(text: str, width: int) -> str:
    """Return foreign text as a code span of at most `width` cells, also for table cells; empty if there is none."""
    flat = one_line(text, width)
    return f"`{_defuse(flat).translate(_SPAN_CHARS)}`" if flat else ""


def fenced(lines: Sequence[str]) -> list[str]:
    """Return lines with foreign text in them as a fenced block, whose fence is longer than any backticks inside."""
    text = "\n".join(lines)
    longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=0)
    fence = "`" * max(MIN_FENCE, longest + 1)
    return [fence, *(_MENTION.sub("＠", _defuse(line)) for line in lines), fence]


def row(cells: Sequence[str]) -> str:
    """Return a row of a table; cells are words of ours or code spans."""
    return f"| {' | '.join(cells)} |"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table."""
    return [row(head), row(["---"] * len(head)), *map(row, rows)]


def _defuse(text: str) -> str:
    """Return text without the begins of links and commands: what replaces them looks alike."""
    for sign, look_alike in _LOOK_ALIKES:
        text = text.replace(sign, look_alike)
    return text
