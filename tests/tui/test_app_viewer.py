"""The app as a viewer of a journal on a server: new pages, an open run, the recorder's health, a lost server."""

from __future__ import annotations

from pathlib import Path

from textual.pilot import Pilot

from scaicore_tui.session.remembered_screen import RememberedScreen
from scaicore_tui.tui import DebuggerApp
from tests.support.app_stage import WIDE, screen_lines
from tests.support.builders import NOON, SECOND, completed, entered, read_row, started
from tests.support.manual_clock import ManualClock
from tests.support.server_journals import ServerJournals
from tests.support.viewers import TARGET, put_recorder, recorded, viewer_on
from tests.support.waiting import wait_until


async def test_the_app_follows_a_journal_that_another_process_records(
    server_journals: ServerJournals, tmp_path: Path
) -> None:
    place = server_journals.place(tmp_path)
    with recorded(place) as writer:
        writer.append_new([started(), started(NOON + 1, "exec_2")])
        writer.save_pending([read_row(execution_id="exec_2")])
        put_recorder(place)
        clock = ManualClock(NOON / SECOND + 90)
        viewer = viewer_on(place, clock)
        viewer.screen = RememberedScreen(None, TARGET.title, TARGET.ui)
        app = DebuggerApp(viewer, banner="team")

        async def shows(pilot: Pilot[int], *texts: str) -> None:
            def is_shown() -> bool:
                clock.advance(0.01)
                return all(text in "\n".join(screen_lines(app)) for text in texts)

            await wait_until(is_shown)
            await pilot.pause()

        async with viewer, app.run_test(size=WIDE) as pilot:
            await shows(pilot, "● live", "by record on host-a", "exec_2", "2 events", "1 waiting")
            writer.append_new([entered("triage", NOON + 2), completed(NOON + 3, "exec_2")])
            writer.save_pending([])
            await shows(pilot, "4 events", "0 waiting", "1 running")
            await pilot.press("g", "enter")
            writer.append_new([entered("reply", NOON + 4)])
            await shows(pilot, "reply")
            put_recorder(place, seen_s=130, polled_s=130)
            viewer.refresh()
            await shows(pilot, "? stale 2m", "recorder silent for 2m")
