"""Pages of the events of a run: around any event, with a filter, while the run goes on and in the past."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scaicore_tui.analysis.event_pages import EventPage, NumberedEvent, compile_event_filter
from scaicore_tui.session.event_pages import EventPages
from scaicore_tui.store import Journal, JournalWriter, run_events
from tests.support.builders import NOON, SECOND, entered, event, exited
from tests.support.journals import Journals
from tests.support.scene import RunEvents

COUNT = 40


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_events, "MAX_EVENTS", 5)
    monkeypatch.setattr(run_events, "BATCH_EVENTS", 7)


class Reading:
    """A journal with a run of COUNT steps, each two events, between the events of another run."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.writer = JournalWriter(self.journal)
        self.writer.prepare()
        self.run, self.other = RunEvents("exec_1", "core_a", 0), RunEvents("exec_2", "core_a", 0)
        for number in range(COUNT):
            self.add(number)
        self.pages = EventPages(self.journal)

    def add(self, number: int) -> None:
        """Add a step: every fourth is of a node of its own."""
        self.other.step("other", "rigid", 1, number)
        before = len(self.run.events)
        self.run.step("special" if number % 4 == 3 else "plain", "rigid", 1, {"n": number})
        self.writer.append_new([*self.other.events[-2:], *self.run.events[before:]])

    async def read(self, near: int, needle: str = "", through: int | None = None) -> EventPage:
        page = await self.pages.read("exec_1", near, needle, through)
        assert [row.event.raw for row in page.rows] == [self.run.events[row.number - 1].raw for row in page.rows]
        return page


@pytest.fixture
def reading(journals: Journals) -> Iterator[Reading]:
    with journals.scratch() as journal:
        yield Reading(journal)


def numbers(page: EventPage) -> list[int]:
    return [row.number for row in page.rows]


async def test_a_page_has_the_events_around_any_of_a_run(reading: Reading) -> None:
    for near in (1, 3, 44, 79, 80, 99):
        page = await reading.read(near)
        near = min(near, 2 * COUNT)
        assert numbers(page) == list(range(max(1, near - 5), min(2 * COUNT, near + 4) + 1))
        assert (page.total, page.matching, page.first_index) == (80, 80, numbers(page)[0] - 1)
        assert page.has_earlier == (near > 6)
        assert page.has_later == (near + 4 < 80)


async def test_a_filter_finds_events_in_the_whole_run_and_keeps_their_numbers(reading: Reading) -> None:
    special = [number for number in range(1, 81) if (number - 1) // 2 % 4 == 3]
    page = await reading.read(40, "node:special")
    assert page.matching == len(special) == 20
    middle = special.index(40)
    assert numbers(page) == special[middle - 5 : middle + 5]
    assert page.first_index == middle - 5
    assert page.has_earlier
    assert page.has_later
    # The next page, and what came since, are found without a search from the start.
    reading.add(COUNT + 3)
    page = await reading.read(80, "node:special")
    assert numbers(page)[-2:] == [81, 82]
    assert page.matching == 22
    assert numbers(await reading.read(1, "nowhere")) == []


async def test_events_inserted_before_others_are_found(reading: Reading) -> None:
    assert (await reading.read(1, "type:exited")).matching == COUNT
    early = [entered("early", NOON - SECOND, "exec_1"), exited("early", NOON - SECOND, "exec_1")]
    reading.journal.prepend(early)
    reading.run.events[:0] = early
    page = await reading.read(1, "type:exited")
    assert page.matching == COUNT + 1
    assert numbers(page)[0] == 2


async def test_in_the_past_later_events_are_left_out(reading: Reading) -> None:
    page = await reading.read(7, through=7)
    assert numbers(page) == list(range(2, 8))
    assert (page.total, page.has_later) == (7, False)
    page = await reading.read(30, "node:special", through=30)
    assert (numbers(page)[-1], page.matching) == (24, 6)
    assert (await reading.pages.read("exec_missing", 1)).total == 0


async def test_a_page_of_large_events_is_short(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_events, "MAX_BYTES", 1)
    assert numbers(await reading.read(40)) == [39, 40]


def test_the_nearest_event_is_the_next_one_else_the_last() -> None:
    at_noon = event("block.entered", NOON, "exec_1")
    page = EventPage([NumberedEvent(number, at_noon) for number in (3, 7)])
    assert [page.nearest(number) for number in (1, 3, 4, 9)] == [3, 3, 7, 7]
    assert EventPage().nearest(3) is None


@pytest.mark.parametrize(
    ("needle", "is_found"),
    [
        ("", True),
        ("ENTERED", True),
        ("!entered", False),
        ("type:block kind:foreach", True),
        ("type:each", False),
        ("node:each", True),
        ("!node:each", False),
        ("node:foreach", False),
        ("!type:failed each", True),
        ("kind:", True),
        ("ünï", True),
    ],
)
def test_words_are_searched_in_the_event_or_one_of_its_fields(needle: str, is_found: bool) -> None:
    found = event("block.entered", NOON, "exec_1", node_id="each", block_kind="foreach", note="Ünïcode")
    source = found.raw.decode("unicode-escape").encode() if b"\\u" in found.raw else found.raw
    assert compile_event_filter(needle)(source) is is_found
