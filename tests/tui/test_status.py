"""The texts of the status bar: rate limit, backfill, problems, token and profile name."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from rich.style import Style

from scaicore_tui.config.target import Color
from scaicore_tui.errors import PermissionDenied, Unreachable
from scaicore_tui.sync.status import ConnectionStatus, SourceStatus
from scaicore_tui.tui.render import line
from scaicore_tui.tui.render.status import (
    StatusModel,
    backfill_text,
    filter_spans,
    name_span,
    next_poll_text,
    problem_text,
)


def status_model(status: ConnectionStatus) -> StatusModel:
    return StatusModel(status, 100.0, "staging", None, read_only=False, counts={}, event_count=0)


@pytest.mark.parametrize(
    ("behind", "text"),
    [
        (0, "catching up"),
        (7, "catching up, 7 behind"),
        (99, "catching up, 99 behind"),
        (3_217, "catching up, ~3,200 behind"),
        (142_500, "catching up, ~140,000 behind"),
    ],
)
def test_shows_how_many_events_are_unread(behind: int, text: str) -> None:
    assert backfill_text(behind) == text
    assert (
        next_poll_text(status_model(ConnectionStatus(interval=5, events=SourceStatus(next_at=103), behind=behind)))
        == text
    )


def test_shows_the_rate_limit_before_the_backfill() -> None:
    held = ConnectionStatus(interval=5, events=SourceStatus(next_at=103), behind=7, held_until=142)
    assert next_poll_text(status_model(held)) == "rate limit, next 42s"
    assert (
        next_poll_text(status_model(ConnectionStatus(interval=5, events=SourceStatus(next_at=103), held_until=99)))
        == "next 3s"
    )


def test_shows_a_journal_problem_if_there_is_no_other_problem() -> None:
    live = ConnectionStatus(5, SourceStatus(99), SourceStatus(99))
    assert problem_text(status_model(live)) == ""
    model = replace(status_model(live), journal_problem="can't use j: the disk is full · new events are only in memory")
    assert problem_text(model) == "can't use j: the disk is full · new events are only in memory"


def shown_problem(events: SourceStatus, checkpoints: SourceStatus, **fields: float) -> str:
    status = ConnectionStatus(5, events, checkpoints, **fields)  # type: ignore[arg-type]
    return problem_text(replace(status_model(status), event_count=26, checkpoint_count=2))


def test_shows_a_problem_of_both_sources_once() -> None:
    unreachable = SourceStatus(60, error=Unreachable("cannot reach it: no such host", hint="check the URL"), failures=3)
    text = "cannot reach it: no such host · check the URL · 26 events and 2 waiting kept · 3 tries failed · r tries now"
    assert shown_problem(unreachable, unreachable) == text


def test_shows_the_problem_of_one_source_with_the_age_of_its_data() -> None:
    denied = PermissionDenied("you may not [403]")
    text = "events: you may not [403] · 26 events kept, 40s old · the rest is live · r tries now"
    assert shown_problem(SourceStatus(60, error=denied, failures=1), SourceStatus(99)) == text
    assert shown_problem(SourceStatus(99), SourceStatus(None, error=denied)) == (
        "checkpoints: you may not [403] · none read yet · the rest is live · r tries now"
    )
    assert shown_problem(SourceStatus(99), SourceStatus(70)) == (
        "checkpoints: no answer for three intervals · 2 waiting kept, 30s old · the rest is live · r tries now"
    )


def test_checkpoints_of_many_pages_have_the_age_of_the_oldest_page() -> None:
    silent = replace(
        status_model(ConnectionStatus(5, SourceStatus(99), SourceStatus(70))),
        checkpoint_count=2,
        oldest_checkpoint_at=10,
    )
    assert "2 waiting kept, 1m old" in problem_text(silent)


@pytest.mark.parametrize(
    ("skew", "text"),
    [
        (59.0, ""),
        (-86_400.0, "this machine's clock is 1d ahead of the server's · ages use the server's clock"),
        (61.0, "this machine's clock is 1m behind the server's · ages use the server's clock"),
    ],
)
def test_shows_clock_skew(skew: float, text: str) -> None:
    assert shown_problem(SourceStatus(99), SourceStatus(99), clock_skew=skew) == text


@pytest.mark.parametrize(
    ("left", "renews", "text", "colour"),
    [
        (None, False, "", "grey"),
        (2_540.0, False, " · token 42m", "grey"),
        (599.0, False, " · token 9m", "amber"),
        (599.0, True, " · token 9m", "grey"),
        (-1.0, True, " · token expired", "red strong"),
    ],
)
def test_shows_when_the_token_expires(left: float | None, renews: bool, text: str, colour: str) -> None:
    spans = filter_spans(
        replace(status_model(ConnectionStatus(interval=5)), token_left_s=left, is_token_renewable=renews)
    )
    assert "".join(part for part, _ in spans) == "all cores" + text
    assert spans[-1][1] == colour


def test_shows_the_name_on_the_colour_of_its_profile() -> None:
    assert name_span("prod", None) == ("prod", "accent strong")
    assert name_span("prod", Color.RED) == (" prod ", "red badge")
    assert name_span("pr\x1bod", Color.VIOLET, 5) == (" pr␛od ", "accent badge")


def test_blanks_beside_a_badge_are_not_part_of_it() -> None:
    strip = line.to_strip([("  ", "text"), (" a ", "red badge"), ("  ", "grey")], 9, style, ascii_only=False)
    assert [(segment.text, segment.style) for segment in strip] == [
        ("  ", style("text")),
        (" a ", style("red badge")),
        ("    ", style("grey")),
    ]


def style(colour: str) -> Style:
    return Style(meta={"colour": colour})
