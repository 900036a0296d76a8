"""`P`: another profile is opened, and this one is left: what comes late for it, what was begun, what is under way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from scaicore_tui.actions import Progress
from scaicore_tui.errors import Conflict
from scaicore_tui.tui.dialogs.profiles import ProfilesScreen
from scaicore_tui.tui.screens.main import MainScreen
from tests.support.app_stage import until
from tests.support.builders import NOON, SECOND, started
from tests.support.two_profiles import PROD, STAGING, Shelf, choose, is_closed, opened, session_of, switched, text


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


async def test_another_profile_is_shown_and_the_first_one_closed(shelf: Shelf) -> None:
    async with opened(shelf) as pilot:
        await pilot.press("i")
        await pilot.press("P")
        await until(pilot, lambda: isinstance(pilot.app.screen, ProfilesScreen))
        listed = text(pilot)
        assert "open  https://staging.example" in listed
        assert "https://prod.example" in listed
        await pilot.press("G", "enter")
        await until(pilot, lambda: "exec_prod" in text(pilot))
        assert isinstance(pilot.app.screen, MainScreen)
        assert " prod " in text(pilot)
        assert "exec_8f21c4" not in text(pilot)
        await is_closed(pilot, shelf, STAGING)


async def test_a_late_answer_of_the_first_one_is_dropped(shelf: Shelf) -> None:
    async with opened(shelf) as pilot:
        api, first = shelf.apis[STAGING], session_of(pilot)
        known, asked = len(first.journal), len(api.asked)
        api.held = asyncio.Event()
        api.sim.log.append(started(NOON + 80 * SECOND, "exec_late"))
        await pilot.press("r")
        await until(pilot, lambda: len(api.asked) > asked)
        await switched(pilot, PROD)
        api.held.set()
        await is_closed(pilot, shelf, STAGING)
        await until(pilot, lambda: "exec_prod" in text(pilot))
        assert list(session_of(pilot).index.summaries) == ["exec_prod"]
        assert "exec_late" not in text(pilot) + str(list(first.index.summaries))
        with shelf.journal(STAGING) as journal:
            assert len(journal) == known


async def test_what_was_asked_for_and_did_not_come_is_given_up(shelf: Shelf) -> None:
    async with opened(shelf) as pilot:
        api = shelf.apis[STAGING]
        asked, api.held = len(api.asked), asyncio.Event()
        await pilot.press("i", "v")
        await until(pilot, lambda: len(api.asked) > asked)
        await switched(pilot, PROD)
        await is_closed(pilot, shelf, STAGING)
        api.held.set()
        await until(pilot, lambda: "exec_prod" in text(pilot))


async def test_a_profile_that_can_not_be_opened_leaves_all_as_it_is(shelf: Shelf) -> None:
    async with opened(shelf) as pilot:
        shelf.trouble = Conflict("another scaicore-tui is writing to prod.journal", hint="close it")
        await choose(pilot, PROD)
        await until(pilot, lambda: "prod can't be opened: another scaicore-tui is writing to" in text(pilot))
        assert session_of(pilot).target.name == STAGING
        asked = len(shelf.apis[STAGING].asked)
        await pilot.press("r")
        await until(pilot, lambda: len(shelf.apis[STAGING].asked) > asked)


async def test_the_one_that_is_open_is_not_opened_again(shelf: Shelf) -> None:
    async with opened(shelf) as pilot:
        first = session_of(pilot)
        await choose(pilot, STAGING)
        await until(pilot, lambda: "staging is open already" in text(pilot))
        assert session_of(pilot) is first


async def test_what_was_begun_is_there_when_one_comes_back(shelf: Shelf) -> None:
    async with opened(shelf) as pilot:
        await pilot.press("a", "2", "tab", *"too dear", "escape")
        await switched(pilot, PROD)
        await is_closed(pilot, shelf, STAGING)
        await switched(pilot, STAGING)
        screen = pilot.app.screen
        assert isinstance(screen, MainScreen)
        draft = screen.desk.drafts.answer("ckpt_review")
        assert (draft.resolution, draft.comment) == ("reject", "too dear")


async def test_a_write_under_way_is_waited_for_and_told(shelf: Shelf) -> None:
    async with opened(shelf) as pilot:
        api, first = shelf.apis[STAGING], session_of(pilot)
        await pilot.press("a", "1")
        shelf.clock.advance(1)
        api.held = asyncio.Event()
        await pilot.press("enter")
        await until(pilot, lambda: "POST" in api.asked)
        await switched(pilot, PROD)
        await choose(pilot, STAGING)
        await until(pilot, lambda: "staging still waits for the answer to a write" in text(pilot))
        assert session_of(pilot).target.name == PROD
        api.held.set()
        await until(pilot, lambda: "staging: answer approve to ckpt_review: accepted" in text(pilot))
        await is_closed(pilot, shelf, STAGING)
        assert api.asked.count("POST") == 1
        (entry,) = shelf.ledger.entries()
        assert (entry.progress, entry.is_left) == (Progress.ACCEPTED, True)
        assert first.submitter.submissions[0].progress is Progress.ACCEPTED


async def test_what_was_left_open_is_looked_up_by_the_next_session(shelf: Shelf) -> None:
    async with opened(shelf) as pilot:
        await pilot.press("a", "1")
        shelf.clock.advance(1)
        await pilot.press("enter")
        await until(pilot, lambda: "accepted" in text(pilot))
        await switched(pilot, PROD)
        await is_closed(pilot, shelf, STAGING)
        await switched(pilot, STAGING)
        found = session_of(pilot).submitter.submissions
        await until(pilot, lambda: found)
        assert [(one.is_recovered, one.progress) for one in found] == [(True, Progress.ACCEPTED)]
