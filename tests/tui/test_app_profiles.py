"""`P`: another profile is opened, and this one is left: what comes late for it, what was begun, what is under way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from scaicore_tui.actions import Progress
from scaicore_tui.errors import Conflict
from scaicore_tui.tui.dialogs.profiles import ProfilesScreen
from scaicore_tui.tui.screens.main import MainScreen
from tests.support.app_stage import wait_until
from tests.support.builders import NOON, SECOND, started
from tests.support.two_profiles import (
    PROD,
    STAGING,
    ProfileSet,
    choose_profile,
    open_app,
    session_of,
    shown_text,
    switch_profile,
    wait_until_closed,
)


@pytest.fixture
def shelf(tmp_path: Path) -> ProfileSet:
    return ProfileSet(tmp_path)


async def test_another_profile_is_shown_and_the_first_one_closed(shelf: ProfileSet) -> None:
    async with open_app(shelf) as pilot:
        await pilot.press("i")
        await pilot.press("P")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, ProfilesScreen))
        listed = shown_text(pilot)
        assert "open  https://staging.example" in listed
        assert "https://prod.example" in listed
        await pilot.press("G", "enter")
        await wait_until(pilot, lambda: "exec_prod" in shown_text(pilot))
        assert isinstance(pilot.app.screen, MainScreen)
        assert " prod " in shown_text(pilot)
        assert "exec_8f21c4" not in shown_text(pilot)
        await wait_until_closed(pilot, shelf, STAGING)


async def test_a_late_answer_of_the_first_one_is_dropped(shelf: ProfileSet) -> None:
    async with open_app(shelf) as pilot:
        api, first = shelf.apis[STAGING], session_of(pilot)
        known, asked = len(first.journal), len(api.requests)
        api.held = asyncio.Event()
        api.sim.log.append(started(NOON + 80 * SECOND, "exec_late"))
        await pilot.press("r")
        await wait_until(pilot, lambda: len(api.requests) > asked)
        await switch_profile(pilot, PROD)
        api.held.set()
        await wait_until_closed(pilot, shelf, STAGING)
        await wait_until(pilot, lambda: "exec_prod" in shown_text(pilot))
        assert list(session_of(pilot).index.summaries) == ["exec_prod"]
        assert "exec_late" not in shown_text(pilot) + str(list(first.index.summaries))
        with shelf.journal(STAGING) as journal:
            assert len(journal) == known


async def test_what_was_asked_for_and_did_not_come_is_given_up(shelf: ProfileSet) -> None:
    async with open_app(shelf) as pilot:
        api = shelf.apis[STAGING]
        asked, api.held = len(api.requests), asyncio.Event()
        await pilot.press("i", "v")
        await wait_until(pilot, lambda: len(api.requests) > asked)
        await switch_profile(pilot, PROD)
        await wait_until_closed(pilot, shelf, STAGING)
        api.held.set()
        await wait_until(pilot, lambda: "exec_prod" in shown_text(pilot))


async def test_a_profile_that_can_not_be_opened_leaves_all_as_it_is(shelf: ProfileSet) -> None:
    async with open_app(shelf) as pilot:
        shelf.open_error = Conflict("another scaicore-tui writes prod.journal", hint="close it")
        await choose_profile(pilot, PROD)
        await wait_until(pilot, lambda: "cannot open prod: another scaicore-tui writes" in shown_text(pilot))
        assert session_of(pilot).target.name == STAGING
        asked = len(shelf.apis[STAGING].requests)
        await pilot.press("r")
        await wait_until(pilot, lambda: len(shelf.apis[STAGING].requests) > asked)


async def test_the_one_that_is_open_is_not_opened_again(shelf: ProfileSet) -> None:
    async with open_app(shelf) as pilot:
        first = session_of(pilot)
        await choose_profile(pilot, STAGING)
        await wait_until(pilot, lambda: "staging is open already" in shown_text(pilot))
        assert session_of(pilot) is first


async def test_what_was_begun_is_there_when_one_comes_back(shelf: ProfileSet) -> None:
    async with open_app(shelf) as pilot:
        await pilot.press("a", "2", "tab", *"too dear", "escape")
        await switch_profile(pilot, PROD)
        await wait_until_closed(pilot, shelf, STAGING)
        await switch_profile(pilot, STAGING)
        screen = pilot.app.screen
        assert isinstance(screen, MainScreen)
        draft = screen.state.drafts.answer("ckpt_review")
        assert (draft.resolution, draft.comment) == ("reject", "too dear")


async def test_a_write_under_way_is_waited_for_and_told(shelf: ProfileSet) -> None:
    async with open_app(shelf) as pilot:
        api, first = shelf.apis[STAGING], session_of(pilot)
        await pilot.press("a", "1")
        shelf.clock.advance(1)
        api.held = asyncio.Event()
        await pilot.press("enter")
        await wait_until(pilot, lambda: "POST" in api.requests)
        await switch_profile(pilot, PROD)
        await choose_profile(pilot, STAGING)
        await wait_until(pilot, lambda: "staging still waits for the response to a write" in shown_text(pilot))
        assert session_of(pilot).target.name == PROD
        api.held.set()
        await wait_until(pilot, lambda: "staging: answer approve to ckpt_review: accepted" in shown_text(pilot))
        await wait_until_closed(pilot, shelf, STAGING)
        assert api.requests.count("POST") == 1
        (entry,) = shelf.ledger.entries()
        assert (entry.progress, entry.is_left) == (Progress.ACCEPTED, True)
        assert first.submitter.submissions[0].progress is Progress.ACCEPTED


async def test_what_was_left_open_is_looked_up_by_the_next_session(shelf: ProfileSet) -> None:
    async with open_app(shelf) as pilot:
        await pilot.press("a", "1")
        shelf.clock.advance(1)
        await pilot.press("enter")
        await wait_until(pilot, lambda: "accepted" in shown_text(pilot))
        await switch_profile(pilot, PROD)
        await wait_until_closed(pilot, shelf, STAGING)
        await switch_profile(pilot, STAGING)
        found = session_of(pilot).submitter.submissions
        await wait_until(pilot, lambda: found)
        assert [(one.is_recovered, one.progress) for one in found] == [(True, Progress.ACCEPTED)]
