"""A page of the events of one run, and the filter that selects events by their text, type, node and kind. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec import Struct

from scaicore_tui.protocol import Event, decode_event

# What precedes a word that only one field of an event must contain.
_FIELDS: dict[str, Callable[[Event], str | None]] = {
    "type:": lambda event: event.type,
    "node:": lambda event: event.node_id,
    "kind:": lambda event: event.block_kind,
}


class NumberedEvent(NamedTuple):
    """An event with its number in the run: from 1, in the order of the feed, repeats included."""

    number: int
    event: Event


class EventPage(Struct, frozen=True):
    """Some of the events of a run that match a filter, in feed order.

    Attributes:
        needle: the filter; empty for none.
        total: number of events of the run.
        matching: number of those that match.
        first_index: how many matching events are before these.
    """

    rows: Sequence[NumberedEvent] = ()
    needle: str = ""
    total: int = 0
    matching: int = 0
    first_index: int = 0

    @property
    def has_earlier(self) -> bool:
        """True if matching events are before these."""
        return self.first_index > 0

    @property
    def has_later(self) -> bool:
        """True if matching events are after these."""
        return self.first_index + len(self.rows) < self.matching

    def nearest(self, number: int) -> int | None:
        """Return the number of the first event of the page from `number` on, else of the last; None if it is empty."""
        numbers = [row.number for row in self.rows]
        return next((found for found in numbers if found >= number), numbers[-1] if numbers else None)


class _Word(NamedTuple):
    text: str
    field: Callable[[Event], str | None] | None
    is_excluded: bool


def compile_event_filter(needle: str) -> Callable[[bytes], bool]:
    """Return whether the JSON of an event has all words of `needle`, whatever their case, and none after `!`.

    A word after `type:`, `node:` or `kind:` must be in that field.
    """
    words = [_parse(word) for word in needle.casefold().split() if word != "!"]

    def matches(source: bytes) -> bool:
        text = source.decode("utf-8", "replace").casefold()
        return all(_has(word, text, source) != word.is_excluded for word in words)

    return matches


def _parse(word: str) -> _Word:
    text = word.removeprefix("!")
    for name, field in _FIELDS.items():
        if text.startswith(name):
            return _Word(text.removeprefix(name), field, word.startswith("!"))
    return _Word(text, None, word.startswith("!"))


def _has(word: _Word, text: str, source: bytes) -> bool:
    # Decoding takes much longer than searching: few events have the word anywhere.
    if word.text not in text or word.field is None:
        return word.text in text
    return word.text in (word.field(decode_event(source)) or "").casefold()
