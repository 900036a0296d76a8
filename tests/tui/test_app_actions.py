"""Keys and mouse: answering, continuing, replaying, unavailable keys, read-only sessions, pausing, bursts of keys."""

from __future__ import annotations

import pytest

from scaicore_tui.tui.dialogs.answer import AnswerScreen
from scaicore_tui.tui.dialogs.replay import ReplayScreen
from tests.support.app_stage import SMALL, STANDARD, Stage, screen_lines, wait_until
from tests.support.builders import checkpoint
from tests.support.feed_simulator import FeedSim
from tests.support.scene import BREAKPOINT, REVIEW, busy_feed
from tests.support.write_server import AcceptingServer


def dialog(stage: Stage) -> AnswerScreen | ReplayScreen:
    """Return the open dialog."""
    screen = stage.app.screen
    assert isinstance(screen, AnswerScreen | ReplayScreen)
    return screen


async def test_answer_by_number_with_comment() -> None:
    stage = Stage(busy_feed())
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("a", "3", "tab", *"why?", "enter", *"ok")
        stage.clock.advance(1)
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: server.posts)
        assert server.posts[0][0].endswith("/checkpoints/ckpt_review/resolve")
        assert server.posts[0][1] == b'{"resolution":"more","comment":"why?\\nok"}'


async def test_draft_answer_survives_closing_and_rejection() -> None:
    stage = Stage(busy_feed())
    server = AcceptingServer(stage, 403)
    async with stage.opened() as pilot:
        await pilot.press("a", "2", "tab", *"too dear", "escape", "a")
        stage.clock.advance(1)
        await pilot.press("enter")
        await wait_until(pilot, lambda: server.posts)
        await stage.settle(pilot)
        shown = " ".join(stage.text.replace("esc ok", "").split())
        assert "scaicore:manage is required" in shown
        assert "req_0c7" in shown
        assert server.posts[0][1] == b'{"resolution":"reject","comment":"too dear"}'
        assert stage.screen.state.drafts.answer("ckpt_review").comment == "too dear"


async def test_missing_permission_is_shown_when_the_key_is_pressed() -> None:
    stage = Stage(busy_feed())
    AcceptingServer(stage, 403)
    async with stage.opened() as pilot:
        await pilot.press("a", "1")
        stage.clock.advance(1)
        await pilot.press("enter")
        await wait_until(pilot, lambda: "req_0c7" in stage.text)
        await pilot.press("escape", "j", "j", "a")
        await stage.settle(pilot)
        assert "a: this credential may not answer: “scaicore:manage is required”" in " ".join(stage.text.split())


async def test_continue_key_sends_once() -> None:
    stage = Stage(busy_feed())
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("tab", "tab", "j")
        stage.clock.advance(1)
        await pilot.press("c", "c", "c")
        await wait_until(pilot, lambda: server.posts)
        await stage.settle(pilot)
        assert server.posts == [("/api/v1/scaicore/checkpoints/ckpt_break/resolve", b'{"resolution":"continue"}')]


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ((), "c: no checkpoint is selected"),
        (("tab", "tab"), "c: only a breakpoint can be continued; press a to answer it"),
    ],
)
async def test_unavailable_key_shows_reason(keys: tuple[str, ...], reason: str) -> None:
    stage = Stage(busy_feed())
    async with stage.opened() as pilot:
        stage.clock.advance(1)
        await pilot.press(*keys, "c")
        await stage.settle(pilot)
        assert reason in stage.text


async def test_continue_is_refused_right_after_the_selection_changed() -> None:
    stage = Stage(FeedSim(busy_feed().log, checkpoints=[REVIEW, BREAKPOINT]))
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("tab", "tab")
        stage.sim.checkpoints = [BREAKPOINT]
        await stage.poll(pilot)
        await pilot.press("c")
        await stage.settle(pilot)
        assert "the selection just changed; check it, press c again" in stage.text
        assert not server.posts


async def test_read_only_disables_write_keys() -> None:
    stage = Stage(busy_feed(), read_only=True)
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        stage.clock.advance(1)
        await pilot.press("a", "c", "R", "e", "R", "tab", "tab", "a", "c")
        await stage.settle(pilot)
        assert stage.app.screen is stage.screen
        assert "read-only" in stage.text
        assert "replay" not in stage.lines[-1]
        assert not server.posts


async def test_replay_asks_for_confirmation_and_invokes_once() -> None:
    stage = Stage(busy_feed())
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("e", "R", "enter")
        assert isinstance(dialog(stage), ReplayScreen)
        shown = "\n".join(screen_lines(stage.app))
        assert "plugins are called again" in shown
        stage.clock.advance(1)
        await pilot.press("enter", "enter", "enter")
        await wait_until(pilot, lambda: server.posts)
        assert server.posts == [
            ("/api/v1/scaicore/cores/core_invoice-batch/invoke", b'{"input":{"invoices": [1, 2, 3]}}')
        ]


async def test_all_options_can_be_scrolled_to() -> None:
    options = [f"option-{number}" for number in range(1, 13)]
    sim = FeedSim(busy_feed().log, checkpoints=[checkpoint(options=options)])
    stage = Stage(sim)
    async with stage.opened() as pilot:
        await pilot.press("a", "down", "up", "1", "2")
        await pilot.pause()
        text = "\n".join(screen_lines(stage.app))
        assert "enter sends option-12" in text
        for _ in options:
            await pilot.press("up")
        seen = {option for option in options if option in "\n".join(screen_lines(stage.app))}
        for _ in options:
            await pilot.press("down")
            await pilot.pause()
            seen |= {option for option in options if option in "\n".join(screen_lines(stage.app))}
        assert seen == set(options)


async def test_answer_with_the_mouse() -> None:
    stage = Stage(busy_feed())
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await stage.click_run(pilot, "exec_77aa02")
        await wait_until(pilot, lambda: "a answer" in stage.lines[-1])
        await stage.click(pilot, "a answer")
        stage.clock.advance(1)
        await stage.click(pilot, "2 Reject")
        await stage.click(pilot, "enter send")
        await wait_until(pilot, lambda: server.posts)
        assert server.posts[0][1] == b'{"resolution":"reject"}'


async def test_keys_of_a_burst_go_to_the_field_that_an_earlier_key_opened() -> None:
    stage = Stage(busy_feed())
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("j")
        stage.clock.advance(1)
        stage.press_fast("slash", *"core_a")
        await wait_until(pilot, lambda: "/core_a" in stage.text or server.posts)
        assert not server.posts
        assert stage.app.screen is stage.screen


async def test_background_work_yields_to_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(busy_feed())
    yields: list[bool] = []
    monkeypatch.setattr(stage.session, "yield_to_ui", lambda *, to_key: yields.append(to_key))
    async with stage.opened() as pilot:
        stage.press_fast("j", "j", "k")
        await wait_until(pilot, lambda: yields[-1:] == [False])
        assert yields == [True, True, True, False]
        assert "Runs  2 of 26" in stage.text


async def test_burst_through_the_filter_acts_on_the_filtered_run() -> None:
    stage = Stage(busy_feed())
    async with stage.opened() as pilot:
        stage.press_fast("slash", *"bank", "enter", "R")
        await wait_until(pilot, lambda: isinstance(stage.app.screen, ReplayScreen))
        screen = dialog(stage)
        assert isinstance(screen, ReplayScreen)
        assert screen.source_run.execution_id == "exec_5b0c11"


async def test_burst_into_a_dialog_is_typed_into_its_comment() -> None:
    stage = Stage(busy_feed())
    async with stage.opened() as pilot:
        stage.press_fast("a", "1", "tab", *"reject-me")
        await wait_until(pilot, lambda: "reject-me" in "".join(screen_lines(stage.app)))
        screen = dialog(stage)
        assert isinstance(screen, AnswerScreen)
        assert screen.resolution == "approve"


async def test_answer_to_a_checkpoint_resolved_elsewhere_is_not_sent() -> None:
    stage = Stage(busy_feed())
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("a", "1")
        stage.sim.checkpoints = [BREAKPOINT]
        stage.clock.advance(5)
        await wait_until(pilot, lambda: len(stage.session.checkpoints) == 1)
        await pilot.pause()
        assert "no longer pending" in "\n".join(screen_lines(stage.app))
        await pilot.press("enter")
        await pilot.pause()
        assert not server.posts


async def test_pause_stops_polling_and_r_still_refreshes_once() -> None:
    stage = Stage(busy_feed())
    async with stage.opened() as pilot:
        await pilot.press("p")
        requests = len(stage.sim.requests)
        await stage.wait(pilot, 60)
        assert len(stage.sim.requests) == requests
        assert "paused 1m · p resumes" in stage.lines[0]
        await pilot.press("r")
        await wait_until(pilot, lambda: len(stage.sim.requests) > requests)
        await pilot.press("p")
        await stage.poll(pilot)
        assert "live" in stage.lines[0]


async def test_hostile_text_is_shown_as_text() -> None:
    hostile = "[@click=app.quit]x[/] \x1b]52;c;aGk=\x07 \x9b2J [/"
    sim = busy_feed()
    sim.checkpoints = [checkpoint("ckpt_x", presentation={"title": hostile, "message": hostile}, options=[hostile])]
    stage = Stage(sim)
    async with stage.opened() as pilot:
        await pilot.press("a")
        await pilot.pause()
        shown = "\n".join(screen_lines(stage.app))
        assert "[@click=app.quit]x[/]" in shown
        assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in shown.replace("\n", ""))
        await pilot.press("escape", "tab", "tab")
        await stage.settle(pilot)
        assert "[@click=app.quit]" in stage.text


@pytest.mark.parametrize("size", [STANDARD, SMALL])
async def test_help_lists_the_keys_of_the_current_context(size: tuple[int, int]) -> None:
    stage = Stage(busy_feed())
    async with stage.opened(size) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        assert "Keys · runs" in "\n".join(screen_lines(stage.app))
        await pilot.press("q")
        await pilot.press("tab", "question_mark")
        await pilot.pause()
        assert "Keys · nodes" in "\n".join(screen_lines(stage.app))
