"""The bars of runs and failures over time: keys and the mouse list the runs of one of them."""

from __future__ import annotations

from scaicore_tui.analysis.statistics.rates import Column, Rate
from scaicore_tui.tui.rate_bar import RateBar, bar_at, next_bar
from scaicore_tui.tui.render.line import BADGE
from scaicore_tui.tui.render.rate_bars import LABEL_CELLS, rate_lines
from scaicore_tui.tui.screens.main import MainScreen
from tests.support.app_stage import WIDE, Stage
from tests.support.builders import NOON, SECOND
from tests.support.scene import busy_feed

COUNTS = [(2, 0), (0, 0), (3, 1), (1, 0)]
RATE = Rate(
    NOON + 40 * SECOND,
    10 * SECOND,
    [Column(NOON + 10 * number * SECOND, *counts) for number, counts in enumerate(COUNTS)],
)


def bar(column: int, *, is_failed: bool = False) -> RateBar:
    begin = NOON + 10 * column * SECOND
    return RateBar(begin, begin + 10 * SECOND, is_failed)


def test_a_cell_is_the_bar_that_is_drawn_there() -> None:
    assert bar_at(RATE, 0, LABEL_CELLS + 2, 120) == bar(2)
    assert bar_at(RATE, 1, LABEL_CELLS + 2, 120) == bar_at(RATE, 0, LABEL_CELLS + 2, 80) == bar(2, is_failed=True)
    assert [bar_at(RATE, line, LABEL_CELLS + at, 120) for line, at in ((0, 1), (1, 0), (0, 4), (0, -1))] == [None] * 4
    assert bar(2, is_failed=True).query == ("status:failed ended>=2026-04-29T12:00:20Z ended<2026-04-29T12:00:30Z")


def test_keys_go_from_bar_to_bar() -> None:
    assert next_bar(RATE, None, -1, 120) == next_bar(RATE, None, 1, 120) == bar(3)
    assert next_bar(RATE, bar(2), -1, 120) == bar(0)
    assert next_bar(RATE, bar(0), 1, 120) == bar(2)
    assert next_bar(RATE, bar(3), 1, 120) is next_bar(RATE, bar(0), -1, 120) is None
    assert next_bar(RATE, None, -1, 80) == bar(2, is_failed=True)
    assert next_bar(RATE, bar(2, is_failed=True), -1, 120) is None


def test_the_chosen_bar_is_marked() -> None:
    plain = [["".join(text for text, _ in line)] for line in rate_lines(RATE, NOON / SECOND + 40, 120)]
    for is_failed, line in ((False, 0), (True, 1)):
        lines = rate_lines(RATE, NOON / SECOND + 40, 120, marked=(is_failed, 2))
        assert [["".join(text for text, _ in line)] for line in lines] == plain
        marks = [[text for text, colour in line if colour.endswith(BADGE)] for line in lines]
        assert [len(found) for found in marks] == [line == 0, line == 1]


async def test_the_runs_of_a_bar_are_listed() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        screen = stage.screen
        assert isinstance(screen, MainScreen)
        model, rate = screen.run_list_model, screen._period.rate
        assert rate is not None
        total = len(model)
        await pilot.press("left")
        await stage.settle(pilot)
        newest = next(column for column in reversed(rate.columns) if column.runs)
        assert len(model) == newest.runs < total
        assert "runs that started 1" in stage.text
        assert "esc lists all" in stage.text
        await pilot.press("right")
        assert "→: no bar after this one" in stage.text

        failed = next(number for number, column in enumerate(rate.columns) if column.failed)
        region = screen.panes.rate.region
        await pilot.click(offset=(region.x + LABEL_CELLS + failed, region.y + 1))
        await stage.settle(pilot)
        assert len(model) == rate.columns[failed].failed
        assert "runs that failed" in stage.text
        await pilot.press("escape", "escape")
        await stage.settle(pilot)
        assert len(model) == total
        assert screen._chosen_bar is None
