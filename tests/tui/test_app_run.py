"""The screen of a run: views, selection, folding, the inspector, other runs of the list."""

from __future__ import annotations

import base64
import json

import pytest
from textual.pilot import Pilot

from scaicore_tui.actions import gate
from scaicore_tui.store import run_events
from scaicore_tui.tui.dialogs.answer import AnswerScreen
from scaicore_tui.tui.screens import run_events as shown_events
from scaicore_tui.tui.screens.run import RunScreen
from tests.support.app_stage import STANDARD, WIDE, Stage, wait_until
from tests.support.feed_simulator import FeedSim
from tests.support.scene import INVOICES, RunEvents, busy_feed, failed_batch, waiting_expense

SIZES = [pytest.param(WIDE, id="120x40"), pytest.param(STANDARD, id="80x24")]


COLOURS = ("text", "grey", "blue", "green", "red", "amber", "accent")


def run_screen(stage: Stage) -> RunScreen:
    screen = stage.app.screen
    assert isinstance(screen, RunScreen)
    return screen


def selected_line(stage: Stage) -> str:
    """Return the line of the selected step, without the inspector."""
    return next(line for line in stage.lines if line.startswith("›")).split("│›")[0]


def loop_of(count: int) -> FeedSim:
    """Return a feed with a completed loop of `count` iterations; the second failed once and was tried again."""
    run = RunEvents("exec_loop", INVOICES, 0).start(invoices=list(range(count)))
    run.enter("each", "foreach")
    for number in range(count):
        if number == 1:
            run.enter("post", "core_call").add(
                "block.failed", 20, node_id="post", block_kind="core_call", error={"message": "busy"}
            )
        run.step("post", "core_call", 500, {"reference": {"id": f"ERP-{number}", "lines": [number, 7]}})
    run.add("block.exited", node_id="each", block_kind="foreach").end({"posted": count})
    return FeedSim(run.events)


@pytest.mark.parametrize("size", SIZES)
async def test_the_failed_step_is_selected_and_its_error_shown_without_a_key(size: tuple[int, int]) -> None:
    stage = Stage(busy_feed())
    async with stage.opened(size) as pilot:
        await pilot.press("e", "enter")
        assert "✗ pay" in selected_line(stage)
        assert "failed 9m ago at 11:51:30Z, after 30.7s" in stage.text
        assert stage.text.count("BANK_DOWN") >= 2
        assert "iteration 3" in stage.text
        assert "run 4 of 26" in stage.text or size != WIDE


async def test_digits_and_v_switch_the_views_and_keep_the_step() -> None:
    stage = Stage(FeedSim(failed_batch()))
    async with stage.opened() as pilot:
        await pilot.press("enter")
        for key, shown in (("1", "TOOK"), ("2", "AFTER"), ("3", "order seen in")):
            await pilot.press(key)
            assert shown in stage.text
            assert "pay" in selected_line(stage)
        await pilot.press("4")
        assert "invocation.started" in stage.text
        await pilot.press("5")
        assert "invoices" in stage.text
        await pilot.press("6", "v")
        assert "[7 Compare]" in stage.text
        assert "no other run of core_invoice-batch completed" in stage.text
        await pilot.press("v")
        assert "[1 Time]" in stage.text
        assert "pay" in selected_line(stage)


async def test_enter_folds_containers_and_iterations_and_the_cursor_stays() -> None:
    stage = Stage(loop_of(6))
    async with stage.opened(WIDE) as pilot:
        await pilot.press("enter")
        assert "each" in selected_line(stage)
        assert "iteration 6 ▸" in stage.text  # a long loop is folded at first
        await pilot.press("enter")
        assert "iteration" not in stage.text.split("│")[0]
        assert "each" in selected_line(stage)
        await pilot.press("enter", "j", "enter")
        assert "iteration 1" in selected_line(stage)
        assert "iteration 1 ▸" not in stage.text
        await pilot.press("j")
        assert "post" in selected_line(stage)


async def test_e_goes_through_the_failed_steps_and_unfolds_them() -> None:
    stage = Stage(loop_of(6))
    async with stage.opened(WIDE) as pilot:
        await pilot.press("enter", "e")
        assert "✗" in selected_line(stage)
        assert "post 1" in selected_line(stage)
        await pilot.press("e")
        assert "no failed step further down" in stage.text
        await pilot.press("g", "E")
        assert "no failed step further up" in stage.text


async def test_the_inspector_shows_the_step_and_takes_the_keys() -> None:
    stage = Stage(loop_of(2))
    async with stage.opened() as pilot:
        await pilot.press("enter", "G", "tab")
        await stage.settle(pilot)
        assert run_screen(stage).active_list.id == "inspector"
        assert "the input of nodes is not on the feed" in stage.text
        await pilot.press("j", "j", "j", "j")
        assert "lines" in stage.text
        await pilot.press("escape")
        assert run_screen(stage).active_list.id != "inspector"
        await pilot.press("escape")
        assert not isinstance(stage.app.screen, RunScreen)


async def test_zoom_shows_a_part_of_the_run_and_where_it_is() -> None:
    stage = Stage(loop_of(6))
    async with stage.opened(WIDE) as pilot:
        await pilot.press("enter", "e")
        whole = axis(stage)
        await pilot.press("+", "+")
        assert axis(stage) != whole
        minimap = next(line for line in stage.lines if "━" in line).split("│")[0]
        assert minimap.count("━") < minimap.count("─")
        # The part that is shown follows the cursor.
        await pilot.press("G")
        await wait_until(pilot, lambda: "━" in stage.text)
        await stage.settle(pilot)
        await pilot.press("=")
        assert "━" not in stage.text
        assert axis(stage) == whole
        # Again, and the selected step takes most of the axis.
        await pilot.press("=")
        assert "━" in stage.text
        assert selected_line(stage).count("█") > len(whole) // 3
        await pilot.press("=")
        assert axis(stage) == whole
        await pilot.press("-")
        assert "-: all of the run is shown" in stage.text
        await pilot.press(*"++++++++++++++")
        assert "+: a cell is 1 ms already" in stage.text


def colour_of(stage: Stage, text: str) -> str:
    """Return the name of the colour of the last character of `text` on the screen."""
    for strip in stage.app.screen._compositor.render_strips():
        at = strip.text.find(text)
        if at >= 0:
            (segment,) = strip.crop(at + len(text.rstrip()) - 1, at + len(text.rstrip()))
            names = {stage.app.theme_variables[f"state-{name}"].lower(): name for name in COLOURS}
            assert segment.style is not None
            assert segment.style.color is not None
            return names[segment.style.color.get_truecolor().hex.lower()]
    raise AssertionError(f"{text} is not shown")


def axis(stage: Stage) -> str:
    """Return the labels of the time axis."""
    return next(line for line in stage.lines if "NODE" in line).split("│")[0]


async def test_long_idle_time_is_folded_until_a_key_shows_it() -> None:
    run = RunEvents("exec_wait", INVOICES, 0).start(n=1).step("load", "rigid", 2_000, 1)
    run.step("review", "checkpoint", 3_600_000, "approve").step("post", "rigid", 3_000, 2).end({})
    stage = Stage(FeedSim(run.events))
    async with stage.opened(WIDE) as pilot:
        await pilot.press("enter")
        assert "~1h" in axis(stage)
        assert "░" in stage.text
        folded = next(line for line in stage.lines if "post" in line).split("│")[0]
        await pilot.press("I")
        assert "~1h" not in axis(stage)
        assert "idle time is shown at its full length" in stage.text
        assert next(line for line in stage.lines if "post" in line).split("│")[0].count("█") < folded.count("█")
        await pilot.press("I")
        assert "~1h" in axis(stage)


async def test_ascii_has_no_other_signs_in_any_view() -> None:
    stage = Stage(loop_of(6), ascii_only=True)
    async with stage.opened(WIDE) as pilot:
        await pilot.press("enter", "e", "+")
        for key in "123456":
            await pilot.press(key)
            assert stage.text.isascii(), (key, [char for char in stage.text if not char.isascii()])


async def test_a_value_three_levels_deep_is_found_and_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(loop_of(6))
    copied = list[str]()
    monkeypatch.setattr(stage.app, "send_to_terminal", lambda text: copied.append(clipboard_content(text)))
    async with stage.opened(WIDE) as pilot:
        await pilot.press("enter", "e", "j", "slash", *"erp-1", "enter")
        assert run_screen(stage).active_list.id == "inspector"
        await pilot.press("y")
        await stage.settle(pilot)
        assert copied == ["ERP-1"]
        assert "clipboard: result.reference.id" in stage.text
        await pilot.press("j", "y")
        await stage.settle(pilot)
        assert json.loads(copied[-1]) == [1, 7]
        await pilot.press("n")
        assert "“erp-1” is not in what is shown" not in stage.text
        await pilot.press("g", "y")
        assert "y: no value in this row" in stage.text


async def test_a_search_unfolds_what_it_finds_and_says_if_there_is_nothing() -> None:
    stage = Stage(loop_of(2))
    async with stage.opened(WIDE) as pilot:
        await pilot.press("enter", "n")
        assert "n: nothing is searched" in stage.text
        await pilot.press("5", "slash", *"nowhere", "enter", "n")
        assert "n: “nowhere” is not in what is shown" in stage.text
        await pilot.press("enter", "slash", *"invoices", "enter")
        assert "invoices" in next(line for line in stage.lines if line.startswith("›"))


async def test_events_are_filtered_and_each_unfolds() -> None:
    stage = Stage(loop_of(3))
    async with stage.opened(WIDE) as pilot:
        await pilot.press("enter", "4", "slash", *"failed", "enter")
        shown = [line for line in stage.lines if "block." in line]
        assert len(shown) == 1
        assert "block.failed" in shown[0]
        await pilot.press("enter")
        assert "payload" in stage.text
        assert "busy" in stage.text
        await pilot.press("slash", "escape")
        assert len([line for line in stage.lines if "block." in line]) > 5


async def test_events_are_paged_through_around_the_selected_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_events, "MAX_EVENTS", 12)
    monkeypatch.setattr(shown_events, "EDGE_EVENTS", 4)
    stage = Stage(loop_of(30))
    async with stage.opened(WIDE) as pilot:
        await pilot.press("enter", "e", "4")
        assert selected_event(stage).split()[3:6] == ["5", "12:00:00.504", "block.entered"]
        await pilot.press("G")
        assert selected_event(stage).split()[3] == "66"
        await pilot.press(*["k"] * 10)
        assert selected_event(stage).split()[3] == "56"
        # The rows stay where they are, although others were read above them.
        assert [line for line in stage.lines if "invocation.completed" in line]
        await pilot.press(*["pageup"] * 6)
        assert "invocation.started" in selected_event(stage)
        await pilot.press("slash", *"type:failed", "enter")
        assert "[4 Events 1 of 66]" in stage.text
        await pilot.press("slash", "escape")
        assert "block.failed" in selected_event(stage)
        assert "[4 Events 66]" in stage.text


async def test_two_screens_of_one_run_show_the_events_that_each_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_events, "MAX_EVENTS", 12)
    monkeypatch.setattr(shown_events, "EDGE_EVENTS", 4)
    stage = Stage(loop_of(30))
    async with stage.opened(WIDE) as pilot:
        await pilot.press("enter", "4", "G")
        first = run_screen(stage)
        assert selected_event(stage).split()[3] == "66"
        await stage.app.push_screen(RunScreen(first.state, "exec_loop"))
        await pilot.press("4", *["pageup"] * 6)
        assert "invocation.started" in selected_event(stage)
        await pilot.press("escape")
        assert run_screen(stage) is first
        assert selected_event(stage).split()[3] == "66"


def selected_event(stage: Stage) -> str:
    return next(line for line in stage.lines if line.startswith("›"))


def clipboard_content(sequence: str) -> str:
    """Return what a sequence copies to the clipboard."""
    return base64.b64decode(sequence.split(";")[2].split("\x07")[0]).decode()


async def test_the_time_cursor_shows_the_run_as_of_an_event_in_all_views() -> None:
    stage = Stage(FeedSim(failed_batch()))
    async with stage.opened(WIDE) as pilot:
        await pilot.press("enter", "left")
        assert "as of event 10 of 11" in stage.text
        assert "● running" in stage.text
        await pilot.press("left")
        assert "as of event 9 of 11  11:51:00.681 +680ms" in stage.text
        assert "● pay" in selected_line(stage)
        assert "BANK_DOWN" not in stage.text
        # What the step gave later is not copied either.
        await pilot.press("y")
        assert "y: no value in this row" in stage.text
        await pilot.press("{", "2")
        assert "✓ pay" in selected_line(stage)
        await pilot.press("3")
        assert "×3" not in stage.text
        await pilot.press("4")
        # The later ones are there too, faintly; the cursor is on the event.
        assert len([line for line in stage.lines if "│ ▸" in line]) == 11
        assert selected_line(stage).startswith("› │ ▸     8  ")
        assert [colour_of(stage, f"│ ▸{number:>6}  ") for number in (8, 9)] == ["text", "grey"]
        await pilot.press("left")
        assert selected_line(stage).startswith("› │ ▸     7  ")
        assert [colour_of(stage, f"│ ▸{number:>6}  ") for number in (7, 8)] == ["text", "grey"]
        await pilot.press("right")
        await pilot.press("6")
        assert "not yet: the run has not ended" in stage.text
        await pilot.press("1", "0")
        assert "as of event 1 of 11" in stage.text
        await pilot.press("left")
        assert "←: this is the first event" in stage.text
        await pilot.press("}")
        assert "● load" in selected_line(stage)
        await pilot.press("$", "right")
        assert "→: this is the last event" in stage.text
        await pilot.press("escape", "escape")
        assert "as of event" not in stage.text
        assert "✗ failed" in stage.text
        await pilot.press("right")
        assert "→: this is now" in stage.text


async def test_the_past_is_reached_by_visit_by_a_typed_time_and_by_a_click_on_the_axis() -> None:
    stage = Stage(loop_of(6))
    async with stage.opened(WIDE) as pilot:
        await pilot.press("enter", "e")
        assert "✗ post 1" in selected_line(stage)
        await pilot.press(")")
        assert "): this is now" in stage.text
        # The visits of this node began with events 3, 5, 7, 9, …, 15; 16 is the end of the loop, 18 the last event.
        await pilot.press("(", "(")
        assert "as of event 13 of " in stage.text
        await pilot.press(")")
        assert "as of event 15 of " in stage.text
        assert "● post" in selected_line(stage)
        await pilot.press(")")
        assert "): post was not entered later" in stage.text
        scale = axis(stage).replace("▼", " ")
        await pilot.press("at", *"+500ms", "enter")
        assert "as of event 3 of 18" in moment(stage)
        await pilot.press("at", *"soon", "enter")
        assert "@: “soon” is no event and no time of this run" in stage.text
        assert "as of event 3 of 18" in moment(stage)
        await pilot.press("at", "escape", "at", *"9", "enter")
        assert "as of event 9 of " in stage.text
        # Two seconds after the begin an iteration ended, and the next one began.
        line = next(number for number, text in enumerate(stage.lines) if "NODE" in text)
        await pilot.click(offset=(axis(stage).index("2s") + 1, line))
        await stage.settle(pilot)
        assert "as of event 13 of 18  12:00:02.028 +2.0s" in moment(stage)
        assert axis(stage).replace("▼", " ").split()[-2:] == scale.split()[-2:]
        await pilot.press("escape", "escape")
        assert "as of event" not in stage.text


def moment(stage: Stage) -> str:
    """Return the line that says what the run is shown as of."""
    return next(line for line in stage.lines if "as of event" in line)


async def test_z_enlarges_the_pane_with_the_keys() -> None:
    stage = Stage(loop_of(6))
    async with stage.opened(WIDE) as pilot:
        await pilot.press("enter", "z")
        assert "│" not in stage.lines[5]
        assert len(axis(stage)) > 110
        await pilot.press("tab")
        assert "TOOK" not in stage.text
        assert "each" in stage.text
        await pilot.press("escape")
        assert "│" in axis_line(stage)
        await pilot.press("escape")
        assert isinstance(stage.app.screen, RunScreen)
        assert run_screen(stage).active_list.id != "inspector"


def axis_line(stage: Stage) -> str:
    """Return the line with the labels of the time axis, with what is beside it."""
    return next(line for line in stage.lines if "NODE" in line)


async def test_typed_ahead_moves_in_time_all_count() -> None:
    stage = Stage(FeedSim(failed_batch()))
    async with stage.opened() as pilot:
        await pilot.press("enter")
        stage.press_fast("left", "left", "left", "left")
        await wait_until(pilot, lambda: "as of event 7 of 11" in stage.text)


@pytest.mark.parametrize("key", ["a", "c", "R"])
async def test_nothing_is_written_from_the_past(key: str) -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        await open_run(stage, pilot, "exec_d3b6f0")
        screen = run_screen(stage)
        await pilot.press("left", key)
        assert f"{key}: {gate.PAST}" in stage.text
        assert stage.app.screen is screen
        assert not stage.session.submissions
        await pilot.press("escape", "escape", "a")
        assert stage.app.screen is not screen


async def test_new_events_do_not_move_the_past() -> None:
    sim = FeedSim(waiting_expense("exec_1", -100))
    stage = Stage(sim)
    async with stage.opened() as pilot:
        await pilot.press("enter", "left")
        shown = [line.split("block.")[0].rstrip() for line in stage.lines if "as of event" in line]
        scale = axis(stage)[axis(stage).index(" 0s") :]
        sim.log += RunEvents("exec_1", "core_expense-approval", 60).enter("later", "rigid").events
        await stage.poll(pilot)
        assert [line.split("▲")[0].rstrip() for line in stage.lines if "as of event" in line] == shown
        assert "later" not in stage.text
        # They are counted, and the axis stays as it is.
        assert stage.text.count("▲ 1 new") == 2
        assert "▲ 1 new" in axis(stage)
        assert axis(stage).endswith(scale)
        await pilot.press("escape")
        await stage.settle(pilot)
        assert "later" in stage.text


def run_with_sub_runs(*starts_ms: int) -> FeedSim:
    """Return a feed with a run whose step calls another Core and fails; runs of it began so long after the step did."""
    run = RunEvents("exec_outer", INVOICES, 0).start(n=1).enter("call", "core_call")
    error = {"code": "SUBFLOW_FAILED", "message": "no source"}
    run.add("block.failed", 3_000, node_id="call", block_kind="core_call", error=error)
    run.add("invocation.failed", error=error)
    log = list(run.events)
    for number, start_ms in enumerate(starts_ms):
        inner = RunEvents(f"exec_inner{number}", "core_fact-check", 0)
        inner.add("invocation.started", start_ms, input={"claim": "x"}, node_id=None)
        log += inner.fail("look_up", "core_call", 500, error).events
    return FeedSim(sorted(log, key=lambda each: each.at or 0))


async def test_x_opens_the_likely_sub_run_and_escape_comes_back() -> None:
    stage = Stage(run_with_sub_runs(1_000))
    async with stage.opened(WIDE) as pilot:
        await open_run(stage, pilot, "exec_outer")
        assert "x ↗ likely called fact-check exec_inner0 (same" in stage.text
        await pilot.press("x")
        assert "✗ look_up" in selected_line(stage)
        assert "fact-check" in stage.lines[1]
        await pilot.press("escape")
        assert "✗ call" in selected_line(stage)


@pytest.mark.parametrize(
    ("starts_ms", "shown"),
    [
        pytest.param((1_000, 1_500), "called one of 2 runs at that time: fact-", id="two"),
        pytest.param((5_000,), "", id="later"),
    ],
)
async def test_a_sub_run_is_never_surer_than_its_time(starts_ms: tuple[int, ...], shown: str) -> None:
    stage = Stage(run_with_sub_runs(*starts_ms))
    async with stage.opened(WIDE) as pilot:
        await open_run(stage, pilot, "exec_outer")
        assert "likely" not in stage.text
        assert shown in stage.text
        if not shown:
            await pilot.press("x")
            assert "x: no sub-run of this step" in stage.text


async def test_a_shorter_view_leaves_no_empty_lines_while_rows_are_hidden() -> None:
    stage = Stage(loop_of(12))
    async with stage.opened() as pilot:
        await pilot.press("enter", "G", "3")
        assert "order seen in" in stage.text
        assert "each" in stage.text.split("─" * 20)[0]


async def test_brackets_show_the_other_runs_of_the_list() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        await pilot.press("e", "enter")
        first = run_screen(stage).current_run
        await pilot.press("]")
        second = run_screen(stage).current_run
        assert second is not None
        assert first is not None
        assert second.execution_id != first.execution_id
        assert "run 5 of 26" in stage.text
        await pilot.press("[", "[", "[", "[", "[")
        assert "this is the newest run of the list" in stage.text


async def test_a_node_of_the_main_screen_opens_as_the_selected_step() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        await pilot.press("e", "tab")
        await wait_until(pilot, lambda: "load" in stage.text)
        await pilot.press("g")
        while "load" not in selected_node(stage):
            await pilot.press("j")
        await pilot.press("enter")
        assert "load" in selected_line(stage)


def selected_node(stage: Stage) -> str:
    """Return what is at the cursor of the nodes."""
    return next((line.split("›")[-1] for line in stage.lines if line.rfind("›") > 40), "")


async def test_a_waiting_run_begins_with_its_question() -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        await pilot.press("i", "enter", "escape", "escape")
        await open_run(stage, pilot, "exec_77aa02")
        head = "\n".join(stage.lines[2:5])
        assert "Zoë de Vries claims 1,200 EUR" in head
        assert "1 Approve  2 Reject" in head
        assert "due in" in head
        assert "‖ review" in selected_line(stage)
        assert "x ↗ answer “Review needed”" in stage.text
        await pilot.press("x")
        assert isinstance(stage.app.screen, AnswerScreen)


async def open_run(stage: Stage, pilot: Pilot[int], execution: str) -> None:
    """Open a run through the filter."""
    await pilot.press("slash", *execution, "enter")
    await wait_until(pilot, lambda: "1 of 1" in stage.text)
    await pilot.press("enter")


async def test_a_live_run_grows_and_the_cursor_follows_until_it_is_moved() -> None:
    sim = FeedSim(waiting_expense("exec_1", -100)[:-1])
    stage = Stage(sim)
    run = RunEvents("exec_1", "core_expense-approval", 60)
    async with stage.opened() as pilot:
        await pilot.press("enter")
        sim.log += run.enter("check", "rigid").events
        await stage.poll(pilot)
        assert "● check" in selected_line(stage)
        before = selected_line(stage)
        await stage.wait(pilot, 20)
        assert selected_line(stage) != before
        await pilot.press("k")
        sim.log += run.enter("later", "rigid").events[1:]
        await stage.poll(pilot)
        assert "later" in stage.text
        assert "later" not in selected_line(stage)
