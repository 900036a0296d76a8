"""The whole way from pages to the journal against a model: every kind of feed, and everything that can happen to it."""

from __future__ import annotations

import pytest

from tests.support.feed_model import FeedKind, check, try_scripts


def test_the_journal_is_what_the_feed_offered(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING")  # to keep a line of each of thousands of requests takes a third of the time
    try_scripts(200)


@pytest.mark.parametrize("kind", ["offset", "key"])
@pytest.mark.parametrize("whole_seconds", [False, True])
@pytest.mark.parametrize("after", [2, 3, 4])
def test_a_program_that_ends_while_it_reads_history_reads_the_rest_later(
    kind: str, whole_seconds: bool, after: int
) -> None:
    world = FeedKind(page_size=5, cursor_kind=kind, whole_seconds=whole_seconds, initial=40, overlapping=False)
    check(world, [("cut", after), ("poll", 1), ("restart", 1), ("arrive", 7)])


@pytest.mark.parametrize("overlapping", [False, True])
@pytest.mark.parametrize("kind", ["offset", "key"])
def test_pages_that_repeat_their_edges_are_told_from_equal_events(kind: str, overlapping: bool) -> None:
    world = FeedKind(page_size=11, cursor_kind=kind, whole_seconds=True, initial=6, overlapping=overlapping)
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
    check(world, steps)
    small = FeedKind(page_size=4, cursor_kind=kind, whole_seconds=True, initial=24, overlapping=overlapping)
    check(small, [])


@pytest.mark.parametrize("overlapping", [False, True])
@pytest.mark.parametrize("whole_seconds", [False, True])
@pytest.mark.parametrize(
    "steps",
    [
        # The page that the looping cursor brings is newer than the one before: it tells nothing of how pages overlap.
        [("arrive", 2), ("loop", 1), ("meanwhile", 3), ("poll", 1)],
        # It looks like the page that follows: late events have moved the newest one below others by its time.
        [*[("late", 1)] * 4, ("loop", 1), ("poll", 1)],
    ],
)
def test_a_cursor_that_loops_doubles_nothing(
    steps: list[tuple[str, int]], whole_seconds: bool, overlapping: bool
) -> None:
    for initial in (0, 3, 10):
        world = FeedKind(3, "offset", whole_seconds=whole_seconds, initial=initial, overlapping=overlapping)
        check(world, steps)
