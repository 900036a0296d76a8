"""Compares the path from pages to the journal with a model, for every kind of feed and every incident."""

from __future__ import annotations

import pytest

from tests.support.feed_model import FeedKind, check, try_scripts
from tests.support.journals import Journals


def test_the_journal_equals_the_feed_after_random_scripts(journals: Journals, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING")  # The log lines of thousands of requests would take a third of the time.
    try_scripts(200 if journals.kind == "sqlite" else 15, journals)


@pytest.mark.parametrize("kind", ["offset", "key"])
@pytest.mark.parametrize("whole_seconds", [False, True])
@pytest.mark.parametrize("pages_before_failure", [2, 3, 4])
def test_history_interrupted_by_a_restart_is_read_later(
    kind: str, whole_seconds: bool, pages_before_failure: int
) -> None:
    feed_kind = FeedKind(page_size=5, cursor_kind=kind, whole_seconds=whole_seconds, initial=40, overlapping=False)
    check(feed_kind, [("cut", pages_before_failure), ("poll", 1), ("restart", 1), ("arrive", 7)])


@pytest.mark.parametrize("overlapping", [False, True])
@pytest.mark.parametrize("kind", ["offset", "key"])
def test_overlapping_pages_are_distinguished_from_equal_events(kind: str, overlapping: bool) -> None:
    feed_kind = FeedKind(page_size=11, cursor_kind=kind, whole_seconds=True, initial=6, overlapping=overlapping)
    steps = [
        ("cut", 2),
        ("arrive", 6),
        ("poll", 1),
        ("cut", 4),
        ("poll", 1),
        ("arrive", 46),
        ("restart", 1),
        ("poll", 1),
    ]
    check(feed_kind, steps)
    small_feed = FeedKind(page_size=4, cursor_kind=kind, whole_seconds=True, initial=24, overlapping=overlapping)
    check(small_feed, [])


@pytest.mark.parametrize("whole_seconds", [False, True])
@pytest.mark.parametrize("kind", ["offset", "key"])
def test_a_page_of_nothing_but_arrivals_counts_nothing_below_it_twice(kind: str, whole_seconds: bool) -> None:
    """The head was read, and the history below it only after two pages of events had arrived."""
    feed_kind = FeedKind(3, kind, whole_seconds=whole_seconds, initial=4, overlapping=False)
    check(feed_kind, [("fail", 1), ("poll", 1), ("arrive", 6)])


@pytest.mark.parametrize("overlapping", [False, True])
@pytest.mark.parametrize("whole_seconds", [False, True])
@pytest.mark.parametrize(
    "steps",
    [
        # The page of the looping cursor is newer than the page before it, so it shows nothing about overlaps.
        [("arrive", 2), ("loop", 1), ("meanwhile", 3), ("poll", 1)],
        # The repeated page looks like the next page: late events are listed above the newest one.
        [*[("late", 1)] * 4, ("loop", 1), ("poll", 1)],
    ],
)
def test_a_looping_cursor_stores_nothing_twice(
    steps: list[tuple[str, int]], whole_seconds: bool, overlapping: bool
) -> None:
    for initial in (0, 3, 10):
        feed_kind = FeedKind(3, "offset", whole_seconds=whole_seconds, initial=initial, overlapping=overlapping)
        check(feed_kind, steps)
