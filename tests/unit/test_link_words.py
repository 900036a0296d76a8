"""What the status bar says of the budget, of catching up, of the token and of the profile."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from rich.style import Style

from scaicore_tui.config.target import Color
from scaicore_tui.feed import Link
from scaicore_tui.tui import paint
from scaicore_tui.tui.link_words import Standing, catching_up, filter_pieces, name_piece, next_try, trouble


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


@pytest.mark.parametrize(
    ("left", "words"),
    [(None, ""), (601.0, ""), (599.0, " · token 9m"), (12.0, " · token 12s"), (-1.0, " · token ran out")],
)
def test_a_token_is_told_of_when_it_runs_out_soon(left: float | None, words: str) -> None:
    told = filter_pieces(replace(standing(Link(interval=5)), token_left=left))
    assert "".join(text for text, _ in told) == "all cores" + words


def test_a_name_stands_on_the_colour_of_its_profile() -> None:
    assert name_piece("prod", None) == ("prod", "accent strong")
    assert name_piece("prod", Color.RED) == (" prod ", "red badge")
    assert name_piece("pr\x1bod", Color.VIOLET, 5) == (" pr␛od ", "accent badge")


def test_blanks_beside_a_badge_are_none_of_it() -> None:
    strip = paint.strip([("  ", "text"), (" a ", "red badge"), ("  ", "grey")], 9, style, ascii_only=False)
    assert [(segment.text, segment.style) for segment in strip] == [
        ("  ", style("text")),
        (" a ", style("red badge")),
        ("    ", style("grey")),
    ]


def style(colour: str) -> Style:
    return Style(meta={"colour": colour})
