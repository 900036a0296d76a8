"""The details of a replay: the diff between the captured and the edited input, warnings and facts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import takewhile
from typing import NamedTuple

from scaicore_tui.text import display_name, json_inline, wrap
from scaicore_tui.tui.render.line import BAR, Line, Span
from scaicore_tui.tui.render.replays import ReplaySource

CONTEXT_LINES = 2
# Comparing takes time proportional to the product of both lengths: longer texts are shown as all old, then all new.
MAX_COMPARED_LINES = 400


class DiffLine(NamedTuple):
    """A line of a diff. `kind` is `-` (removed), `+` (added), blank (unchanged) or `…` (lines left out)."""

    kind: str
    text: str


def diff(old: Sequence[str], new: Sequence[str]) -> list[DiffLine]:
    """Return the removed and added lines with `CONTEXT_LINES` around them; empty if nothing changed.

    A comma at the end of a line is ignored: in JSON it depends on whether another line follows.
    """
    return [DiffLine(kind, text) for kind, text in _diff(old, new)]


def _diff(old: Sequence[str], new: Sequence[str]) -> Sequence[tuple[str, str]]:
    head = _common_prefix(old, new)
    tail = _common_prefix(old[head:][::-1], new[head:][::-1])
    removed, added = old[head : len(old) - tail], new[head : len(new) - tail]
    if not removed and not added:
        return []
    before, after = old[max(0, head - CONTEXT_LINES) : head], old[len(old) - tail :][:CONTEXT_LINES]
    return [
        *([("…", "")] if head > CONTEXT_LINES else []),
        *((" ", line) for line in before),
        *_compare(removed, added),
        *((" ", line) for line in after),
        *([("…", "")] if tail > CONTEXT_LINES else []),
    ]


def count_changed(lines: Sequence[DiffLine]) -> int:
    """Return the number of changed lines; a removed line and the added one in its place count once."""
    total = removed = added = 0
    for kind, _ in [*lines, (" ", "")]:
        if kind in "-+":
            removed, added = removed + (kind == "-"), added + (kind == "+")
        else:
            total, removed, added = total + max(removed, added), 0, 0
    return total


def diff_lines(changed: Sequence[DiffLine], width: int) -> list[Line]:
    """Return the diff wrapped to `width` cells: removed lines red, added lines green."""
    colours = {"-": "red", "+": "green"}
    lines: list[Line] = []
    for kind, text in changed:
        for number, line in enumerate(wrap(text, width - 4)):
            lines.append([BAR, (f"{' ' if number else kind} {line}", colours.get(kind, "grey"))])
    return lines


def _common_prefix(old: Sequence[str], new: Sequence[str]) -> int:
    """Return the number of equal lines at the start."""
    pairs = zip(_without_commas(old), _without_commas(new), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _without_commas(lines: Iterable[str]) -> list[str]:
    return [line.rstrip(",") for line in lines]


def _compare(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, str]]:
    if max(len(old), len(new)) > MAX_COMPARED_LINES:
        yield from (("-", line) for line in old)
        yield from (("+", line) for line in new)
        return
    matcher = SequenceMatcher(None, _without_commas(old), _without_commas(new), autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            yield from _unchanged(new[j1:j2])
        else:
            yield from (("-", line) for line in old[i1:i2])
            yield from (("+", line) for line in new[j1:j2])


def _unchanged(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the lines between two changes; of many only those at both ends."""
    if len(lines) <= 2 * CONTEXT_LINES + 1:
        yield from ((" ", line) for line in lines)
        return
    yield from ((" ", line) for line in lines[:CONTEXT_LINES])
    yield "…", ""
    yield from ((" ", line) for line in lines[-CONTEXT_LINES:])


WARNING = "A replay is a new run. Models and plugins are called again: this costs money and repeats side effects."


def replay_detail(original: ReplaySource, width: int) -> list[Line]:
    """Return warnings and facts about the replay of a run, wrapped to `width` cells."""
    notes = [*_input_notes(original), (WARNING, "amber"), *_entity_notes(original), _facts(original)]
    return [[(line, colour)] for text, colour in notes for line in wrap(text, width)]


def _input_notes(original: ReplaySource) -> Iterator[Span]:
    run = original.run
    if run.is_input_truncated:
        yield "The captured input is incomplete: the API cut it off. Complete it before you send it.", "red"
    elif not run.has_input:
        reason = "the run began before our first event" if run.joined_late else "its start event has none"
        yield f"The input was not captured: {reason}. Enter one.", "red"


def _entity_notes(original: ReplaySource) -> Iterator[Span]:
    """Yield what is unknown about the entity. The API does not say that an instance key is an entity id."""
    instance = original.run.instance_key
    if original.entity:
        return
    if original.entity_id is not None:
        yield (
            f"The entity {display_name(json_inline(original.entity_id))} cannot be filled in: type it below.",
            "amber",
        )
    elif instance is not None:
        yield (
            f"The run's instance is {display_name(instance)}, its entity is unknown. Enter it below if there was one.",
            "amber",
        )
    else:
        yield "Instance and entity are unknown. Enter an entity below if there was one.", "amber"


def _facts(original: ReplaySource) -> Span:
    run = original.run
    return f"Core {display_name(run.core_id or '?')} · input of run {display_name(run.execution_id)}", "grey"
