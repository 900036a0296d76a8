"""The age in the status bar: never too low, and rarely repainted."""

from __future__ import annotations

import pytest

from scaicore_tui.sync.status import ConnectionStatus, SourceStatus
from scaicore_tui.tui.render.status import StatusModel, connection_spans, feed_spans


def status_model(now: float, *, tick_s: int = 1, latency_ms: float | None = 12.0) -> StatusModel:
    source = SourceStatus(answered_at=100.0, next_at=105.0, latency_ms=latency_ms)
    status = ConnectionStatus(5.0, source, source)
    return StatusModel(status, now, "staging", None, read_only=False, counts={}, event_count=7, tick_s=tick_s)


def shown_text(model: StatusModel) -> str:
    return "".join(part for part, _ in connection_spans(model))


@pytest.mark.parametrize(("now", "text"), [(100.0, "0s"), (103.9, "3s"), (109.0, "9s")])
def test_shows_the_age_in_seconds(now: float, text: str) -> None:
    assert shown_text(status_model(now)).startswith(f"● live {text} · ")


@pytest.mark.parametrize("now", [100.0, 101.0, 104.9, 105.0, 112.3])
def test_a_slow_tick_shows_an_upper_bound_until_the_next_one(now: float) -> None:
    shown = int(shown_text(status_model(now, tick_s=5)).partition("<")[2].partition("s")[0])
    assert shown > now + 5 - 100


def test_shows_no_countdown_while_live() -> None:
    assert shown_text(status_model(103.0)).endswith(" · every 5s")
    assert shown_text(status_model(105.9)).endswith(" · every 5s")
    assert shown_text(status_model(106.1)).endswith(" · polling")


@pytest.mark.parametrize(
    ("latency_ms", "text"),
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
def test_rounds_the_latency(latency_ms: float | None, text: str) -> None:
    assert feed_spans(status_model(100.0, latency_ms=latency_ms))[0][0].startswith(f"{text} · ")
