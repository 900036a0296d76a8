"""Rows: bytes that the app writes to the terminal, and its response time. All at 80x24."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice, takewhile
from pathlib import Path
from statistics import median

from scaicore_tui.store import Journal
from tests.bench.feed import CORES, RUN_SHOWN, events_of, served
from tests.bench.goals import BARE, OWN_P50, Goal
from tests.bench.probes import Press, cursor_moved, first_byte, idle_costs, on_terminal, percentile, press_keys
from tests.bench.registry import Row, Setting, row
from tests.bench.start import REFERENCE, RUNS
from tests.bench.traffic import sources
from tests.bench.volume import journal_of, stored_runs
from tests.support.builders import SECOND, entered, exited
from tests.support.feed_simulator import FeedSim
from tests.support.terminal import DEBUGGER, Terminal

LIVE_SHOWN = "live"
# Key presses that are not counted: shortly after its start the app loads the modules of other screens.
WARM_UP = 16


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
    yield Goal.KEY_BYTES.row(_bytes(running), "bytes", note=f"{BARE}: {_bytes(bare):,.0f}")
    yield Goal.REST_BYTES.row(_bytes(resting), "bytes")


@row("key-time", 70)
def key_time(setting: Setting) -> Iterator[Row]:
    """Measure the response time with few runs, with many, and while summaries are rebuilt."""
    times, event_count = setting.size(200, 10), setting.size(1_000_000, 2_400)
    # One server for both: a journal belongs to the URL that it was first opened with.
    with journal_of(sources(event_count)) as journal, served(FeedSim([])) as quiet, few_runs() as few:
        yield from _at_rest(few, journal, quiet, times)
        yield from _while_rebuilding(few, journal, quiet, times)


@contextmanager
def few_runs() -> Iterator[Terminal]:
    """Run the app on a live server with few runs."""
    with served(FeedSim(events_of(RUNS))) as env, on_terminal(DEBUGGER, env, ready=RUN_SHOWN) as terminal:
        terminal.wait_until(LIVE_SHOWN)
        yield terminal


def _at_rest(few: Terminal, journal: Path, quiet: dict[str, str], times: int) -> Iterator[Row]:
    """Press keys in three programs in turn, so that a busy machine slows all of them."""
    with (
        on_terminal((*DEBUGGER, "--journal", str(journal)), quiet, ready=RUN_SHOWN) as many,
        on_terminal(REFERENCE, ready=RUN_SHOWN) as bare,
    ):
        many.wait_until(lambda: _is_loaded(many, journal))
        keys = islice(cycle(("down", "up")), WARM_UP + times)
        found = [[first_byte(terminal, key) for terminal in (few, many, bare)] for key in keys][WARM_UP:]
    of_few, of_many, of_bare = zip(*found, strict=True)
    bare_ms, few_ms, many_ms = (percentile(each, 0.5) for each in (of_bare, of_few, of_many))
    note = f"{stored_runs(journal):,} runs"
    yield Goal.KEY_FEW.row(few_ms, "ms", bare_ms, f"{RUNS} runs")
    yield Goal.KEY_FEW_P99.row(percentile(of_few, 0.99), "ms", few_ms)
    yield Goal.KEY_MANY.row(many_ms, "ms", bare_ms, note)
    yield Goal.KEY_MANY_P99.row(percentile(of_many, 0.99), "ms", many_ms)
    yield Row("… of the bare app, p99", percentile(of_bare, 0.99), "ms", reference=bare_ms, reference_name=OWN_P50)
    yield Goal.KEY_SIZES.row(many_ms, "ms", few_ms)


def _while_rebuilding(few: Terminal, journal: Path, quiet: dict[str, str], times: int) -> Iterator[Row]:
    """Measure on a journal of an older version, whose summaries are rebuilt, in turn with an app at rest."""
    runs = stored_runs(journal)
    with Journal.open(journal) as opened, opened.transaction() as database:
        database.execute("UPDATE folding SET version = 0, folded = 0")
    with on_terminal((*DEBUGGER, "--journal", str(journal)), quiet, ready=RUN_SHOWN) as terminal:
        terminal.wait_until(LIVE_SHOWN)
        keys = takewhile(lambda _: stored_runs(journal) < runs, islice(cycle("jk"), times))
        found = [(cursor_moved(terminal, key), cursor_moved(few, key)) for key in keys]
    if not found:
        yield Goal.KEY_FOLDING.without_value("all were rebuilt before the first key")
        return
    ours, at_rest = zip(*found, strict=True)
    quiet_ms = percentile(at_rest, 0.5)
    note = f"{len(found)} keys, p50 {percentile(ours, 0.5):.1f} ms; at rest p99 {percentile(at_rest, 0.99):.1f} ms"
    yield Goal.KEY_FOLDING.row(percentile(ours, 0.99), "ms", quiet_ms, note)


@row("node-bytes", 80)
def node_bytes(setting: Setting) -> Iterator[Row]:
    """Measure the bytes written when one node changes, with the poll that brings the change."""
    sim = FeedSim(events_of(RUNS))
    last, nodes = f"exec_{RUNS - 1:012x}", list(CORES.values())[(RUNS - 1) % len(CORES)]
    byte_counts = []
    with served(sim) as env, on_terminal(DEBUGGER, env, ready=RUN_SHOWN) as terminal:
        for number in range(setting.size(5, 3)):  # odd: the median leaves out one that waited for the processor
            terminal.wait_until(lambda: "every" in terminal.text)
            terminal.wait_for_silence(0.2)
            before, at = len(terminal.output), int(time.time()) * SECOND
            change = (exited if number % 2 == 0 else entered)(nodes[-1], at, last)
            sim.log.append(change)
            shown = f"{len(sim.log):,} events"
            terminal.wait_until(lambda shown=shown: shown in terminal.text)  # type: ignore[misc]
            terminal.wait_for_silence(0.1)
            byte_counts.append(len(terminal.output) - before)
    yield Goal.NODE_BYTES.row(median(byte_counts), "bytes")


@row("idle", 90)
def idle(setting: Setting) -> Iterator[Row]:
    """Measure the cost of watching a live server without new events, beside an app with only a clock."""
    clock = (*REFERENCE, "--clock")
    with few_runs() as terminal, on_terminal(clock, ready=RUN_SHOWN) as reference:
        terminal.wait_for_silence(1.0, 3.0)
        # Whole steps of the shown ages: otherwise the result depends on when the measurement begins.
        ours, bare = idle_costs(setting.size(60, 10), terminal, reference)
    yield Row("idle, live server: bytes per second", ours.bytes_per_second, "bytes/s", 15)
    yield Goal.IDLE.row(ours.percent, "%", bare.percent)


def _is_loaded(terminal: Terminal, journal: Path) -> bool:
    return f" of {stored_runs(journal):,} " in terminal.text


def _bytes(found: list[Press]) -> float:
    """Return the median number of bytes."""
    return median(press.bytes for press in found)
