"""The app's screen in every connection status, at three sizes, and every dialog.

Most are text, whose difference can be read. One of each screen and dialog, at 80 columns, is an SVG with its colours.
Look at each before you accept it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from textual.pilot import Pilot

from scaicore_tui.config.target import Color
from scaicore_tui.tui import DebuggerApp
from tests.support.app_stage import SMALL, STANDARD, WIDE, Stage, screen_lines, wait_until
from tests.support.demo_runs import research_feed
from tests.support.feed_simulator import FeedSim
from tests.support.inbox_scene import WITH_FORM, inbox_feed
from tests.support.scene import BREAKPOINT, busy_feed, events_two_hours_later
from tests.support.screen_snapshot import CompareScreen
from tests.support.two_profiles import STAGING, ProfileSet, shown_text
from tests.support.write_server import SelectiveServer

# Changes a payment in the input of the failed run, and adds another.
EDITS = ("down", "down", "down", "end", "left", "backspace", "9", "down", "end", "comma", "4")
SIZES = [pytest.param(size, id=f"{size[0]}x{size[1]}") for size in (WIDE, STANDARD, SMALL)]
Act = Callable[[Stage, "Pilot[int]"], Awaitable[None]]


def unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused", request=request)


def server_error(_: httpx.Request) -> httpx.Response:
    error = {"code": "INTERNAL_ERROR", "message": "the event store is being migrated"}
    body = {"status": "error", "error": error, "meta": {"request_id": "req_51fe"}}
    return httpx.Response(500, json=body)


async def nothing(stage: Stage, pilot: Pilot[int]) -> None:
    pass


async def paused(stage: Stage, pilot: Pilot[int]) -> None:
    await pilot.press("p")
    await stage.wait(pilot, 42)


async def offline(stage: Stage, pilot: Pilot[int]) -> None:
    stage.fault = unreachable
    await stage.poll(pilot)
    await stage.poll(pilot)
    await stage.wait(pilot, 9)


async def stale(stage: Stage, pilot: Pilot[int]) -> None:
    stage.fault = server_error
    await stage.poll(pilot)
    await stage.wait(pilot, 3)


async def unavailable_key(stage: Stage, pilot: Pilot[int]) -> None:
    await stage.wait(pilot, 1)
    await pilot.press("c")
    await stage.settle(pilot)


STATUSES: dict[str, Act] = {"live": nothing, "paused": paused, "offline": offline, "stale": stale}


def keys(*pressed: str) -> Act:
    """Return an act that presses these keys one after another."""

    async def press(stage: Stage, pilot: Pilot[int]) -> None:
        await pilot.press(*pressed)
        await stage.settle(pilot)

    return press


def check(
    compare: CompareScreen, stage: Stage, size: tuple[int, int], act: Act = nothing, *, colours: bool = False
) -> None:
    """Compare the app's screen after its first poll and `act` with the accepted one."""

    async def before(pilot: Pilot[int]) -> None:
        await stage.wait_for_first_poll(pilot)
        # All that is laid out again because of the first poll is there before the clock moves.
        await stage.settle(pilot)
        await stage.settle(pilot)
        await act(stage, pilot)

    compare(stage.app, size, before, colours=colours)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("status", STATUSES)
def test_main(compare_screen: CompareScreen, size: tuple[int, int], status: str) -> None:
    check(compare_screen, Stage(busy_feed()), size, STATUSES[status], colours=size == STANDARD)


@pytest.mark.parametrize("size", SIZES)
def test_empty(compare_screen: CompareScreen, size: tuple[int, int]) -> None:
    check(compare_screen, Stage(FeedSim()), size)


@pytest.mark.parametrize("size", SIZES)
def test_read_only_on_one_core(compare_screen: CompareScreen, size: tuple[int, int]) -> None:
    check(compare_screen, Stage(busy_feed(), read_only=True, core="core_support-triage"), size, keys("a"))


@pytest.mark.parametrize("size", SIZES)
def test_review(compare_screen: CompareScreen, size: tuple[int, int]) -> None:
    check(compare_screen, Stage(busy_feed()), size, keys("a", "2"), colours=size == STANDARD)


@pytest.mark.parametrize("size", SIZES)
def test_failed_run(compare_screen: CompareScreen, size: tuple[int, int]) -> None:
    check(compare_screen, Stage(busy_feed()), size, keys("e", "enter"), colours=size == STANDARD)


RUN_KEYS = {"order": ("2",), "past": ("left", "left"), "inspector": ("tab", "j")}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shown", RUN_KEYS)
def test_run(compare_screen: CompareScreen, size: tuple[int, int], shown: str) -> None:
    check(compare_screen, Stage(busy_feed()), size, keys("e", "enter", *RUN_KEYS[shown]))


@pytest.mark.parametrize("pressed", ["3", "4", "5", "+"], ids=["flow", "events", "input", "zoomed"])
def test_run_at_full_size(compare_screen: CompareScreen, pressed: str) -> None:
    check(compare_screen, Stage(busy_feed()), STANDARD, keys("e", "enter", pressed))


COMPARE_KEYS = {"rows": ("d",), "values": ("d", "enter")}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shown", COMPARE_KEYS)
def test_comparison(compare_screen: CompareScreen, size: tuple[int, int], shown: str) -> None:
    act = keys(*COMPARE_KEYS[shown])
    check(compare_screen, Stage(research_feed()), size, act, colours=size == STANDARD and shown == "rows")


def test_comparison_in_ascii_without_colours(compare_screen: CompareScreen) -> None:
    stage = Stage(research_feed(), ascii_only=True, no_colour=True)
    check(compare_screen, stage, STANDARD, keys("d"))


@pytest.mark.parametrize("size", SIZES)
def test_waiting_run(compare_screen: CompareScreen, size: tuple[int, int]) -> None:
    check(compare_screen, Stage(busy_feed()), size, keys("slash", *"exec_77aa02", "enter", "enter"))


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(keys("j", "a"), id="breakpoint"),
        pytest.param(keys("e", "R"), id="replay"),
        pytest.param(keys("e", "R", "e", *EDITS), id="replay-editing"),
        pytest.param(keys("e", "R", "e", *EDITS, "backspace"), id="replay-no-json"),
        pytest.param(keys("slash", *"bank"), id="filter"),
        pytest.param(keys("v", "v"), id="view"),
        pytest.param(keys("ctrl+p", *"foll"), id="palette"),
        pytest.param(unavailable_key, id="unavailable-key"),
        pytest.param(keys("tab", "tab", "j"), id="inbox"),
    ],
)
def test_at_full_size(compare_screen: CompareScreen, act: Act) -> None:
    check(compare_screen, Stage(busy_feed()), STANDARD, act)


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(keys("e", "R", "e", *EDITS, "escape"), id="replay-edited"),
        pytest.param(keys("question_mark"), id="help"),
        pytest.param(keys("t"), id="light"),
    ],
)
def test_in_colours(compare_screen: CompareScreen, act: Act) -> None:
    check(compare_screen, Stage(busy_feed()), STANDARD, act, colours=True)


@pytest.mark.parametrize("pressed", [("tab",), ("tab", "tab")], ids=["nodes", "inbox"])
def test_one_pane_at_a_time(compare_screen: CompareScreen, pressed: tuple[str, ...]) -> None:
    check(compare_screen, Stage(busy_feed()), SMALL, keys(*pressed))


def test_ascii(compare_screen: CompareScreen) -> None:
    check(compare_screen, Stage(busy_feed(), ascii_only=True), STANDARD)


@pytest.mark.parametrize("size", SIZES)
def test_nothing_configured(compare_screen: CompareScreen, size: tuple[int, int]) -> None:
    async def before(pilot: Pilot[int]) -> None:
        await pilot.pause()

    compare_screen(DebuggerApp(None), size, before, colours=size == STANDARD)


@pytest.mark.parametrize("size", SIZES)
def test_profiles(compare_screen: CompareScreen, size: tuple[int, int], tmp_path: Path) -> None:
    profile_set = ProfileSet(tmp_path)

    async def before(pilot: Pilot[int]) -> None:
        await wait_until(pilot, lambda: "Runs  1 of " in shown_text(pilot))
        await pilot.press("P")
        await wait_until(pilot, lambda: "prod.example" in shown_text(pilot))

    app = DebuggerApp(profile_set.session(STAGING), profiles=profile_set)
    compare_screen(app, size, before, colours=size == STANDARD)


@pytest.mark.parametrize("size", SIZES)
def test_a_profile_in_its_colour(compare_screen: CompareScreen, size: tuple[int, int]) -> None:
    check(compare_screen, Stage(busy_feed(), color=Color.RED), size, keys("a", "1", "escape"), colours=size == STANDARD)


def test_a_dialog_of_a_profile_in_its_colour(compare_screen: CompareScreen) -> None:
    check(compare_screen, Stage(busy_feed(), color=Color.AMBER, protected=True), STANDARD, keys("a", "1"), colours=True)


@pytest.mark.parametrize("size", SIZES)
def test_inbox(compare_screen: CompareScreen, size: tuple[int, int]) -> None:
    check(compare_screen, Stage(inbox_feed()), size, keys("i", "j"), colours=size == STANDARD)


def test_resolved(compare_screen: CompareScreen) -> None:
    async def read(stage: Stage, pilot: Pilot[int]) -> None:
        await keys("i", "v")(stage, pilot)
        await wait_until(pilot, lambda: stage.screen.state.resolved.read_at is not None)
        await stage.settle(pilot)

    check(compare_screen, Stage(inbox_feed()), STANDARD, read)


@pytest.mark.parametrize("size", SIZES)
def test_review_form(compare_screen: CompareScreen, size: tuple[int, int]) -> None:
    check(compare_screen, Stage(inbox_feed(WITH_FORM)), size, keys("i", "a", "1", "ctrl+t"))


def test_protected_review(compare_screen: CompareScreen) -> None:
    stage = Stage(inbox_feed(WITH_FORM), protected=True)
    check(compare_screen, stage, STANDARD, keys("i", "a", "1", "tab", "tab", *"appr"))


def test_protected_review_before_the_word(compare_screen: CompareScreen) -> None:
    stage = Stage(inbox_feed(WITH_FORM), protected=True)
    check(compare_screen, stage, STANDARD, keys("i", "a", "1"))


def test_long_options(compare_screen: CompareScreen) -> None:
    label = "approve, and let everybody in the department know that it was approved after all, with a note to payroll"
    options = [{"id": "approve_and_tell_everybody", "label": label}, {"id": "no", "label": "No"}, "later"]
    check(compare_screen, Stage(inbox_feed(WITH_FORM | {"options": options})), SMALL, keys("i", "a", "1"))


MARK_THREE = ("i", "j", "j", "space", "space", "space", "space")


@pytest.mark.parametrize("size", SIZES)
def test_marked(compare_screen: CompareScreen, size: tuple[int, int]) -> None:
    check(
        compare_screen,
        Stage(inbox_feed()),
        size,
        keys(*MARK_THREE, "slash", *"!inv2", "enter"),
        colours=size == STANDARD,
    )


@pytest.mark.parametrize("size", SIZES)
def test_bulk_answer(compare_screen: CompareScreen, size: tuple[int, int]) -> None:
    check(
        compare_screen,
        Stage(inbox_feed()),
        size,
        keys(*MARK_THREE, "slash", *"!inv2", "enter", "k", "k", "a", "1"),
        colours=size == STANDARD,
    )


@pytest.mark.parametrize("size", SIZES)
def test_bulk_results(compare_screen: CompareScreen, size: tuple[int, int]) -> None:
    async def answered(stage: Stage, pilot: Pilot[int]) -> None:
        SelectiveServer(stage, ckpt_inv2=422)
        await keys(*MARK_THREE, "k", "k", "a", "1")(stage, pilot)
        stage.clock.advance(1)
        await pilot.press("enter")
        await wait_until(pilot, lambda: "refused" in "".join(screen_lines(stage.app)))
        await stage.settle(pilot)

    check(compare_screen, Stage(inbox_feed()), size, answered, colours=size == STANDARD)


def test_continue_all(compare_screen: CompareScreen) -> None:
    pending = [BREAKPOINT | {"id": f"ckpt_b{number}", "node_id": "find_order"} for number in (1, 2)]
    stage = Stage(inbox_feed(*pending, BREAKPOINT | {"node_id": "reply"}))
    check(compare_screen, stage, STANDARD, keys("i", "C", "1"))


async def sleep_two_hours(stage: Stage, pilot: Pilot[int]) -> None:
    """Advance the clock by two hours; the feed has kept only the last ten minutes."""
    stage.sim.log[:] = events_two_hours_later()
    stage.clock.advance(7_200)
    await stage.poll(pilot)


@pytest.mark.parametrize("size", SIZES)
def test_gap(compare_screen: CompareScreen, size: tuple[int, int]) -> None:
    check(compare_screen, Stage(busy_feed()), size, sleep_two_hours, colours=size == STANDARD)


def test_gap_in_ascii(compare_screen: CompareScreen) -> None:
    async def at_an_older_run(stage: Stage, pilot: Pilot[int]) -> None:
        await sleep_two_hours(stage, pilot)
        await keys("escape", *"jjjjj")(stage, pilot)
        # While the cursor moves fast, the nodes of its run are not shown yet.
        await wait_until(pilot, lambda: "exec_8f21c4  running" in stage.text)

    check(compare_screen, Stage(busy_feed(), ascii_only=True), STANDARD, at_an_older_run)
