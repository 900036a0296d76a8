"""Rows: what the screen costs on the line to the terminal, and how soon it answers. All at 80x24."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import cycle, islice, takewhile
from pathlib import Path
from statistics import median

from scaicore_tui.store import Journal
from tests.bench.feed import A_ROW, CORES, served, told
from tests.bench.probes import Press, cursor_moved, first_byte, on_terminal, percentile, presses, watched
from tests.bench.registry import Row, Setting, row
from tests.bench.start import A_TABLE, BARE, RUNS
from tests.bench.volume import journal_of
from tests.support.builders import SECOND, entered, exited
from tests.support.feed_simulator import FeedSim
from tests.support.terminal import DEBUGGER, Terminal

LIVE = "live"


@row("key-bytes", 60)
def key_bytes(setting: Setting) -> Iterator[Row]:
    """What moving through the runs writes."""
    times = setting.size(40, 12)
    with served(FeedSim(told(RUNS))) as env, on_terminal(DEBUGGER, env, ready=A_ROW) as terminal:
        terminal.wait_until(LIVE)
        running = presses(terminal, times, "j")
        resting = presses(terminal, times // 2, "j", quiet=0.3)
    with on_terminal(BARE, ready=A_ROW) as terminal:
        bare = presses(terminal, times, "down")
    note = f"{A_TABLE}: {_bytes(bare):,.0f}"
    yield Row("cursor key: bytes", _bytes(running), "bytes", 400, note=note)
    yield Row("cursor key that rests, with new nodes: bytes", _bytes(resting), "bytes", 400)


@row("key-time", 70)
def key_time(setting: Setting) -> Iterator[Row]:
    """How soon a key is answered, over few runs, over many, and while those are folded."""
    times, many = setting.size(200, 10), setting.size(1_000_000, 2_400)
    with journal_of(many) as journal:
        yield from _at_rest(journal, times, f"{many:,} events")
        yield from _while_folded(journal, times, f"{many:,} events")


def _at_rest(journal: Path, times: int, events: str) -> Iterator[Row]:
    """Few and many in turns: a busy machine slows both."""
    with (
        served(FeedSim(told(RUNS))) as env,
        served(FeedSim([])) as quiet,
        on_terminal(DEBUGGER, env, ready=A_ROW) as few,
        on_terminal((*DEBUGGER, "--journal", str(journal)), quiet, ready=A_ROW) as many,
    ):
        few.wait_until(LIVE)
        many.wait_until(lambda: _is_loaded(many, journal))
        found = [[first_byte(few, key), first_byte(many, key)] for key in islice(cycle("jk"), times)]
    of_few, of_many = zip(*found, strict=True)
    for what, taken in ((f"{RUNS} runs", of_few), (events, of_many)):
        yield Row(f"cursor key, {what}: first byte, p50", percentile(taken, 0.5), "ms", 4)
        yield Row(f"cursor key, {what}: first byte, p99", percentile(taken, 0.99), "ms", 16)
    p50 = percentile(of_many, 0.5)
    yield Row("… compared with few runs", p50, "ms", 1.2, least=percentile(of_few, 0.5), beside=f"{RUNS} runs")


def _while_folded(journal: Path, times: int, events: str) -> Iterator[Row]:
    """On a journal of an older program, whose runs are folded anew."""
    runs = _runs(journal)
    with Journal.open(journal) as opened, opened.transaction() as database:
        database.execute("UPDATE folding SET version = 0, folded = 0")
    with (
        served(FeedSim([])) as env,
        on_terminal((*DEBUGGER, "--journal", str(journal)), env, ready=A_ROW) as terminal,
    ):
        terminal.wait_until(LIVE)
        keys = islice(cycle("jk"), times)
        found = [cursor_moved(terminal, key) for key in takewhile(lambda _: _runs(journal) < runs, keys)]
    if found:
        yield Row(f"cursor key, {events} being folded: moved, p50", percentile(found, 0.5), "ms", 4)
        yield Row(f"cursor key, {events} being folded: moved, p99", percentile(found, 0.99), "ms", 16)


@row("node-bytes", 80)
def node_bytes(setting: Setting) -> Iterator[Row]:
    """What one node that changes writes, with the poll that told of it."""
    sim = FeedSim(told(RUNS))
    last, nodes = f"exec_{RUNS - 1:012x}", list(CORES.values())[(RUNS - 1) % len(CORES)]
    costs = []
    with served(sim) as env, on_terminal(DEBUGGER, env, ready=A_ROW) as terminal:
        for number in range(setting.size(5, 2)):
            terminal.wait_until(lambda: "every" in terminal.text)
            terminal.wait_for_silence(0.2)
            before, at = len(terminal.output), int(time.time()) * SECOND
            told_of = (exited if number % 2 == 0 else entered)(nodes[-1], at, last)
            sim.log.append(told_of)
            known = f"{len(sim.log):,} events"
            terminal.wait_until(lambda known=known: known in terminal.text)  # type: ignore[misc]
            terminal.wait_for_silence(0.1)
            costs.append(len(terminal.output) - before)
    yield Row("one node changed: bytes", median(costs), "bytes", 500)


@row("idle", 90)
def idle(setting: Setting) -> Iterator[Row]:
    """What watching a live server costs that has nothing to tell."""
    with served(FeedSim(told(RUNS))) as env, on_terminal(DEBUGGER, env, ready=A_ROW) as terminal:
        terminal.wait_until(LIVE)
        terminal.wait_for_silence(1.0, 3.0)
        # Three of the steps in which ages grow: with fewer it matters when one begins to look.
        rate, share = watched(terminal, 30)
    yield Row("idle, live server: bytes a second", rate, "bytes/s", 15)
    yield Row("idle, live server: processor", share, "%", 0.7)


def _is_loaded(terminal: Terminal, journal: Path) -> bool:
    return f" of {_runs(journal):,} " in terminal.text


def _runs(journal: Path) -> int:
    """How many runs have a summary in that file."""
    with Journal.open_readonly(journal) as read:
        return int(read.query("SELECT count(*) FROM runs")[0][0])


def _bytes(found: list[Press]) -> float:
    return median(press.bytes for press in found)
