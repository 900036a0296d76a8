"""Rows: bytes that the app writes to the terminal, and its response time. All at 80x24."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import cycle, islice, takewhile
from pathlib import Path
from statistics import median

from scaicore_tui.store import Journal
from tests.bench.feed import CORES, RUN_SHOWN, events_of, served
from tests.bench.probes import Press, cursor_moved, first_byte, idle_cost, on_terminal, percentile, press_keys
from tests.bench.registry import Row, Setting, row
from tests.bench.start import REFERENCE, REFERENCE_NAME, RUNS
from tests.bench.volume import journal_of
from tests.support.builders import SECOND, entered, exited
from tests.support.feed_simulator import FeedSim
from tests.support.terminal import DEBUGGER, Terminal

LIVE_SHOWN = "live"


@row("key-bytes", 60)
def key_bytes(setting: Setting) -> Iterator[Row]:
    """Measure the bytes written while moving through the runs."""
    times = setting.size(40, 12)
    with served(FeedSim(events_of(RUNS))) as env, on_terminal(DEBUGGER, env, ready=RUN_SHOWN) as terminal:
        terminal.wait_until(LIVE_SHOWN)
        running = press_keys(terminal, times, "j")
        resting = press_keys(terminal, times // 2, "j", quiet=0.3)
    with on_terminal(REFERENCE, ready=RUN_SHOWN) as terminal:
        bare = press_keys(terminal, times, "down")
    note = f"{REFERENCE_NAME}: {_bytes(bare):,.0f}"
    yield Row("cursor key: bytes", _bytes(running), "bytes", 400, note=note)
    yield Row("cursor key, then a pause (shows nodes): bytes", _bytes(resting), "bytes", 400)


@row("key-time", 70)
def key_time(setting: Setting) -> Iterator[Row]:
    """Measure the response time with few runs, with many, and while summaries are rebuilt."""
    times, event_count = setting.size(200, 10), setting.size(1_000_000, 2_400)
    # One server for both: a journal belongs to the URL that it was first opened with.
    with journal_of(event_count) as journal, served(FeedSim([])) as quiet:
        yield from _at_rest(journal, quiet, times, f"{event_count:,} events")
        yield from _while_rebuilding(journal, quiet, times, f"{event_count:,} events")


def _at_rest(journal: Path, quiet: dict[str, str], times: int, events: str) -> Iterator[Row]:
    """Alternate between few and many runs, so that a busy machine slows both."""
    with (
        served(FeedSim(events_of(RUNS))) as env,
        on_terminal(DEBUGGER, env, ready=RUN_SHOWN) as few,
        on_terminal((*DEBUGGER, "--journal", str(journal)), quiet, ready=RUN_SHOWN) as many,
    ):
        few.wait_until(LIVE_SHOWN)
        many.wait_until(lambda: _is_loaded(many, journal))
        found = [[first_byte(few, key), first_byte(many, key)] for key in islice(cycle("jk"), times)]
    of_few, of_many = zip(*found, strict=True)
    for size, times_ms in ((f"{RUNS} runs", of_few), (events, of_many)):
        yield Row(f"cursor key, {size}: first byte, p50", percentile(times_ms, 0.5), "ms", 4)
        yield Row(f"cursor key, {size}: first byte, p99", percentile(times_ms, 0.99), "ms", 16)
    p50 = percentile(of_many, 0.5)
    yield Row(
        "… compared with few runs", p50, "ms", 1.2, reference=percentile(of_few, 0.5), reference_name=f"{RUNS} runs"
    )


def _while_rebuilding(journal: Path, quiet: dict[str, str], times: int, events: str) -> Iterator[Row]:
    """Measure on a journal of an older version, whose summaries are rebuilt."""
    runs = _runs(journal)
    with Journal.open(journal) as opened, opened.transaction() as database:
        database.execute("UPDATE folding SET version = 0, folded = 0")
    with on_terminal((*DEBUGGER, "--journal", str(journal)), quiet, ready=RUN_SHOWN) as terminal:
        terminal.wait_until(LIVE_SHOWN)
        keys = islice(cycle("jk"), times)
        found = [cursor_moved(terminal, key) for key in takewhile(lambda _: _runs(journal) < runs, keys)]
    if found:
        yield Row(f"cursor key, {events}, rebuilding: moved, p50", percentile(found, 0.5), "ms", 4)
        yield Row(f"cursor key, {events}, rebuilding: moved, p99", percentile(found, 0.99), "ms", 16)


@row("node-bytes", 80)
def node_bytes(setting: Setting) -> Iterator[Row]:
    """Measure the bytes written when one node changes, with the poll that brings the change."""
    sim = FeedSim(events_of(RUNS))
    last, nodes = f"exec_{RUNS - 1:012x}", list(CORES.values())[(RUNS - 1) % len(CORES)]
    byte_counts = []
    with served(sim) as env, on_terminal(DEBUGGER, env, ready=RUN_SHOWN) as terminal:
        for number in range(setting.size(5, 2)):
            terminal.wait_until(lambda: "every" in terminal.text)
            terminal.wait_for_silence(0.2)
            before, at = len(terminal.output), int(time.time()) * SECOND
            change = (exited if number % 2 == 0 else entered)(nodes[-1], at, last)
            sim.log.append(change)
            shown = f"{len(sim.log):,} events"
            terminal.wait_until(lambda shown=shown: shown in terminal.text)  # type: ignore[misc]
            terminal.wait_for_silence(0.1)
            byte_counts.append(len(terminal.output) - before)
    yield Row("one node changed: bytes", median(byte_counts), "bytes", 500)


@row("idle", 90)
def idle(setting: Setting) -> Iterator[Row]:
    """Measure the cost of watching a live server without new events."""
    with served(FeedSim(events_of(RUNS))) as env, on_terminal(DEBUGGER, env, ready=RUN_SHOWN) as terminal:
        terminal.wait_until(LIVE_SHOWN)
        terminal.wait_for_silence(1.0, 3.0)
        # Three steps of the shown ages: with fewer, the result depends on when the measurement begins.
        rate, share = idle_cost(terminal, 30)
    yield Row("idle, live server: bytes per second", rate, "bytes/s", 15)
    yield Row("idle, live server: processor", share, "%", 0.7)


def _is_loaded(terminal: Terminal, journal: Path) -> bool:
    return f" of {_runs(journal):,} " in terminal.text


def _runs(journal: Path) -> int:
    """Return the number of summaries in a journal."""
    with Journal.open_readonly(journal) as read:
        return int(read.query("SELECT count(*) FROM runs")[0][0])


def _bytes(found: list[Press]) -> float:
    """Return the median number of bytes."""
    return median(press.bytes for press in found)
