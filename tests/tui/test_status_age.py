"""What the status bar says of the link: never fresher than it is, and seldom different."""

from __future__ import annotations

import pytest

from scaicore_tui.sync.status import ConnectionStatus, SourceStatus
from scaicore_tui.tui.render.status import StatusModel, connection_spans, feed_spans


def standing(now: float, *, pace: int = 1, latency_ms: float | None = 12.0) -> StatusModel:
    part = SourceStatus(answered_at=100.0, next_at=105.0, latency_ms=latency_ms)
    link = ConnectionStatus(5.0, part, part)
    return StatusModel(link, now, "staging", None, read_only=False, counts={}, event_count=7, tick_s=pace)


def said(of: StatusModel) -> str:
    return "".join(text for text, _ in connection_spans(of))


@pytest.mark.parametrize(("now", "words"), [(100.0, "0s"), (103.9, "3s"), (109.0, "9s")])
def test_the_age_is_told_by_the_second(now: float, words: str) -> None:
    assert said(standing(now)).startswith(f"● live {words} · ")


@pytest.mark.parametrize("now", [100.0, 101.0, 104.9, 105.0, 112.3])
def test_told_rarely_it_is_not_exceeded_until_it_is_told_again(now: float) -> None:
    shown = int(said(standing(now, pace=5)).partition("<")[2].partition("s")[0])
    assert shown > now + 5 - 100


def test_one_count_is_enough_while_answers_come_in_time() -> None:
    assert said(standing(103.0)).endswith(" · every 5s")
    assert said(standing(105.9)).endswith(" · every 5s")
    assert said(standing(106.1)).endswith(" · polling")


@pytest.mark.parametrize(
    ("latency_ms", "words"),
    [
        (None, "–"),
        (0.4, "~1ms"),
        (9.0, "~10ms"),
        (13.9, "~10ms"),
        (15.0, "~20ms"),
        (480.0, "~500ms"),
        (2100.0, "~2.0s"),
    ],
)
def test_a_latency_is_told_in_steps(latency_ms: float | None, words: str) -> None:
    assert feed_spans(standing(100.0, latency_ms=latency_ms))[0][0].startswith(f"{words} · ")
