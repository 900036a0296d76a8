"""The events of a run in the list of values: asks for other pages as the cursor comes near the end of one."""

from __future__ import annotations

from collections.abc import Callable

from textual.message import Message

from scaicore_tui.analysis.event_pages import EventPage
from scaicore_tui.tui.render.event_rows import EVENT, event_sections
from scaicore_tui.tui.run_messages import EventsNeeded
from scaicore_tui.tui.widgets.value_list import ValueList

# Another page is asked for when the cursor comes so near to the end of this one.
EDGE_EVENTS = 100


class ShownEvents:
    """A page of events of one run in `values`. Requests are posted with `post`."""

    def __init__(self, values: ValueList, post: Callable[[Message], object]) -> None:
        self._values = values
        self._post = post
        self.page: EventPage | None = None
        self._execution_id = ""
        # The last event that is shown, and the one that the run is shown as of; None for all, and for now.
        self._through: int | None = None
        self._moment: int | None = None
        self._needle = ""
        # What was asked for last; None before anything was.
        self.request: EventsNeeded | None = None
        # The number of the event to go to once its page was read.
        self._target: int | None = None

    @property
    def is_reading(self) -> bool:
        """True until the events that were asked for are shown."""
        return self._target is not None

    @property
    def count_text(self) -> str:
        """The number of matching events, if there is a filter; else empty."""
        page = self.page
        return "" if page is None or not page.needle.strip() else f"{page.matching:,} of {page.total:,}"

    def clear(self) -> None:
        """Forget all events: another run is shown."""
        self.page = self._target = self.request = None
        self._needle = ""

    def ask(self, execution_id: str, through: int | None, moment: int | None, near: int) -> None:
        """Ask for the events around number `near`, and go there.

        `through` is the last event that is shown; those after `moment` are faint.
        """
        self._values.show([], is_other=True)
        self.page, self._execution_id, self._through, self._moment = None, execution_id, through, moment
        self.go_to(near)

    def refresh(self, execution_id: str, through: int | None, moment: int | None) -> None:
        """Show the events again: the run has more of them, or is shown as of another one, to which the cursor goes."""
        has_moved, self._moment = moment != self._moment, moment
        is_same = (execution_id, through) == (self._execution_id, self._through)
        self._execution_id, self._through = execution_id, through
        if moment is None or not is_same:
            self._target = moment or self._target
            self._request(self._target or self._number or 1)
        elif has_moved:
            if self.page is not None:
                self._draw(self.page)
            self.go_to(moment)

    def filter(self, needle: str) -> None:
        """Show the events that match `needle`."""
        self._needle = needle
        self._target = self._target or self._number or 1
        self._request(self._target)

    def go_to(self, number: int) -> None:
        """Go to an event, which may be on another page."""
        rows = () if self.page is None or self.is_reading else self.page.rows
        if any(row.number == number for row in rows):
            self._values.go_to((f"{EVENT}{number}",))
            self.moved()
        else:
            self._target = number
            self._request(number)

    def moved(self) -> None:
        """Ask for another page if the cursor is near the end of this one."""
        page, number = self.page, self._number
        if page is None or number is None or self._target is not None or not page.rows:
            return
        numbers = [row.number for row in page.rows]
        begin, end = numbers[min(EDGE_EVENTS, len(numbers) - 1)], numbers[-min(EDGE_EVENTS, len(numbers))]
        if (number < begin and page.has_earlier) or (number > end and page.has_later):
            self._request(number)

    def show(self, page: EventPage) -> None:
        """Show the page that was asked for last."""
        target, self._target = self._target, None
        self.page = page
        self._draw(page)
        found = None if target is None else page.nearest(target)
        if found is not None:
            self._values.go_to((f"{EVENT}{found}",))

    def _draw(self, page: EventPage) -> None:
        self._values.show(event_sections(page.rows, page.total, self._moment))

    def _request(self, near: int) -> None:
        self.request = EventsNeeded(self._execution_id, id(self), near, self._needle, self._through)
        self._post(self.request)

    @property
    def _number(self) -> int | None:
        """The number of the event at the cursor."""
        row = self._values.selected
        key = "" if row is None else str(row.path[0])
        return int(key.removeprefix(EVENT)) if key.startswith(EVENT) else None
