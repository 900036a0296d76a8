"""Pictures of the app: every state of the link at three sizes, and every dialog. Look at each before accepting it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
from textual.app import App
from textual.pilot import Pilot

from scaicore_tui.config.target import Color
from scaicore_tui.tui import DebuggerApp
from tests.support.app_stage import SMALL, STANDARD, WIDE, Stage, screen_lines, until
from tests.support.feed_simulator import FeedSim
from tests.support.inbox_scene import WITH_FORM, inbox
from tests.support.scene import BREAKPOINT, busy, later
from tests.support.two_profiles import STAGING, Shelf, text
from tests.support.write_server import Choosy

# Another payment, and one more, in the input of the run that failed.
EDITS = ("down", "down", "down", "end", "left", "backspace", "9", "down", "end", "comma", "4")
SIZES = [pytest.param(size, id=f"{size[0]}x{size[1]}") for size in (WIDE, STANDARD, SMALL)]
Act = Callable[[Stage, "Pilot[int]"], Awaitable[None]]


class SnapCompare(Protocol):
    """Compares a picture of the app with the accepted one."""

    def __call__(self, app: App[Any], *, terminal_size: tuple[int, int], run_before: Any) -> bool: ...


def unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused", request=request)


def unwell(_: httpx.Request) -> httpx.Response:
    error = {"code": "INTERNAL_ERROR", "message": "the event store is being migrated"}
    body = {"status": "error", "error": error, "meta": {"request_id": "req_51fe"}}
    return httpx.Response(500, json=body)


async def nothing(stage: Stage, pilot: Pilot[int]) -> None:
    pass


async def paused(stage: Stage, pilot: Pilot[int]) -> None:
    await pilot.press("p")
    await stage.wait(pilot, 42)


async def offline(stage: Stage, pilot: Pilot[int]) -> None:
    stage.trouble = unreachable
    await stage.poll(pilot)
    await stage.poll(pilot)
    await stage.wait(pilot, 9)


async def stale(stage: Stage, pilot: Pilot[int]) -> None:
    stage.trouble = unwell
    await stage.poll(pilot)
    await stage.wait(pilot, 3)


async def dead_key(stage: Stage, pilot: Pilot[int]) -> None:
    await stage.wait(pilot, 1)
    await pilot.press("c")
    await stage.settle(pilot)


LINKS: dict[str, Act] = {"live": nothing, "paused": paused, "offline": offline, "stale": stale}


def keys(*pressed: str) -> Act:
    """Press them one after another."""

    async def press(stage: Stage, pilot: Pilot[int]) -> None:
        await pilot.press(*pressed)
        await stage.settle(pilot)

    return press


def shown(compare: SnapCompare, stage: Stage, size: tuple[int, int], act: Act = nothing) -> bool:
    """Whether the app looks as it did, after its first poll and `act`."""

    async def before(pilot: Pilot[int]) -> None:
        await stage.begin(pilot)
        await act(stage, pilot)

    return compare(stage.app, terminal_size=size, run_before=before)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("link", LINKS)
def test_main(snap_compare: SnapCompare, size: tuple[int, int], link: str) -> None:
    assert shown(snap_compare, Stage(busy()), size, LINKS[link])


@pytest.mark.parametrize("size", SIZES)
def test_empty(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert shown(snap_compare, Stage(FeedSim()), size)


@pytest.mark.parametrize("size", SIZES)
def test_read_only_on_one_core(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert shown(snap_compare, Stage(busy(), read_only=True, core="core_support-triage"), size, keys("a"))


@pytest.mark.parametrize("size", SIZES)
def test_review(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert shown(snap_compare, Stage(busy()), size, keys("a", "2"))


@pytest.mark.parametrize("size", SIZES)
def test_failed_run(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert shown(snap_compare, Stage(busy()), size, keys("e", "enter"))


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(keys("j", "a"), id="breakpoint"),
        pytest.param(keys("e", "R"), id="replay"),
        pytest.param(keys("e", "R", "e", *EDITS), id="replay-editing"),
        pytest.param(keys("e", "R", "e", *EDITS, "escape"), id="replay-edited"),
        pytest.param(keys("e", "R", "e", *EDITS, "backspace"), id="replay-no-json"),
        pytest.param(keys("question_mark"), id="help"),
        pytest.param(keys("slash", *"bank"), id="filter"),
        pytest.param(keys("v", "v"), id="view"),
        pytest.param(keys("ctrl+p", *"foll"), id="palette"),
        pytest.param(dead_key, id="dead-key"),
        pytest.param(keys("t"), id="light"),
        pytest.param(keys("tab", "tab", "j"), id="inbox"),
    ],
)
def test_at_full_size(snap_compare: SnapCompare, act: Act) -> None:
    assert shown(snap_compare, Stage(busy()), STANDARD, act)


@pytest.mark.parametrize("pressed", [("tab",), ("tab", "tab")], ids=["nodes", "inbox"])
def test_one_pane_at_a_time(snap_compare: SnapCompare, pressed: tuple[str, ...]) -> None:
    assert shown(snap_compare, Stage(busy()), SMALL, keys(*pressed))


def test_ascii(snap_compare: SnapCompare) -> None:
    assert shown(snap_compare, Stage(busy(), ascii_only=True), STANDARD)


@pytest.mark.parametrize("size", SIZES)
def test_nothing_configured(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    async def before(pilot: Pilot[int]) -> None:
        await pilot.pause()

    assert snap_compare(DebuggerApp(None), terminal_size=size, run_before=before)


@pytest.mark.parametrize("size", SIZES)
def test_profiles(snap_compare: SnapCompare, size: tuple[int, int], tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)

    async def before(pilot: Pilot[int]) -> None:
        await until(pilot, lambda: "exec_8f21c4" in text(pilot))
        await pilot.press("P")
        await until(pilot, lambda: "prod.example" in text(pilot))

    app = DebuggerApp(shelf.session(STAGING), profiles=shelf)
    assert snap_compare(app, terminal_size=size, run_before=before)


@pytest.mark.parametrize("size", SIZES)
def test_a_profile_in_its_colour(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert shown(snap_compare, Stage(busy(), color=Color.RED), size, keys("a", "1", "escape"))


def test_a_dialog_of_a_profile_in_its_colour(snap_compare: SnapCompare) -> None:
    assert shown(snap_compare, Stage(busy(), color=Color.AMBER, protected=True), STANDARD, keys("a", "1"))


@pytest.mark.parametrize("size", SIZES)
def test_inbox(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert shown(snap_compare, Stage(inbox()), size, keys("i", "j"))


def test_answered(snap_compare: SnapCompare) -> None:
    async def read(stage: Stage, pilot: Pilot[int]) -> None:
        await keys("i", "v")(stage, pilot)
        await until(pilot, lambda: stage.screen.desk.answered.read_at is not None)
        await stage.settle(pilot)

    assert shown(snap_compare, Stage(inbox()), STANDARD, read)


@pytest.mark.parametrize("size", SIZES)
def test_review_form(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert shown(snap_compare, Stage(inbox(WITH_FORM)), size, keys("i", "a", "1", "ctrl+t"))


def test_protected_review(snap_compare: SnapCompare) -> None:
    stage = Stage(inbox(WITH_FORM), protected=True)
    assert shown(snap_compare, stage, STANDARD, keys("i", "a", "1", "tab", "tab", *"appr"))


def test_protected_review_before_the_word(snap_compare: SnapCompare) -> None:
    stage = Stage(inbox(WITH_FORM), protected=True)
    assert shown(snap_compare, stage, STANDARD, keys("i", "a", "1"))


def test_long_options(snap_compare: SnapCompare) -> None:
    said = "approve, and let everybody in the department know that it was approved after all, with a note to payroll"
    options = [{"id": "approve_and_tell_everybody", "label": said}, {"id": "no", "label": "No"}, "later"]
    assert shown(snap_compare, Stage(inbox(WITH_FORM | {"options": options})), SMALL, keys("i", "a", "1"))


MARK_THREE = ("i", "j", "j", "j", "space", "j", "space", "j", "space", "j", "space")


@pytest.mark.parametrize("size", SIZES)
def test_marked(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert shown(snap_compare, Stage(inbox()), size, keys(*MARK_THREE, "slash", *"!inv2", "enter"))


@pytest.mark.parametrize("size", SIZES)
def test_several(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert shown(snap_compare, Stage(inbox()), size, keys(*MARK_THREE, "slash", *"!inv2", "enter", "k", "a", "1"))


@pytest.mark.parametrize("size", SIZES)
def test_what_came_of_several(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    async def answered(stage: Stage, pilot: Pilot[int]) -> None:
        Choosy(stage, ckpt_inv2=422)
        await keys(*MARK_THREE, "k", "a", "1")(stage, pilot)
        stage.clock.advance(1)
        await pilot.press("enter")
        await until(pilot, lambda: "refused" in "".join(screen_lines(stage.app)))
        await stage.settle(pilot)

    assert shown(snap_compare, Stage(inbox()), size, answered)


def test_continue_all(snap_compare: SnapCompare) -> None:
    there = [BREAKPOINT | {"id": f"ckpt_b{number}", "node_id": "find_order"} for number in (1, 2)]
    stage = Stage(inbox(*there, BREAKPOINT | {"node_id": "reply"}))
    assert shown(snap_compare, stage, STANDARD, keys("i", "C", "1"))


async def two_hours_later(stage: Stage, pilot: Pilot[int]) -> None:
    """Of which the feed holds the end alone."""
    stage.sim.log[:] = later()
    stage.clock.advance(7_200)
    await stage.poll(pilot)


@pytest.mark.parametrize("size", SIZES)
def test_gap(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert shown(snap_compare, Stage(busy()), size, two_hours_later)


def test_gap_in_ascii(snap_compare: SnapCompare) -> None:
    async def at_an_older_run(stage: Stage, pilot: Pilot[int]) -> None:
        await two_hours_later(stage, pilot)
        await keys("escape", *"jjjjj")(stage, pilot)

    assert shown(snap_compare, Stage(busy(), ascii_only=True), STANDARD, at_an_older_run)
