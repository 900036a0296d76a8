"""Rows: what much costs: events as fast as the API has them, and a journal of a million."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.ceiling import watch
from tests.bench.feed import A_ROW, served
from tests.bench.ingest import indexed, memory, speed, stall, write_journal
from tests.bench.probes import in_turns, opened
from tests.bench.registry import Row, Setting, row
from tests.bench.start import A_TABLE, BARE
from tests.support.feed_model import try_scripts
from tests.support.feed_simulator import FeedSim
from tests.support.terminal import DEBUGGER

MILLION, FEW = 1_000_000, 2_400


@contextmanager
def journal_of(events: int) -> Iterator[Path]:
    """A journal of so many events, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.journal"
        write_journal(path, events)
        yield path


@row("open", 30)
def opening(setting: Setting) -> Iterator[Row]:
    """Opening a large journal, until a run is on the screen."""
    events, times = setting.size(MILLION, FEW), setting.size(7, 1)
    with journal_of(events) as path, served(FeedSim([])) as env:
        command = (*DEBUGGER, "--journal", str(path))
        ours, least = in_turns(times, lambda: opened(command, env, ready=A_ROW), lambda: opened(BARE, ready=A_ROW))
    yield Row(f"open a journal of {events:,} events", ours, "ms", 1.8, least=least, beside=A_TABLE)


@row("lines", 40)
def lines(setting: Setting) -> Iterator[Row]:
    """A file of JSON lines, until its runs are known."""
    events = setting.size(MILLION, FEW)
    found = indexed(events)
    note = "" if found.lnav_seconds is not None else "lnav is not installed"
    name = f"{events:,} events as JSON lines"
    yield Row(name, found.seconds, "s", 1.5, least=found.lnav_seconds, beside="lnav", note=note)


@row("ingest", 50)
def ingest(setting: Setting) -> Iterator[Row]:
    """From the body of a page to runs and a journal."""
    found = speed(setting.size(200_000, FEW))
    yield Row("journal + fold", found.events_per_second, "events/s", 60_000, at_least=True)
    yield Row("… the share of json.loads alone", found.json_share)


@row("memory", 110)
def held(setting: Setting) -> Iterator[Row]:
    """What the app holds on a large journal."""
    events = setting.size(MILLION, FEW)
    with journal_of(events) as path:
        yield Row(f"memory, {events:,} events", memory(path), "MiB", 150)


@row("ceiling", 120)
def ceiling(setting: Setting) -> Iterator[Row]:
    """A feed at 95 % of what the API allows to read, on a clock that skips what it need not wait for."""
    found = asyncio.run(watch(float(setting.size(300, 45))))
    for name, count in zip(("lost", "doubled", "own 429s"), found.counts, strict=True):
        yield Row(f"at 95 % of the ceiling: {name}", count, "", 0)


@row("model", 125)
def model(setting: Setting) -> Iterator[Row]:
    """Feeds that misbehave in every way that the API leaves open; one that shows a difference is raised."""
    tried = setting.size(3_000, 20)
    try_scripts(tried)
    yield Row(f"{tried:,} feeds against a model: lost or doubled", 0, "", 0)


@row("stall", 130)
def stalled(setting: Setting) -> Iterator[Row]:
    """How long the app may stand still while much comes in."""
    found = stall(seconds=float(setting.size(10, 2)))
    yield Row(f"longest stall at {found.events_per_second:,.0f} events/s", found.milliseconds, "ms", 16)
