"""Rows: costs of many events, in a journal and at the highest rate that the API allows."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scaicore_tui.store import Journal
from tests.bench.ceiling import watch
from tests.bench.feed import RUN_SHOWN, served
from tests.bench.goals import Goal
from tests.bench.ingest import indexed, speed, stall, write_journal
from tests.bench.probes import alternate, on_terminal, resident_mib, time_until_shown
from tests.bench.registry import Row, Setting, row
from tests.bench.start import REFERENCE
from tests.bench.traffic import short_runs, sources
from tests.support.feed_model import try_scripts
from tests.support.feed_simulator import FeedSim
from tests.support.terminal import DEBUGGER

EVENTS, EVENTS_SMALL = 1_000_000, 2_400
RUNS_LISTED, RUNS_LISTED_SMALL = 100_000, 200


@contextmanager
def journal_of(stream: Iterator[bytes]) -> Iterator[Path]:
    """Write a journal of these events; yield its path, and delete it afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.journal"
        write_journal(path, stream)
        yield path


@row("open", 30)
def opening(setting: Setting) -> Iterator[Row]:
    """Measure opening a large journal, until a run is on the screen."""
    events, times = setting.size(EVENTS, EVENTS_SMALL), setting.size(7, 1)
    with journal_of(sources(events)) as path, served(FeedSim([])) as env:
        command = (*DEBUGGER, "--journal", str(path))
        ours, reference = alternate(
            times,
            lambda: time_until_shown(command, env, ready=RUN_SHOWN),
            lambda: time_until_shown(REFERENCE, ready=RUN_SHOWN),
        )
    yield Goal.OPEN.row(ours, "ms", reference, f"{events:,} events")


@row("lines", 40)
def lines(setting: Setting) -> Iterator[Row]:
    """Measure reading the runs of a file of JSON lines."""
    events = setting.size(EVENTS, EVENTS_SMALL)
    found = indexed(events, setting.size(3, 1))
    if found.lnav_seconds is None:
        yield Goal.LINES.without_value(f"lnav is not installed; {events:,} events took {found.seconds:.1f} s")
    else:
        yield Goal.LINES.row(found.seconds, "s", found.lnav_seconds, f"{events:,} events")


@row("ingest", 50)
def ingest(setting: Setting) -> Iterator[Row]:
    """Measure the ingestion of pages into a journal and its runs."""
    found = speed(setting.size(200_000, EVENTS_SMALL))
    yield Goal.INGEST.row(found.json_ms, "ms", found.ingest_ms, f"{found.events_per_second:,.0f} events/s")


@row("memory", 110)
def app_memory(setting: Setting) -> Iterator[Row]:
    """Measure the memory of the app with everything listed: of many events, and of as many short runs."""
    events, runs = setting.size(EVENTS, EVENTS_SMALL), setting.size(RUNS_LISTED, RUNS_LISTED_SMALL)
    for goal, stream in ((Goal.MEMORY_EVENTS, sources(events)), (Goal.MEMORY_RUNS, short_runs(runs))):
        with journal_of(stream) as path, served(FeedSim([])) as env:
            ours, reference = used_mib(path, env)
            yield goal.row(ours, "MiB", reference, f"{stored_runs(path):,} runs")


def used_mib(journal: Path, env: dict[str, str]) -> tuple[float, float]:
    """Return the memory of an app once its list was read to the end and filtered, and that of the bare app."""
    listed = f" of {stored_runs(journal):,} "
    command = (*DEBUGGER, "--journal", str(journal))
    with on_terminal(command, env, ready=RUN_SHOWN) as ours, on_terminal(REFERENCE, ready=RUN_SHOWN) as bare:
        ours.wait_until(listed)
        for keys in (("G",), ("g",), ("/", "timeout", "enter")):
            ours.press(*keys)
            ours.wait_for_silence(1.0)
        bare.wait_for_silence(1.0)
        return resident_mib(ours.pid), resident_mib(bare.pid)


def stored_runs(journal: Path) -> int:
    """Return the number of summaries in a journal."""
    with Journal.open_readonly(journal) as read:
        return int(read.query("SELECT count(*) FROM runs")[0][0])


@row("ceiling", 120)
def ceiling(setting: Setting) -> Iterator[Row]:
    """Follow a feed at 95 % of the rate that the API allows to read, on a clock that jumps to the next due time."""
    found = asyncio.run(watch(float(setting.size(300, 45))))
    for name, count in zip(("lost", "duplicates", "own 429 responses"), found.counts, strict=True):
        yield Row(f"at 95 % of the API's limit: {name}", count, "", 0)


@row("model", 125)
def model(setting: Setting) -> Iterator[Row]:
    """Run sessions on feeds that behave in every way that the API permits; raise the first difference from a model."""
    tried = setting.size(3_000, 20)
    try_scripts(tried)
    yield Row(f"{tried:,} feeds: differences from a model", 0, "", 0)


@row("stall", 130)
def stalled(setting: Setting) -> Iterator[Row]:
    """Measure the longest time for which the app is blocked while many events arrive."""
    found = stall(seconds=float(setting.size(5, 1)), times=setting.size(5, 1))
    yield Goal.STALL.row(found.milliseconds, "ms", found.empty_ms, f"{found.events_per_second:,.0f} events/s")
