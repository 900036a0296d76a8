"""The query that is being typed: what is wrong with it, and how it can be completed. Pure.

Loaded with the first query: the first screen appears sooner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scaicore_tui.analysis.query import SUBJECTS, Query, QueryError, parse_query
from scaicore_tui.analysis.query.complete import Offer, Point, apply_offer, completion_point, offers
from scaicore_tui.text import one_line
from scaicore_tui.tui.render.line import Span

# Offers on the line below the query; the others appear as the person types.
MAX_SHOWN_OFFERS = 12


class QueryModel:
    """The text of a query about a subject, by its name. `problem` says why it cannot be read; None if it can."""

    def __init__(self, subject: str) -> None:
        self.problem: QueryError | None = None
        self._subject = SUBJECTS[subject]
        self._text = ""
        self._point: Point | None = None
        self._cursor = 0
        self._values: dict[str, Sequence[tuple[str, int]]] = {}

    def edit(self, text: str, cursor: int) -> Query | None:
        """Take the text as it is now; return its query, None if it cannot be read."""
        self._text, self._cursor = text, cursor
        self._point = completion_point(text, cursor, self._subject)
        self.problem = None
        try:
            return parse_query(text, self._subject)
        except QueryError as error:
            self.problem = error
            return None

    @property
    def wanted_field(self) -> str | None:
        """The field whose values can complete the text and are not known yet; None if there is none."""
        field = None if self._point is None else self._point.field
        return None if field is None or field.name in self._values else field.name

    def set_values(self, values: Mapping[str, Sequence[tuple[str, int]]]) -> None:
        """Set the values of fields that exist, each with how often it occurs."""
        self._values |= values

    def forget_values(self) -> None:
        """Ask for values again: others may exist now."""
        self._values = {}

    @property
    def offers(self) -> Sequence[Offer]:
        """The completions of the text at the cursor, the best first. What stands there already is not offered."""
        point = self._point
        if point is None or not (point.typed or point.field or not self._text):
            return ()
        counted = self._values.get(point.field.name, ()) if point.field is not None else ()
        found = offers(point, self._subject, counted)
        return () if any(offer.text == point.typed for offer in found) else found

    def accept(self) -> tuple[str, int] | None:
        """Return the text with the first offer or suggestion taken, and the new cursor; None if there is none."""
        if self.offers and self._point is not None:
            return apply_offer(self._text, self._cursor, self._point, self.offers[0])
        problem = self.problem
        if problem is None or not problem.suggestion:
            return None
        head = self._text[: problem.begin] + problem.suggestion
        return head + self._text[problem.end :], len(head)

    def hint(self, width: int) -> list[Span]:
        """Return the line below the text: what is wrong, or what `tab` completes."""
        found = self.offers
        if found:
            return [("tab ", "accent"), *_offer_spans(found[0], "text strong"), *_more(found[1:MAX_SHOWN_OFFERS])]
        if self.problem is not None:
            return self._problem_spans(self.problem, width)
        return []

    def _problem_spans(self, problem: QueryError, width: int) -> list[Span]:
        words = one_line(self._text[problem.begin : problem.end], 20)
        where = f"{problem.begin + 1}: {words}  " if words else f"{problem.begin + 1}: "
        suggested = f"  tab {problem.suggestion}" if problem.suggestion else ""
        free = max(10, width - len(where) - len(suggested) - 2)
        return [(where, "amber strong"), (one_line(problem.problem, free), "amber"), (suggested, "accent")]


def _offer_spans(offer: Offer, colour: str) -> list[Span]:
    return [(one_line(offer.text, 40), colour), (f" {offer.note}  " if offer.note else "  ", "grey")]


def _more(found: Sequence[Offer]) -> list[Span]:
    """Return the other offers: values with their counts, fields without what they mean."""
    spans: list[Span] = []
    for offer in found:
        note = offer.note if offer.note.replace(",", "").isdecimal() else ""
        spans += _offer_spans(Offer(offer.text, note), "text")
    return spans
