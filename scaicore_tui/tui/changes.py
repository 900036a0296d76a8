"""What changed between two texts, line by line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import takewhile

from scaicore_tui.text import wrap
from scaicore_tui.tui.paint import BAR, Pieces

CONTEXT = 2
# Comparing costs the product of the lines: texts that differ in more are told as all old, then all new.
MOST = 400

# The kind of a line (`-` went, `+` came, blank stayed, `…` some are left out), and the line.
Change = tuple[str, str]


def changes(old: Sequence[str], new: Sequence[str]) -> list[Change]:
    """The lines that went and came, each with some around it; empty where nothing changed.

    The comma behind a line of JSON tells of the line below it, and makes no difference.
    """
    head = _alike(old, new)
    tail = _alike(old[head:][::-1], new[head:][::-1])
    gone, come = old[head : len(old) - tail], new[head : len(new) - tail]
    if not gone and not come:
        return []
    before, after = old[max(0, head - CONTEXT) : head], old[len(old) - tail :][:CONTEXT]
    return [
        *([("…", "")] if head > CONTEXT else []),
        *((" ", line) for line in before),
        *_between(gone, come),
        *((" ", line) for line in after),
        *([("…", "")] if tail > CONTEXT else []),
    ]


def count(found: Sequence[Change]) -> int:
    """How many lines changed: one that went and one that came in its place are one."""
    total = gone = come = 0
    for kind, _ in [*found, (" ", "")]:
        if kind in "-+":
            gone, come = gone + (kind == "-"), come + (kind == "+")
        else:
            total, gone, come = total + max(gone, come), 0, 0
    return total


def change_lines(found: Sequence[Change], width: int) -> list[Pieces]:
    """The changes, wrapped to `width` cells: red what went, green what came."""
    colours = {"-": "red", "+": "green"}
    lines: list[Pieces] = []
    for kind, text in found:
        for number, line in enumerate(wrap(text, width - 4)):
            lines.append([BAR, (f"{' ' if number else kind} {line}", colours.get(kind, "grey"))])
    return lines


def _alike(old: Sequence[str], new: Sequence[str]) -> int:
    """How many lines the two have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(_bare(old), _bare(new), strict=False)))


def _bare(lines: Iterable[str]) -> list[str]:
    return [line.rstrip(",") for line in lines]


def _between(old: Sequence[str], new: Sequence[str]) -> Iterator[Change]:
    if max(len(old), len(new)) > MOST:
        yield from (("-", line) for line in old)
        yield from (("+", line) for line in new)
        return
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, _bare(old), _bare(new), autojunk=False).get_opcodes():
        if tag == "equal":
            yield from _kept(new[j1:j2])
        else:
            yield from (("-", line) for line in old[i1:i2])
            yield from (("+", line) for line in new[j1:j2])


def _kept(lines: Sequence[str]) -> Iterator[Change]:
    """Lines between two changes; of many only those at the edges."""
    if len(lines) <= 2 * CONTEXT + 1:
        yield from ((" ", line) for line in lines)
        return
    yield from ((" ", line) for line in lines[:CONTEXT])
    yield "…", ""
    yield from ((" ", line) for line in lines[-CONTEXT:])
