"""Rows: costs of many events, in a journal and at the highest rate that the API allows."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.ceiling import watch
from tests.bench.feed import RUN_SHOWN, served
from tests.bench.ingest import indexed, memory, speed, stall, write_journal
from tests.bench.probes import alternate, time_until_shown
from tests.bench.registry import Row, Setting, row
from tests.bench.start import REFERENCE, REFERENCE_NAME
from tests.support.feed_model import try_scripts
from tests.support.feed_simulator import FeedSim
from tests.support.terminal import DEBUGGER

EVENTS, EVENTS_SMALL = 1_000_000, 2_400


@contextmanager
def journal_of(events: int) -> Iterator[Path]:
    """Write a journal of `events` events; yield its path, and delete it afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.journal"
        write_journal(path, events)
        yield path


@row("open", 30)
def opening(setting: Setting) -> Iterator[Row]:
    """Measure opening a large journal, until a run is on the screen."""
    events, times = setting.size(EVENTS, EVENTS_SMALL), setting.size(7, 1)
    with journal_of(events) as path, served(FeedSim([])) as env:
        command = (*DEBUGGER, "--journal", str(path))
        ours, reference = alternate(
            times,
            lambda: time_until_shown(command, env, ready=RUN_SHOWN),
            lambda: time_until_shown(REFERENCE, ready=RUN_SHOWN),
        )
    yield Row(
        f"open a journal of {events:,} events", ours, "ms", 1.8, reference=reference, reference_name=REFERENCE_NAME
    )


@row("lines", 40)
def lines(setting: Setting) -> Iterator[Row]:
    """Measure reading the runs of a file of JSON lines."""
    events = setting.size(EVENTS, EVENTS_SMALL)
    found = indexed(events)
    note = "" if found.lnav_seconds is not None else "lnav is not installed"
    name = f"{events:,} events as JSON lines"
    yield Row(name, found.seconds, "s", 1.5, reference=found.lnav_seconds, reference_name="lnav", note=note)


@row("ingest", 50)
def ingest(setting: Setting) -> Iterator[Row]:
    """Measure the ingestion of pages into a journal and its runs."""
    found = speed(setting.size(200_000, EVENTS_SMALL))
    yield Row("journal + reducer", found.events_per_second, "events/s", 60_000, is_minimum=True)
    yield Row("… share of json.loads alone", found.json_share)


@row("memory", 110)
def app_memory(setting: Setting) -> Iterator[Row]:
    """Measure the memory of the app on a large journal."""
    events = setting.size(EVENTS, EVENTS_SMALL)
    with journal_of(events) as path:
        yield Row(f"memory, {events:,} events", memory(path), "MiB", 150)


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
    found = stall(seconds=float(setting.size(10, 2)))
    yield Row(f"longest stall at {found.events_per_second:,.0f} events/s", found.milliseconds, "ms", 16)
