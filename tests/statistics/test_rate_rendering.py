"""The lines of runs and failures over time, when failures count as rising, and the table of failures by cause."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.analysis.run_groups import ErrorGroup, Trend
from scaicore_tui.analysis.statistics.rates import Rate, make_rate, rising_since
from scaicore_tui.text import cell_width
from scaicore_tui.tui.render.error_groups import error_group_head, error_group_row
from scaicore_tui.tui.render.line import Span, line_width
from scaicore_tui.tui.render.rate_bars import (
    UNICODE_BARS,
    bars,
    period_text,
    rate_columns,
    rate_lines,
    rate_now_text,
)
from tests.support.builders import NOON, SECOND

MINUTE = 60 * SECOND
NOW = NOON / SECOND


def rate(runs: Sequence[int], failed: Sequence[int] = (), minutes: int = 60) -> Rate:
    return make_rate(
        (NOON - minutes * MINUTE, NOON), len(runs), enumerate(runs), enumerate(failed), (), NOON - 20 * SECOND
    )


def text(line: Sequence[Span]) -> str:
    return "".join(shown for shown, _ in line)


@pytest.mark.parametrize("width", [120, 100, 80, 60])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_lines_fit_and_say_since_when_failures_rise(width: int, ascii_only: bool) -> None:
    columns = rate_columns(width)
    rise = columns * 2 // 3
    shown = rate([3] * columns, [0] * rise + [1, 2] * (columns - rise))
    lines = rate_lines(shown, NOW, width, ascii_only=ascii_only)
    assert all(line_width(line) <= width for line in lines)
    assert len(lines) == (2 if width >= 100 else 1)
    assert text(lines[-1]).startswith(" failed  " + " " * rise + ("12" if ascii_only else "▁▂"))
    assert ("rising since 11:40" in text(lines[-1])) == (columns % 3 == 0)
    assert "rising since 11:" in text(lines[-1])
    if ascii_only:
        assert all(text(line).replace("·", "").isascii() for line in lines)


def test_the_numbers_of_the_main_screen() -> None:
    columns = rate_columns(120)
    wide = rate_lines(rate([3] * columns, [1] * columns), NOW, 120)
    assert text(wide[0]) == f" runs    {'▃' * columns}  {3 * columns} in 60 min · 3 a minute now"
    assert text(wide[1]) == f" failed  {'▁' * columns}  {columns} · newest 20s ago"
    quiet = rate_lines(rate([0] * 36), NOW, 80)
    assert text(quiet[0]) == f" failed  {' ' * 36}  0 in 60 min"
    assert rate_now_text(rate([0] * 60), NOW) == "none now"
    assert rate_now_text(rate([*[0] * 59, 1]), NOW) == "12 an hour now"


@pytest.mark.parametrize(("minutes", "words"), [(15, "15 min"), (60, "60 min"), (1_440, "24 h"), (10_080, "7 d")])
def test_the_length_of_a_period(minutes: int, words: str) -> None:
    assert period_text(rate([1] * 66, minutes=minutes)) == words


@given(st.lists(st.integers(0, 10_000), max_size=80))
def test_bars_keep_the_order_of_counts_and_no_count_is_invisible(counts: list[int]) -> None:
    shown = bars(counts, UNICODE_BARS)
    assert cell_width(shown) == len(counts)
    heights = [UNICODE_BARS.find(sign) + 1 for sign in shown]
    assert all((height == 0) == (count == 0) for height, count in zip(heights, counts, strict=True))
    assert sorted(heights) == [height for _, height in sorted(zip(counts, heights, strict=True))]


@pytest.mark.parametrize(
    ("runs", "failed", "since"),
    [
        ([5] * 20, [0] * 15 + [2] * 5, 15),
        ([5] * 20, [1] * 15 + [4] * 5, 15),
        # As often as before; fewer than five; chance; over by now; nothing known from before; falling.
        ([5] * 20, [1] * 20, None),
        ([5] * 20, [0] * 16 + [1] * 4, None),
        ([5] * 20, [2, 1, 3, 2, 0, 2, 1, 3, 2, 2, 1, 2, 3, 2, 4, 2, 3, 2, 4, 3], None),
        ([5] * 20, [0] * 5 + [5] * 5 + [0] * 10, None),
        ([0] * 15 + [5] * 5, [0] * 15 + [2] * 5, None),
        ([5] * 20, [5] * 10 + [0] * 10, None),
        ([], [], None),
    ],
)
def test_failures_rise_if_they_come_far_more_often_than_before(
    runs: list[int], failed: list[int], since: int | None
) -> None:
    shown = make_rate((0, 100 * max(1, len(runs))), max(1, len(runs)), enumerate(runs), enumerate(failed))
    assert rising_since(shown) == (None if since is None else since * 100)


def test_a_constant_rate_is_seldom_called_rising() -> None:
    """Of 300 hours with one failure in four minutes, made at random, at most 2 %."""
    from random import Random

    chance = Random(7)  # noqa: S311  (not for security)
    hours = [[int(chance.random() < 0.25) for _ in range(60)] for _ in range(300)]
    assert sum(rising_since(rate([4] * 60, hour)) is not None for hour in hours) <= 6


def group(**fields: object) -> ErrorGroup:
    values = {
        "core_id": "core_invoice-batch",
        "node_id": "post",
        "code": "VENDOR_UNKNOWN",
        "text": "vendor “…” has no account",
        "count": 14,
        "first_at": NOON - 10 * MINUTE,
        "last_at": NOON - MINUTE,
        "trend": Trend.RISING,
        "is_new": False,
        "example": "exec_1",
        "key": "key",
    }
    return ErrorGroup(**{**values, **fields})  # type: ignore[arg-type]


def test_a_cause_is_shown_with_count_times_place_and_error() -> None:
    row = error_group_row(group(), 100, NOW)
    assert text(row).split() == [
        *["14", "↑", "11:50:00", "11:59:00", "invoice-batch", "post", "VENDOR_UNKNOWN:", "vendor", "“…”", "has"],
        *["no", "account"],
    ]
    assert text(error_group_row(group(is_new=True), 120, NOW)).count("new today") == 1
    assert "04-28" in text(error_group_row(group(first_at=NOON - 1_440 * MINUTE), 100, NOW))


@pytest.mark.parametrize("width", [120, 68, 59, 40])
def test_the_table_of_causes_is_aligned_and_fits(width: int) -> None:
    head = text(error_group_head(width))
    long = group(core_id="core_" + "c" * 90, node_id="n" * 90, text="t" * 500, is_new=True, first_at=None)
    hostile = group(core_id="a\x1b[31m", node_id="\n\t", text="x\x07[bold]")
    for row in (
        error_group_row(group(), width, NOW),
        error_group_row(long, width, NOW),
        error_group_row(hostile, width, NOW),
    ):
        assert line_width(row) <= width
        assert text(row).isprintable()
        assert row[-1][1] == "red"
        assert text(row[:-1]).startswith(" ")
    before = text(error_group_row(group(), width, NOW)[:-1])
    assert cell_width(before) == head.index("ERROR")
