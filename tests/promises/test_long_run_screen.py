"""The screen of a long run: nothing is folded or built on the event loop, and keys work while a thread does it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from scaicore_tui.analysis.steps import RunSteps
from scaicore_tui.protocol import Event, decode_event
from scaicore_tui.runs import Run
from scaicore_tui.store.run_events import MAX_EVENTS
from scaicore_tui.tui import picture_loader, run_picture
from scaicore_tui.tui.run_picture import MAX_EVENTS_AT_ONCE, MAX_VISITS_AT_ONCE, build_picture
from scaicore_tui.tui.screens.run import RunScreen
from tests.bench.run_screen import NODES, long_run
from tests.support.app_stage import WIDE, Stage, wait_until
from tests.support.builders import MILLISECOND, NOON, entered
from tests.support.feed_simulator import FeedSim

# So many that its events are not all read for its first picture.
VISITS = 600


def events_without_end() -> list[Event]:
    return [decode_event(raw) for raw in long_run(VISITS)][:-2]


def run_screen(stage: Stage) -> RunScreen:
    screen = stage.app.screen
    assert isinstance(screen, RunScreen)
    return screen


def shown_nodes(stage: Stage) -> set[str | None]:
    """Return the nodes of which steps are shown."""
    picture = run_screen(stage)._steps.picture
    assert picture is not None
    return {step.node_id for step in picture.steps.steps}


def size_of(value: Any) -> int:
    """Return the number of visits of a run, or of the steps that were made of it."""
    return value.visit_count if isinstance(value, Run) else len(value.steps) if isinstance(value, RunSteps) else VISITS


@pytest.fixture
def used_on_loop(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets an entry whenever a run is folded, or its steps are built, on the event loop."""
    used = list[str]()

    def checked(function: Callable[..., Any]) -> Callable[..., Any]:
        def check(*args: Any, **options: Any) -> Any:
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                pass
            else:
                # A short run is built at once: the list of runs shows the first page of this one.
                if size_of(args[0]) > MAX_VISITS_AT_ONCE:
                    used.append(f"{function.__name__} on the event loop")
            return function(*args, **options)

        return check

    functions = {
        picture_loader: ("build_picture", "build_past", "build_newest"),
        run_picture: ("build_steps", "facts_of", "find_taken_edges", "default_folded", "apply_new"),
    }
    for module, names in functions.items():
        for name in names:
            monkeypatch.setattr(module, name, checked(getattr(module, name)))
    return used


async def test_nothing_of_a_long_run_is_built_on_the_event_loop(used_on_loop: list[str]) -> None:
    events = events_without_end()
    assert len(events) > max(MAX_EVENTS, MAX_EVENTS_AT_ONCE)
    assert VISITS > MAX_VISITS_AT_ONCE
    sim = FeedSim(events)
    stage = Stage(sim)
    async with stage.opened(WIDE) as pilot:
        await pilot.press("enter", "j", "k", *"23", "e", "1", "+", "=", "enter", "G")
        assert shown_nodes(stage) == {"each", *NODES}
        sim.log.append(entered("later", NOON + 10_000 * MILLISECOND))
        await stage.poll(pilot)
        assert "later" in shown_nodes(stage)
        await pilot.press("left", "left", "(", "2", "3", "4", "1", "escape")
        await stage.settle(pilot)
    assert used_on_loop == []


async def test_the_old_picture_stays_and_keys_work_until_the_new_one_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    sim = FeedSim(events_without_end())
    stage = Stage(sim)
    may_build, builds = threading.Event(), list[int]()

    def build_when_allowed(*args: Any, **options: Any) -> Any:
        assert may_build.wait(30)
        builds.append(args[0].event_count)
        return build_picture(*args, **options)

    async with stage.opened(WIDE) as pilot:
        await pilot.press("enter")
        await stage.settle(pilot)
        await pilot.press("j", "j", "j")
        monkeypatch.setattr(picture_loader, "build_picture", build_when_allowed)
        screen = run_screen(stage)
        before, shown = screen._panes.steps.selected, screen._steps.picture
        assert before is not None
        for number in range(4):
            sim.log.append(entered(f"later_{number}", NOON + (10_000 + number) * MILLISECOND))
            stage.session.refresh()
            await wait_until(pilot, lambda: stage.session.index.event_count == len(sim.log))
        screen.action_cursor_down()
        await pilot.pause()
        moved = screen._panes.steps.selected
        assert screen._steps.picture is shown
        assert moved is not None
        assert moved.index != before.index
        may_build.set()
        await stage.settle(pilot)
        # The first of four requests, and the newest.
        assert builds[0] < builds[-1] == len(sim.log)
        assert len(builds) < 4
        now = screen._panes.steps.selected
        assert now is not None
        assert (now.node_id, now.entered_event) == (moved.node_id, moved.entered_event)
        assert "later_3" in shown_nodes(stage)
