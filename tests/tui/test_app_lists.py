"""The lists: cursor, following, filters, views, jumping to failed runs, panes, and many runs."""

from __future__ import annotations

import pytest
from textual.message import Message

from scaicore_tui.runs import Delta, Summary
from scaicore_tui.tui import key_queue
from scaicore_tui.tui.messages import RunsNeeded, SessionChanged
from scaicore_tui.tui.render.line import Line
from scaicore_tui.tui.run_list_model import RunListModel, View
from scaicore_tui.tui.state import MAX_MARKED_RUNS
from scaicore_tui.tui.widgets.run_list import RunList
from tests.support.app_stage import SMALL, STANDARD, WIDE, Stage, wait_until
from tests.support.builders import NOON, SECOND, started
from tests.support.feed_simulator import FeedSim
from tests.support.memory_index import MemoryIndex, set_filter
from tests.support.scene import busy_feed, completed_triage, running_triage


def under_cursor(stage: Stage) -> str:
    """Return the execution id of the run under the cursor."""
    run = stage.screen.current_run
    assert run is not None
    return run.execution_id


async def test_cursor_stays_on_its_run() -> None:
    stage = Stage(busy_feed())
    async with stage.opened() as pilot:
        await pilot.press("j", "j")
        chosen = under_cursor(stage)
        stage.sim.log += running_triage("exec_newest", 80)
        await stage.poll(pilot)
        assert stage.session.index.get("exec_newest") is not None
        assert under_cursor(stage) == chosen
        assert "Runs  4 of 27" in stage.text


async def test_following_keeps_the_cursor_on_the_newest_run() -> None:
    stage = Stage(busy_feed())
    async with stage.opened() as pilot:
        stage.sim.log += running_triage("exec_newest", 80)
        await stage.poll(pilot)
        assert under_cursor(stage) == "exec_newest"
        await pilot.press("j")
        stage.sim.log += running_triage("exec_newer", 85)
        await stage.poll(pilot)
        assert under_cursor(stage) != "exec_newer"
        await pilot.press("f")
        assert under_cursor(stage) == "exec_newer"


async def test_new_runs_above_the_visible_rows_are_counted() -> None:
    stage = Stage(busy_feed())
    async with stage.opened() as pilot:
        await pilot.press("G")
        stage.sim.log += running_triage("exec_n1", 80) + running_triage("exec_n2", 82)
        await stage.poll(pilot)
        assert "▲ 2 new" in stage.text
        await pilot.press("g")
        await stage.settle(pilot)
        assert "new" not in stage.lines[2]


async def test_loaded_runs_are_listed_at_once_and_counted_at_the_next_tick() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        # Only `settle` ticks: the screen's own timer runs in real time.
        for timer in stage.screen._timers:
            timer.pause()
        loaded = stage.session.index.remember([Summary("exec_old", -1, last_event_at=NOON - 700 * SECOND)])
        stage.app.post_message(SessionChanged(loaded))
        await pilot.pause()
        assert stage.run_line("exec_old")
        assert "Runs  1 of 26" in stage.text
        await stage.settle(pilot)
        assert "Runs  1 of 27" in stage.text


@pytest.mark.parametrize(("typed", "found"), [("bank", "exec_5b0c11"), ("expense !batch", "exec_77aa02")])
async def test_filter_and_clear_it_with_escape(typed: str, found: str) -> None:
    stage = Stage(busy_feed())
    async with stage.opened() as pilot:
        await pilot.press("slash", *("space" if char == " " else char for char in typed), "enter")
        await stage.settle(pilot)
        assert under_cursor(stage) == found
        assert "of 26 runs" in stage.text
        await pilot.press("escape")
        await stage.settle(pilot)
        assert "of 26" in stage.text
        assert under_cursor(stage) == found


async def test_keys_typed_into_the_filter_trigger_no_actions() -> None:
    stage = Stage(busy_feed())
    async with stage.opened() as pilot:
        await pilot.press("slash", *"qaRcpf")
        await stage.settle(pilot)
        assert stage.app.screen is stage.screen
        assert not stage.session.connection.paused
        assert "/qaRcpf" in stage.text
        assert stage.app.is_running


async def test_view_key_cycles_through_statuses() -> None:
    stage = Stage(busy_feed())
    async with stage.opened() as pilot:
        for view, count in (("failed", 1), ("waiting", 2), ("running", 1), ("all", 26)):
            await pilot.press("v")
            await stage.settle(pilot)
            assert f"view: {view}" in stage.text
            assert f"Runs  1 of {count}" in stage.text or f"of {count}" in stage.lines[2]


async def test_jump_to_next_and_previous_failed_run() -> None:
    stage = Stage(busy_feed())
    async with stage.opened() as pilot:
        await pilot.press("e")
        assert under_cursor(stage) == "exec_5b0c11"
        await pilot.press("e")
        await stage.settle(pilot)
        assert "no failed run further down" in stage.text
        await pilot.press("G", "E")
        assert under_cursor(stage) == "exec_5b0c11"


async def test_narrow_screen_shows_one_pane_and_tab_cycles() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(SMALL) as pilot:
        headings = []
        for _ in range(3):
            await stage.settle(pilot)
            headings.append(stage.lines[2].strip("▍ ").split()[0])
            await pilot.press("tab")
        await stage.settle(pilot)
        assert headings == ["Runs", "exec_8f21c4", "Waiting"]
        assert stage.lines[2].startswith("▍Runs")


async def test_essentials_are_visible_at_all_sizes() -> None:
    for size in (WIDE, STANDARD, SMALL, (40, 10)):
        stage = Stage(busy_feed())
        async with stage.opened(size) as pilot:
            await stage.settle(pilot)
            assert "live" in stage.lines[0]
            assert "support" in stage.text
            assert "help" in stage.lines[-1]


async def test_resize_keeps_the_selection() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        await pilot.press("j", "j", "j")
        chosen = under_cursor(stage)
        for size in (SMALL, (20, 4), STANDARD):
            await pilot.resize_terminal(*size)
            await stage.settle(pilot)
        assert under_cursor(stage) == chosen
        assert chosen in stage.text


async def test_click_selects_and_double_click_opens() -> None:
    stage = Stage(busy_feed())
    async with stage.opened() as pilot:
        row = stage.run_line("exec_5b0c11")
        await pilot.click(offset=(10, row))
        assert under_cursor(stage) == "exec_5b0c11"
        await pilot.click(offset=(10, row), times=2)
        await stage.settle(pilot)
        assert "BANK_DOWN: the bank did not answer within 30 s; payment 3 of 3" in stage.text
        await pilot.press("escape")
        await stage.settle(pilot)
        assert "Waiting 2" in stage.text


async def test_moving_past_the_end_loads_history() -> None:
    runs = [completed_triage(f"exec_{n:04}", -4000 + n) for n in range(900)]
    stage = Stage(FeedSim([event for run in runs for event in run]), backfill=600)
    async with stage.opened() as pilot:
        before = len(stage.session.index.order)
        assert before < 900
        await pilot.press("G", "down")
        for _ in range(20):
            await stage.settle(pilot)
        assert len(stage.session.index.order) > before


def test_only_visible_rows_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost of drawing does not depend on the number of runs."""
    drawn: list[int] = []
    index = MemoryIndex()
    index.add_newer([started(NOON + n * SECOND, f"exec_{n:06}") for n in range(10_000)])
    model = RunListModel()
    model.apply(index, Delta())
    runs = RunList(model)

    def draw_row(_: RunList, row: int) -> Line:
        drawn.append(row)
        return [(str(model.position(row)), "text")]

    monkeypatch.setattr(RunList, "draw_row", draw_row)
    runs.draw(0)
    runs.draw(9_999)
    assert (runs.line_count, drawn) == (10_000, [0, 9_999])
    set_filter(model, index, View.ALL, "exec_00999")
    assert [model.position(row) for row in range(len(model))] == list(range(9_999, 9_989, -1))


def test_a_jump_to_the_last_run_loads_only_the_runs_near_it(monkeypatch: pytest.MonkeyPatch) -> None:
    index = MemoryIndex()
    index.add_newer([started(NOON + n * SECOND, f"exec_{n:06}") for n in range(10_000)])
    model = RunListModel()
    model.apply(index, Delta())
    runs = RunList(model)
    requested: list[RunsNeeded] = []
    monkeypatch.setattr(runs, "post_message", requested.append)
    runs.cursor = 9_999
    runs.request_rows()
    (request,) = requested
    assert request.positions[-1] == model.position(9_999)
    assert len(request.positions) < 500


async def test_a_key_is_processed_although_the_screen_lost_the_message_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A screen that is being closed loses its messages. Then the last key must not wait for another one."""
    monkeypatch.setattr(key_queue, "LOST_KEY_TIMEOUT_S", 0.05)
    stage = Stage(busy_feed())
    async with stage.opened() as pilot:
        screen, lost = stage.app.screen, list[Message]()
        post = screen.post_message

        def lose_one(message: Message) -> bool:
            if not isinstance(message, key_queue.KeyProcessed) or lost:
                return post(message)
            lost.append(message)
            return True

        monkeypatch.setattr(screen, "post_message", lose_one)
        before = under_cursor(stage)
        stage.press_fast("j", "j")
        await wait_until(pilot, lambda: stage.app.screen.panes.runs.cursor == 2)  # type: ignore[attr-defined]
        assert lost
        assert under_cursor(stage) != before


async def test_marked_runs_stay_marked_and_escape_clears_the_marks() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        first = under_cursor(stage)
        await pilot.press("space", "j", "space")
        marked = list(stage.screen.state.marked_runs)
        assert [marked[0], len(marked)] == [first, 2]
        assert "Runs  4 of 26  2 marked" in stage.text
        assert [line[:2] for line in stage.lines if "■" in line] == [" ■", " ■"]
        # A new run above moves the rows; a filter hides one of the marked runs.
        stage.sim.log += running_triage("exec_newest", 80)
        await stage.poll(pilot)
        assert "■" in stage.lines[stage.run_line(first)]
        await pilot.press("slash", *first.removeprefix("exec_"), "enter")
        await stage.settle(pilot)
        assert "2 marked, 1 not listed" in stage.text
        await pilot.press("escape")
        assert not stage.screen.state.marked_runs
        assert "marked" not in stage.lines[2]
        assert f"/{first.removeprefix('exec_')}" in stage.text


async def test_all_listed_runs_can_be_marked_but_not_more_than_the_most() -> None:
    # The runs further down are not in memory at first.
    stage = Stage(FeedSim([started(NOON + n * SECOND, f"exec_{n:03}") for n in range(400)]))
    async with stage.opened() as pilot:
        await pilot.press("asterisk")
        state = stage.screen.state
        assert list(state.marked_runs) == [f"exec_{n:03}" for n in range(399, 399 - MAX_MARKED_RUNS, -1)]
        assert f"the first {MAX_MARKED_RUNS} of 400 listed runs, no more" in stage.text
        await pilot.press("escape", "escape", "G", "space")
        assert list(state.marked_runs) == ["exec_000"]
        # At the last row the mark stays, and older events are not read.
        assert under_cursor(stage) == "exec_000"
        await pilot.press("asterisk", "space")
        assert len(state.marked_runs) == MAX_MARKED_RUNS - 1
        await pilot.press("space", "k", "space")
        assert len(state.marked_runs) == MAX_MARKED_RUNS
        assert f"{MAX_MARKED_RUNS} runs are marked, which is the most" in stage.text
        # In the steps, the key turns the page.
        await pilot.press("escape", "escape", "escape", "tab", "space")
        assert not state.marked_runs


async def test_the_same_keys_unmark_all() -> None:
    stage = Stage(busy_feed())
    async with stage.opened() as pilot:
        await pilot.press("asterisk")
        assert len(stage.screen.state.marked_runs) == 26
        await pilot.press("asterisk")
        assert not stage.screen.state.marked_runs
