"""A process killed at any time leaves a journal with all events that it has shown, and matching summaries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scaicore_tui.runs.cache import project
from scaicore_tui.runs.summary import summary_of
from scaicore_tui.store import Journal, JournalWriter
from scaicore_tui.store.summaries import Summaries

pytestmark = pytest.mark.usefixtures("no_documented_limit")

# Poll a feed that gets new events with every request. Print each updated run with its number of events.
POLLING_SCRIPT = """
import asyncio, itertools, sys
from pathlib import Path
from scaicore_tui.store.summaries import Summaries
from scaicore_tui.store import Journal
from scaicore_tui.session import Session
from scaicore_tui.protocol import decode_event
from scaicore_tui.store.summaries import Summaries
from tests.bench.traffic import sources
from tests.support.feed_simulator import FeedSim

stream = map(decode_event, sources(1_000_000))
sim = FeedSim(list(itertools.islice(stream, 700)), page_size=120)
sim.arrive = lambda: sim.log.extend(itertools.islice(stream, 90))
client = sim.client()
client.budget.limit = 10**9
session = Session(client.target, Journal.open(Path(sys.argv[1])), client=client, backfill=2_000)

def show(delta):
    for key, summary in delta.upserted.items():
        print(key, summary.event_count, flush=True)

async def main():
    session.subscribe(show)
    async with session:
        while True:
            await session.read_once()

asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [1, 60, 400, 1_500])
def test_a_killed_process_loses_nothing_that_was_shown(lines: int, tmp_path: Path) -> None:
    path = tmp_path / "j"
    shown: dict[str, int] = {}
    with subprocess.Popen(
        [sys.executable, "-c", POLLING_SCRIPT, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for number, line in enumerate(process.stdout, 1):
            if number == lines:
                process.kill()
            if line.endswith("\n"):
                execution_id, count = line.split()
                shown[execution_id] = max(shown.get(execution_id, 0), int(count))
    assert len(shown) >= min(lines, 20)
    with Journal.open(path) as journal:
        assert not [key for key, count in shown.items() if len(list(journal.history(key))) < count]
        raws = [event.raw for event in journal.events()]
        assert len(raws) == len(set(raws))
        writer = JournalWriter(journal)
        writer.prepare()
        while writer.rebuild_missing() is not None:
            pass
        summaries = list(Summaries(journal).all_newest_first())
        assert shown.keys() <= {summary.execution_id for summary in summaries}
        for summary in summaries:
            run, position = project(summary.execution_id, journal.history(summary.execution_id))
            assert position is not None
            assert summary == summary_of(run, position)
