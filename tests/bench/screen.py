"""Rows: what the screen costs on the line to the terminal, and how soon it answers. All at 80x24."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from scaicore_tui.journal import Journal
from tests.bench.feed import A_ROW, CORES, EVENTS, run, served, told
from tests.bench.probes import Press, on_terminal, percentile, presses, watched
from tests.bench.registry import Row, Setting, row
from tests.bench.start import A_TABLE, BARE, RUNS
from tests.builders import SECOND, entered, exited
from tests.feedsim import FeedSim
from tests.tui.terminal import DEBUGGER

LIVE = "live"


@row("key-bytes", 60)
def key_bytes(setting: Setting) -> Iterator[Row]:
    """What moving through the runs writes."""
    times = setting.size(40, 12)
    with served(FeedSim(told(RUNS))) as env, on_terminal(DEBUGGER, env, ready=A_ROW) as terminal:
        terminal.until(LIVE)
        running = presses(terminal, times, "j")
        resting = presses(terminal, times // 2, "j", quiet=0.3)
    with on_terminal(BARE, ready=A_ROW) as terminal:
        bare = presses(terminal, times, "down")
    note = f"{A_TABLE}: {_bytes(bare):,.0f}"
    yield Row("cursor key: bytes", _bytes(running), "bytes", 400, note=note)
    yield Row("cursor key that rests, with new nodes: bytes", _bytes(resting), "bytes", 400)


@row("key-time", 70)
def key_time(setting: Setting) -> Iterator[Row]:
    """How soon a key is answered, over few runs and over many."""
    times, many = setting.size(200, 10), setting.size(1_000_000, 2_400)
    with served(FeedSim(told(RUNS))) as env, on_terminal(DEBUGGER, env, ready=A_ROW) as terminal:
        terminal.until(LIVE)
        few = _times(presses(terminal, times, "j", "k"))
    yield Row(f"cursor key, {RUNS} runs: first byte, p50", percentile(few, 0.5), "ms", 4)
    yield Row(f"cursor key, {RUNS} runs: first byte, p99", percentile(few, 0.99), "ms", 16)
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "bench.journal"
        _fill(journal, many // EVENTS)
        with (
            served(FeedSim(told(1))) as env,
            on_terminal((*DEBUGGER, "--journal", str(journal)), env, ready=A_ROW) as t,
        ):
            t.until(LIVE)
            found = _times(presses(t, times, "j", "k"))
    p50 = percentile(found, 0.5)
    yield Row(f"cursor key, {many:,} events: first byte, p50", p50, "ms", 4)
    yield Row(f"cursor key, {many:,} events: first byte, p99", percentile(found, 0.99), "ms", 16)
    yield Row("… compared with few runs", p50, "ms", 1.2, least=percentile(few, 0.5), beside=f"{RUNS} runs")


@row("node-bytes", 80)
def node_bytes(setting: Setting) -> Iterator[Row]:
    """What one node that changes writes, with the poll that told of it."""
    sim = FeedSim(told(RUNS))
    last, nodes = f"exec_{RUNS - 1:012x}", list(CORES.values())[(RUNS - 1) % len(CORES)]
    costs = []
    with served(sim) as env, on_terminal(DEBUGGER, env, ready=A_ROW) as terminal:
        for number in range(setting.size(5, 2)):
            terminal.until(lambda: "every" in terminal.text)
            terminal.quiet(0.2)
            before, at = len(terminal.output), int(time.time()) * SECOND
            told_of = (exited if number % 2 == 0 else entered)(nodes[-1], at, last)
            sim.log.append(told_of)
            known = f"{len(sim.log):,} events"
            terminal.until(lambda known=known: known in terminal.text)  # type: ignore[misc]
            terminal.quiet(0.1)
            costs.append(len(terminal.output) - before)
    yield Row("one node changed: bytes", median(costs), "bytes", 500)


@row("idle", 90)
def idle(setting: Setting) -> Iterator[Row]:
    """What watching a live server costs that has nothing to tell."""
    with served(FeedSim(told(RUNS))) as env, on_terminal(DEBUGGER, env, ready=A_ROW) as terminal:
        terminal.until(LIVE)
        terminal.quiet(1.0, 3.0)
        # Three of the steps in which ages grow: with fewer it matters when one begins to look.
        rate, share = watched(terminal, 30)
    yield Row("idle, live server: bytes a second", rate, "bytes/s", 15)
    yield Row("idle, live server: processor", share, "%", 0.7)


def _fill(path: Path, runs: int) -> None:
    """A journal of so many runs, the last of them now."""
    begin = (int(time.time()) - runs) * SECOND
    journal = Journal.open(path)
    for first in range(0, runs, 1_000):
        numbers = range(first, min(runs, first + 1_000))
        journal.append([event for number in numbers for event in run(number, begin + number * SECOND)])
    journal.close()


def _bytes(found: list[Press]) -> float:
    return median(press.bytes for press in found)


def _times(found: list[Press]) -> list[float]:
    return [press.first_ms for press in found]
