"""What the status bar says of the budget and of catching up."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from scaicore_tui.feed import Link
from scaicore_tui.tui.link_words import Standing, catching_up, next_try, trouble


def standing(link: Link) -> Standing:
    return Standing(link, 100.0, "staging", None, read_only=False, counts={}, event_count=0)


@pytest.mark.parametrize(
    ("behind", "words"),
    [
        (0, "catching up"),
        (7, "catching up, 7 behind"),
        (99, "catching up, 99 behind"),
        (3_217, "catching up, ~3,200 behind"),
        (142_500, "catching up, ~140,000 behind"),
    ],
)
def test_how_far_behind(behind: int, words: str) -> None:
    assert catching_up(behind) == words
    assert next_try(standing(Link(interval=5, next_at=103, behind=behind))) == words


def test_a_budget_that_is_spent_is_told_first() -> None:
    held = Link(interval=5, next_at=103, behind=7, held_until=142)
    assert next_try(standing(held)) == "rate limit, next 42s"
    assert next_try(standing(Link(interval=5, next_at=103, held_until=99))) == "next 3s"


def test_what_is_only_in_memory_is_told_while_all_else_is_well() -> None:
    known = Link(interval=5, answered_at=99)
    assert trouble(standing(known)) == ""
    told = replace(standing(known), journal_trouble="the journal can't be written: database or disk is full")
    assert trouble(told) == "the journal can't be written: database or disk is full · what comes is only in memory"
