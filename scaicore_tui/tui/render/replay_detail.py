"""What changed between two texts, line by line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import takewhile

from scaicore_tui.text import display_name, json_inline, wrap
from scaicore_tui.tui.render.line import BAR, Line, Span
from scaicore_tui.tui.render.replays import ReplaySource

CONTEXT_LINES = 2
# Comparing costs the product of the lines: texts that differ in more are told as all old, then all new.
MAX_COMPARED_LINES = 400

# The kind of a line (`-` went, `+` came, blank stayed, `…` some are left out), and the line.
DiffLine = tuple[str, str]


def diff(old: Sequence[str], new: Sequence[str]) -> list[DiffLine]:
    """The lines that went and came, each with some around it; empty where nothing changed.

    The comma behind a line of JSON tells of the line below it, and makes no difference.
    """
    head = _alike(old, new)
    tail = _alike(old[head:][::-1], new[head:][::-1])
    gone, come = old[head : len(old) - tail], new[head : len(new) - tail]
    if not gone and not come:
        return []
    before, after = old[max(0, head - CONTEXT_LINES) : head], old[len(old) - tail :][:CONTEXT_LINES]
    return [
        *([("…", "")] if head > CONTEXT_LINES else []),
        *((" ", line) for line in before),
        *_between(gone, come),
        *((" ", line) for line in after),
        *([("…", "")] if tail > CONTEXT_LINES else []),
    ]


def count_changed(found: Sequence[DiffLine]) -> int:
    """How many lines changed: one that went and one that came in its place are one."""
    total = gone = come = 0
    for kind, _ in [*found, (" ", "")]:
        if kind in "-+":
            gone, come = gone + (kind == "-"), come + (kind == "+")
        else:
            total, gone, come = total + max(gone, come), 0, 0
    return total


def diff_lines(found: Sequence[DiffLine], width: int) -> list[Line]:
    """The changes, wrapped to `width` cells: red what went, green what came."""
    colours = {"-": "red", "+": "green"}
    lines: list[Line] = []
    for kind, text in found:
        for number, line in enumerate(wrap(text, width - 4)):
            lines.append([BAR, (f"{' ' if number else kind} {line}", colours.get(kind, "grey"))])
    return lines


def _alike(old: Sequence[str], new: Sequence[str]) -> int:
    """How many lines the two have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(_bare(old), _bare(new), strict=False)))


def _bare(lines: Iterable[str]) -> list[str]:
    return [line.rstrip(",") for line in lines]


def _between(old: Sequence[str], new: Sequence[str]) -> Iterator[DiffLine]:
    if max(len(old), len(new)) > MAX_COMPARED_LINES:
        yield from (("-", line) for line in old)
        yield from (("+", line) for line in new)
        return
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, _bare(old), _bare(new), autojunk=False).get_opcodes():
        if tag == "equal":
            yield from _kept(new[j1:j2])
        else:
            yield from (("-", line) for line in old[i1:i2])
            yield from (("+", line) for line in new[j1:j2])


def _kept(lines: Sequence[str]) -> Iterator[DiffLine]:
    """Lines between two changes; of many only those at the edges."""
    if len(lines) <= 2 * CONTEXT_LINES + 1:
        yield from ((" ", line) for line in lines)
        return
    yield from ((" ", line) for line in lines[:CONTEXT_LINES])
    yield "…", ""
    yield from ((" ", line) for line in lines[-CONTEXT_LINES:])


WARNING = "A replay is a new run. Its model and plugin calls happen again: they cost, and what they change, changes."


def replay_detail(original: ReplaySource, width: int) -> list[Line]:
    """Warnings and facts, wrapped to `width` cells."""
    notes = [*_of_input(original), (WARNING, "amber"), *_of_entity(original), _facts(original)]
    return [[(line, colour)] for words, colour in notes for line in wrap(words, width)]


def _of_input(original: ReplaySource) -> Iterator[Span]:
    run = original.run
    if run.is_input_truncated:
        yield "Its input was cut off on its way: what is shown is not all of it, and can't go as it is.", "red"
    elif not run.has_input:
        reason = "the feed began after its start" if run.joined_late else "its start told none"
        yield f"Its input was not captured: {reason}. Write one of your own.", "red"


def _of_entity(original: ReplaySource) -> Iterator[Span]:
    """What is not known of whom it ran for. That an instance and an entity are the same is nowhere written."""
    instance = original.run.instance_key
    if original.entity:
        return
    if original.entity_id is not None:
        yield (
            f"Its entity {display_name(json_inline(original.entity_id))} can't be filled in as it is: type it below.",
            "amber",
        )
    elif instance is not None:
        yield (
            f"It ran as instance {display_name(instance)}; its entity is not known. Name it below if it had one.",
            "amber",
        )
    else:
        yield "Its instance and its entity are not known. Name one below if it had any.", "amber"


def _facts(original: ReplaySource) -> Span:
    run = original.run
    return f"Core {display_name(run.core_id or '?')} · input of run {display_name(run.execution_id)}", "grey"
