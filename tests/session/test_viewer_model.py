"""Compares a viewer that follows a random feed, with random interruptions, with a new reading of the journal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from scaicore_tui.export.documents import run_document
from scaicore_tui.protocol import Event
from scaicore_tui.runs import RunStatus
from scaicore_tui.runs.cache import project
from scaicore_tui.session.viewer import ViewerSession
from scaicore_tui.store import Journal, JournalWriter, OpenGap, changes, retention
from scaicore_tui.store.change_log import require_reload
from tests.support.builders import MILLISECOND, NOON, completed, entered, event, exited, read_row, started
from tests.support.server_journals import ServerJournals
from tests.support.viewers import recorded, viewer_on

STEPS_PER_SCRIPT = 30
SCRIPTS = 16


class RandomRecorder:
    """Writes random events of a few runs into a journal, and removes old ones."""

    def __init__(self, writer: JournalWriter, journal: Journal, random: Random) -> None:
        self._writer = writer
        self._journal = journal
        self._random = random
        self._at = NOON
        self._number = 0
        self._gaps: list[OpenGap] = []
        self._last: list[Event] = []
        writer.begin_history("c", NOON)

    def step(self) -> None:
        """Write something."""
        random = self._random
        kinds = [self.append] * 4 + [self.open_gap, self.fill_gap, self.prepend, self.prune, self.wait, self.lose]
        random.choice(kinds)()

    def append(self) -> None:
        self._last = self._events(self._random.randint(1, 9))
        self._writer.append_new(self._last + self._random.choice([[], self._last[:1]]))

    def open_gap(self) -> None:
        _, gap = self._writer.append_above_gap(self._events(3), self._at, "c")
        self._gaps.append(gap)

    def fill_gap(self) -> None:
        if not self._gaps:
            return
        self._writer.fill_gap(self._gaps[-1], self._events(3), "d")
        if self._random.random() < 0.5:
            self._writer.close_gap(self._gaps.pop(), is_filled=self._random.random() < 0.5)

    def prepend(self) -> None:
        self._writer.prepend_history(self._events(4), "d")

    def lose(self) -> None:
        self._writer.append_new(self._events(self._random.randint(0, 2)), gap_found_at=self._at)

    def prune(self) -> None:
        pruning = self._writer.start_retention(self._at - 9 * MILLISECOND, None)
        while self._writer.prune_batch(pruning) is not None:
            pass

    def wait(self) -> None:
        runs = self._random.sample(range(max(1, self._number)), min(2, self._number))
        self._writer.save_pending([read_row(identity=f"c{n}", execution_id=f"exec_{n}") for n in runs])

    def reload(self) -> None:
        with self._journal.transaction() as database:
            require_reload(database)

    def _events(self, count: int) -> list[Event]:
        return [self._event() for _ in range(count)]

    def _event(self) -> Event:
        self._at += MILLISECOND
        self._number += self._random.random() < 0.3
        run = f"exec_{self._random.randint(max(0, self._number - 8), self._number)}"
        make = self._random.choice([started, completed, completed, None, None])
        if make is not None:
            return make(self._at, run)
        if self._random.random() < 0.1:
            return event("custom.note", self._at, execution=None)
        return self._random.choice([entered, exited])("n", self._at, run)


def state_of(viewer: ViewerSession) -> dict[str, Any]:
    """Return all that a viewer shows."""
    index = viewer.index
    return {
        "order": list(index.order),
        "by_status": {status: list(index.by_status[status]) for status in RunStatus},
        "changes": [(position, index.changes.time_of(position)) for position in index.changes],
        "gaps": index.gaps,
        "events": index.event_count,
        "last": index.last_position,
        "pending": viewer.checkpoints,
    }


def run_in(viewer: ViewerSession, key: str) -> object:
    run = viewer.index.runs.get(key)
    return None if run is None else run_document(run)


async def compare(viewer: ViewerSession, fresh: ViewerSession, journal: Journal, opened: Sequence[str]) -> None:
    """Compare a viewer with one that has just begun, and its open runs with the events in the journal."""
    await viewer.read_once()
    await fresh.read_once()
    assert state_of(viewer) == state_of(fresh)
    assert viewer.index.event_count == len(journal.query("SELECT 1 FROM events"))
    for key in opened:
        run, first = project(key, journal.history(key))
        summary = viewer.index.get(key)
        assert (summary is None) == (first is None), key
        if summary is not None:
            run.status = summary.status
            assert run_in(viewer, key) == run_document(run), key


@pytest.mark.parametrize("seed", range(SCRIPTS))
async def test_a_viewer_knows_the_same_as_one_that_begins_now(
    seed: int, server_journals: ServerJournals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MIN_KEPT_EVENTS", 10)
    # Every third viewer reads all again now and then, as one that was away for long.
    monkeypatch.setattr(changes, "MAX_CHANGED_RUNS", 9 if seed % 3 == 0 else 1_000)
    random, place, opened = Random(seed), server_journals.place(tmp_path), list[str]()  # noqa: S311
    with recorded(place) as writer:
        journal = writer._journal
        recorder = RandomRecorder(writer, journal, random)
        async with viewer_on(place) as viewer, viewer_on(place) as fresh:
            await viewer.read_once()
            for _ in range(STEPS_PER_SCRIPT):
                recorder.step()
                match random.randint(0, 19):
                    case 0:
                        viewer._follower._source.close()  # the connection is lost
                    case 1 if seed % 3 == 0:
                        recorder.reload()
                    case number if number > 12:
                        await viewer.read_once()
                        known = [key for n in range(recorder._number) if viewer.index.get(key := f"exec_{n}")]
                        opened = random.sample(known, min(3, len(known)))
                        for key in opened:
                            run_in(viewer, key)
                        for key in opened[:1]:
                            viewer.index.follow(key)
            await compare(viewer, fresh, journal, opened)
