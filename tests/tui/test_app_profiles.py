"""Switching profiles with `P`: late responses, drafts, and writes in progress of the first profile."""

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


async def test_shows_another_profile_and_closes_the_first(shelf: ProfileSet) -> None:
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


async def test_drops_a_late_response_of_the_first_profile(shelf: ProfileSet) -> None:
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


async def test_cancels_reads_of_the_first_profile(shelf: ProfileSet) -> None:
    async with open_app(shelf) as pilot:
        api = shelf.apis[STAGING]
        asked, api.held = len(api.requests), asyncio.Event()
        await pilot.press("i", "v")
        await wait_until(pilot, lambda: len(api.requests) > asked)
        await switch_profile(pilot, PROD)
        await wait_until_closed(pilot, shelf, STAGING)
        api.held.set()
        await wait_until(pilot, lambda: "exec_prod" in shown_text(pilot))


async def test_a_profile_that_cannot_be_opened_changes_nothing(shelf: ProfileSet) -> None:
    async with open_app(shelf) as pilot:
        shelf.open_error = Conflict("another scaicore-tui is writing to prod.journal", hint="close it")
        await choose_profile(pilot, PROD)
        await wait_until(pilot, lambda: "cannot open prod: another scaicore-tui is writing to" in shown_text(pilot))
        assert session_of(pilot).target.name == STAGING
        asked = len(shelf.apis[STAGING].requests)
        await pilot.press("r")
        await wait_until(pilot, lambda: len(shelf.apis[STAGING].requests) > asked)


async def test_does_not_open_the_current_profile_again(shelf: ProfileSet) -> None:
    async with open_app(shelf) as pilot:
        first = session_of(pilot)
        await choose_profile(pilot, STAGING)
        await wait_until(pilot, lambda: "staging is open already" in shown_text(pilot))
        assert session_of(pilot) is first


async def test_restores_drafts_of_a_parked_profile(shelf: ProfileSet) -> None:
    async with open_app(shelf) as pilot:
        await pilot.press("a", "2", "tab", *"too dear", "escape")
        await switch_profile(pilot, PROD)
        await wait_until_closed(pilot, shelf, STAGING)
        await switch_profile(pilot, STAGING)
        screen = pilot.app.screen
        assert isinstance(screen, MainScreen)
        draft = screen.state.drafts.answer("ckpt_review")
        assert (draft.resolution, draft.comment) == ("reject", "too dear")


async def test_waits_for_a_write_in_progress_and_reports_it(shelf: ProfileSet) -> None:
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


async def test_the_next_session_looks_up_an_unknown_outcome(shelf: ProfileSet) -> None:
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
