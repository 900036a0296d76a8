"""Switching profiles with `P`: late responses, drafts, and writes in progress of the first profile."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from scaicore_tui.actions import Progress
from scaicore_tui.errors import Conflict
from scaicore_tui.tui.dialogs.profiles import ProfilesScreen
from scaicore_tui.tui.screens.main import MainScreen
from tests.support import stored
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
def profiles(tmp_path: Path) -> ProfileSet:
    return ProfileSet(tmp_path)


async def test_shows_another_profile_and_closes_the_first(profiles: ProfileSet) -> None:
    async with open_app(profiles) as pilot:
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
        await wait_until_closed(pilot, profiles, STAGING)


async def test_drops_a_late_response_of_the_first_profile(profiles: ProfileSet) -> None:
    async with open_app(profiles) as pilot:
        api, first = profiles.apis[STAGING], session_of(pilot)
        event_count, requests = len(first.journal), len(api.requests)
        api.held = asyncio.Event()
        api.sim.log.append(started(NOON + 80 * SECOND, "exec_late"))
        await pilot.press("r")
        await wait_until(pilot, lambda: len(api.requests) > requests)
        await switch_profile(pilot, PROD)
        api.held.set()
        await wait_until_closed(pilot, profiles, STAGING)
        await wait_until(pilot, lambda: "exec_prod" in shown_text(pilot))
        assert stored.ids(session_of(pilot).stored_runs) == ["exec_prod"]
        assert "exec_late" not in shown_text(pilot)
        assert first.index.get("exec_late") is None
        with profiles.journal(STAGING) as journal:
            assert len(journal) == event_count


async def test_cancels_reads_of_the_first_profile(profiles: ProfileSet) -> None:
    async with open_app(profiles) as pilot:
        api = profiles.apis[STAGING]
        requests, api.held = len(api.requests), asyncio.Event()
        await pilot.press("i", "v")
        await wait_until(pilot, lambda: len(api.requests) > requests)
        await switch_profile(pilot, PROD)
        await wait_until_closed(pilot, profiles, STAGING)
        api.held.set()
        await wait_until(pilot, lambda: "exec_prod" in shown_text(pilot))


async def test_a_profile_that_cannot_be_opened_changes_nothing(profiles: ProfileSet) -> None:
    async with open_app(profiles) as pilot:
        profiles.open_error = Conflict("another scaicore-tui is writing to prod.journal", hint="close it")
        await choose_profile(pilot, PROD)
        await wait_until(pilot, lambda: "cannot open prod: another scaicore-tui is writing to" in shown_text(pilot))
        assert session_of(pilot).target.name == STAGING
        requests = len(profiles.apis[STAGING].requests)
        await pilot.press("r")
        await wait_until(pilot, lambda: len(profiles.apis[STAGING].requests) > requests)


async def test_does_not_open_the_current_profile_again(profiles: ProfileSet) -> None:
    async with open_app(profiles) as pilot:
        first = session_of(pilot)
        await choose_profile(pilot, STAGING)
        await wait_until(pilot, lambda: "staging is open already" in shown_text(pilot))
        assert session_of(pilot) is first


async def test_restores_drafts_of_a_parked_profile(profiles: ProfileSet) -> None:
    async with open_app(profiles) as pilot:
        await pilot.press("a", "2", "tab", *"too dear", "escape")
        await switch_profile(pilot, PROD)
        await wait_until_closed(pilot, profiles, STAGING)
        await switch_profile(pilot, STAGING)
        screen = pilot.app.screen
        assert isinstance(screen, MainScreen)
        draft = screen.state.drafts.answer("ckpt_review")
        assert (draft.resolution, draft.comment) == ("reject", "too dear")


async def test_waits_for_a_write_in_progress_and_reports_it(profiles: ProfileSet) -> None:
    async with open_app(profiles) as pilot:
        api, first = profiles.apis[STAGING], session_of(pilot)
        await pilot.press("a", "1")
        profiles.clock.advance(1)
        api.held = asyncio.Event()
        await pilot.press("enter")
        await wait_until(pilot, lambda: "POST" in api.requests)
        await switch_profile(pilot, PROD)
        await choose_profile(pilot, STAGING)
        await wait_until(pilot, lambda: "staging still waits for the response to a write" in shown_text(pilot))
        assert session_of(pilot).target.name == PROD
        api.held.set()
        await wait_until(pilot, lambda: "staging: answer approve: accepted · “Review needed" in shown_text(pilot))
        await wait_until_closed(pilot, profiles, STAGING)
        assert api.requests.count("POST") == 1
        (entry,) = profiles.ledger.entries()
        assert (entry.progress, entry.is_left) == (Progress.ACCEPTED, True)
        assert first.submitter.submissions[0].progress is Progress.ACCEPTED


async def test_the_next_session_looks_up_an_unknown_outcome(profiles: ProfileSet) -> None:
    async with open_app(profiles) as pilot:
        await pilot.press("a", "1")
        profiles.clock.advance(1)
        await pilot.press("enter")
        await wait_until(pilot, lambda: "accepted" in shown_text(pilot))
        await switch_profile(pilot, PROD)
        await wait_until_closed(pilot, profiles, STAGING)
        await switch_profile(pilot, STAGING)
        found = session_of(pilot).submitter.submissions
        await wait_until(pilot, lambda: found)
        assert [(one.is_recovered, one.progress) for one in found] == [(True, Progress.ACCEPTED)]
