"""The app shows who else answers a checkpoint or has answered it, and lets the others see an open dialog."""

from __future__ import annotations

from msgspec.structs import replace
from textual.pilot import Pilot

from scaicore_tui.actions.team import POLL_INTERVAL_S
from scaicore_tui.store.shared_ledger import Presence, SharedWrite
from tests.support.app_stage import WIDE, Stage, wait_until
from tests.support.builders import NOON, SECOND
from tests.support.manual_clock import ManualClock
from tests.support.memory_ledger import MemoryLedger
from tests.support.scene import REVIEW, busy_feed

CHECKPOINT = REVIEW["id"]
ANSWER = SharedWrite("sub_9", "answer", CHECKPOINT, "gra\x1bce", "grace@south", "sending", resolution="reject")


def shared_stage(*, read_only: bool = False) -> tuple[Stage, MemoryLedger]:
    clock = ManualClock(NOON / SECOND + 90)
    ledger = MemoryLedger(clock.now)
    return Stage(busy_feed(), read_only=read_only, clock=clock, team=ledger), ledger


async def see(stage: Stage, pilot: Pilot[int], text: str) -> None:
    """Wait until the team's ledger is read again and the screen has the text."""
    await stage.wait(pilot, POLL_INTERVAL_S)
    await wait_until(pilot, lambda: text in stage.text)


async def test_others_are_shown_in_the_rows_and_in_the_dialog_and_see_the_dialog() -> None:
    stage, ledger = shared_stage()
    async with stage.opened(WIDE) as pilot:
        ledger.announce("other", Presence(CHECKPOINT, "gra\x1bce"), 600)
        await see(stage, pilot, "“gra␛ce” is answering")
        await pilot.press("i")
        await stage.settle(pilot)
        assert stage.text.count("“gra␛ce” is answering") == 2
        assert [one.person for one in ledger.present("")] == ["gra\x1bce"]
        await pilot.press("1")
        await wait_until(pilot, lambda: len(ledger.present("")) == 2)
        assert "“gra␛ce” is answering. 1 Approve chosen" in stage.text
        await pilot.press("escape")
        await wait_until(pilot, lambda: len(ledger.present("")) == 1)
        await pilot.press("a")
        await wait_until(pilot, lambda: len(ledger.present("")) == 2)
        assert ledger.present("other")[0].target_id == CHECKPOINT
        assert "“gra␛ce” is answering. nothing is chosen yet" in stage.text

        assert ledger.claim(ANSWER) is None
        await see(stage, pilot, "“gra␛ce” is sending reject")
        ledger.update(replace(ANSWER, progress="accepted"), holds_claim=True)
        await see(stage, pilot, "can't send: already answered: “gra␛ce” answered reject")
        await pilot.press("escape")
        await wait_until(pilot, lambda: len(ledger.present("")) == 1)
        await stage.settle(pilot)
        assert "“gra␛ce” answered reject" in stage.text
        assert "accepted" in stage.text
        assert not any(one.person == "ada" for one in ledger.writes.values())


async def test_a_read_only_session_sees_others_and_is_not_seen() -> None:
    stage, ledger = shared_stage(read_only=True)
    async with stage.opened(WIDE) as pilot:
        ledger.announce("other", Presence(CHECKPOINT, "grace"), 600)
        await see(stage, pilot, "grace is answering")
        await pilot.press("i", "enter")
        await stage.wait(pilot, POLL_INTERVAL_S)
        assert [one.person for one in ledger.present("")] == ["grace"]


async def test_a_ledger_that_is_unreachable_is_reported_and_stops_no_key() -> None:
    stage, ledger = shared_stage()
    ledger.is_away = True
    async with stage.opened(WIDE) as pilot:
        await see(stage, pilot, "the team's ledger is unreachable")
        await pilot.press("i", "a", "escape")
        ledger.is_away = False
        await stage.wait(pilot, POLL_INTERVAL_S)
        await wait_until(pilot, lambda: "unreachable" not in stage.text)
