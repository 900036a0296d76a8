"""Complete a query that is being typed: the fields of its subject, then the values that exist, with their counts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from scaicore_tui.analysis.query.fields import Field, FieldKind, Subject
from scaicore_tui.analysis.query.tree import quoted

MAX_OFFERS = 30
_FIELD = re.compile(r"(?:^|[\s(|])[!-]?([A-Za-z_]*)$")
_VALUE = re.compile(
    r"""(?:^|[\s(|])[!-]?([A-Za-z_]\w*)(?:\.[^\s:=!~<>()|",]+)*(?:!=|>=|<=|[:=~<>])   # a field with its operator
    (?:\((?:[^()]*[\s,])?)?                                                      # other values of a list
    ("[^"]*|[^\s()|",]*)$""",
    re.VERBOSE,
)
_SUGGESTED = {
    FieldKind.DURATION: ("1s", "10s", "1m", "10m", "1h", "1d"),
    FieldKind.MOMENT: ("15m", "1h", "24h", "7d"),
}


class Point(Struct, frozen=True):
    """A part of a query that can be completed: the characters from `begin` to the cursor, which are `typed`.

    A value of `field`; without one, the name of a field.
    """

    begin: int
    typed: str
    field: Field | None = None


class Offer(Struct, frozen=True):
    """A completion: `text` replaces what was typed, and `note` says what it means or how often it occurs."""

    text: str
    note: str = ""


def completion_point(text: str, cursor: int, subject: Subject) -> Point | None:
    """Return what can be completed before the cursor; None if nothing can, as in a text in quotation marks."""
    head = text[:cursor]
    if (value := _VALUE.search(head)) is not None:
        field = subject.fields.get(value[1].lower())
        return None if field is None else Point(value.start(2), value[2].lstrip('"'), field)
    if head.count('"') % 2 or (name := _FIELD.search(head)) is None:
        return None
    return Point(name.start(1), name[1])


def offers(point: Point, subject: Subject, counted: Iterable[tuple[str, int]] = ()) -> Sequence[Offer]:
    """Return the fields that begin with what was typed; of values, also those that contain it, after the others.

    `counted` are values of the field that exist, the most frequent first.
    """
    if point.field is None:
        found = [Offer(f"{name}:", field.meaning) for name, field in subject.fields.items()]
    else:
        found = [Offer(quoted(value), f"{count:,}") for value, count in counted]
        known = {one.text for one in found}
        fixed = (*point.field.choices, *_SUGGESTED.get(point.field.kind, ()))
        found += [Offer(word) for word in fixed if word not in known]
    wanted = point.typed.lower()
    begin = [one for one in found if one.text.strip('"').lower().startswith(wanted)]
    contain = [one for one in found if one not in begin and wanted in one.text.lower()]
    return (begin if point.field is None else begin + contain)[:MAX_OFFERS]


def apply_offer(text: str, cursor: int, point: Point, offer: Offer) -> tuple[str, int]:
    """Return the text with the offer in place of what was typed, and the new position of the cursor."""
    head, rest = text[: point.begin] + offer.text, text[cursor:]
    if point.field is None:
        return head + rest, len(head)
    return f"{head} {rest.lstrip()}", len(head) + 1
