"""The measurements. Each is made beside what it is compared with, in turns, so that a busy machine slows both."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import median

from scaicore_tui.cli.demo import demo_process
from scaicore_tui.config import Target
from tests.bench import bare
from tests.tui.terminal import DEBUGGER, Terminal

PYTHON = (sys.executable, "-c", "pass")
BARE = (sys.executable, str(bare.__file__))
A_TABLE = "a Textual app with one table"
A_ROW = "exec_"
SEED, RATE = 7, 6.0
STARTS, OPENINGS, PRESSES = 15, 5, 20
SETTLED = 0.15
IDLE_SECONDS = 6.0


@dataclass(frozen=True)
class Row:
    """One result: a median, and the same of what it is compared with."""

    name: str
    value: float
    unit: str
    beside: str = ""
    least: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the least it is."""
        return self.value / self.least if self.least else None


@dataclass(frozen=True)
class KeyCosts:
    """The bytes that a key makes the program write, and the seconds until the first of them."""

    bytes: float
    seconds: float


def measure() -> Iterator[Row]:
    """All rows, each as soon as it is known."""
    yield version()
    yield demo_ready()
    with demo_process(SEED, RATE) as target:
        yield first_row(target)
        yield from on_screen(target)


def version() -> Row:
    """Starting to say one line."""
    ours, least = in_turns(STARTS, lambda: started([*DEBUGGER, "--version"]), lambda: started(PYTHON))
    return Row("--version", ours, "ms", "python -c pass", least)


def demo_ready() -> Row:
    """Starting the demo's servers, with a history of real runs."""
    ours, least = in_turns(OPENINGS, demo_started, lambda: started(PYTHON))
    return Row("demo --no-tui, until it is ready", ours, "ms", "python -c pass", least)


def first_row(target: Target) -> Row:
    """Opening the app, until a run is on the screen."""
    ours, least = in_turns(OPENINGS, lambda: opened(DEBUGGER, settings(target)), lambda: opened(BARE))
    return Row("start to the first run on the screen", ours, "ms", A_TABLE, least)


def on_screen(target: Target) -> Iterator[Row]:
    """What a key costs, in time and on the line, at 80x24; and what it costs to watch."""
    with on_terminal(BARE) as terminal:
        least = key_costs(terminal, "down")
    with on_terminal(DEBUGGER, settings(target)) as terminal:
        terminal.until("live")
        runs = key_costs(terminal, "j")
        terminal.press("tab")
        nodes = key_costs(terminal, "j", "k")
        yield Row("a key in the runs, to the first byte", 1000 * runs.seconds, "ms", A_TABLE, 1000 * least.seconds)
        yield Row("a key in the runs, with new nodes", runs.bytes, "bytes", A_TABLE, least.bytes)
        yield Row("a key in the nodes", nodes.bytes, "bytes", A_TABLE, least.bytes)
        yield Row("nothing pressed, live", idle_rate(terminal), "bytes/s")


def in_turns(times: int, ours: Callable[[], float], least: Callable[[], float]) -> tuple[float, float]:
    """The medians of both, in milliseconds."""
    pairs = [(ours(), least()) for _ in range(times)]
    return 1000 * median(pair[0] for pair in pairs), 1000 * median(pair[1] for pair in pairs)


def started(command: Sequence[str]) -> float:
    """Seconds from start to end."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def demo_started() -> float:
    """Seconds until the demo's servers say that they are ready."""
    begin = time.perf_counter()
    with demo_process(SEED, RATE):
        return time.perf_counter() - begin


def opened(command: Sequence[str], env: dict[str, str] | None = None) -> float:
    """Seconds until the first row is on the screen."""
    begin = time.perf_counter()
    with on_terminal(command, env):
        return time.perf_counter() - begin


@contextmanager
def on_terminal(command: Sequence[str], env: dict[str, str] | None = None) -> Iterator[Terminal]:
    """The program on a terminal of its own, with a row on its screen."""
    with tempfile.TemporaryDirectory() as home, Terminal(Path(home), command, env=env) as terminal:
        terminal.until(A_ROW)
        yield terminal


def settings(target: Target) -> dict[str, str]:
    """What points the app at the demo."""
    assert target.token is not None
    return {"SCAICORE_TUI_URL": target.url, "SCAICORE_TUI_TOKEN": target.token.get_secret_value()}


def key_costs(terminal: Terminal, *keys: str) -> KeyCosts:
    """What pressing a key costs: the medians of some presses of these keys in turn."""
    terminal.quiet(2 * SETTLED)
    presses = [key_cost(terminal, key) for key in islice(cycle(keys), PRESSES)]
    return KeyCosts(median(press.bytes for press in presses), median(press.seconds for press in presses))


def key_cost(terminal: Terminal, key: str) -> KeyCosts:
    """What one press costs, until nothing more is written."""
    before, begin = len(terminal.output), time.perf_counter()
    terminal.press(key)
    if len(terminal.output) == before:
        terminal.pump(SETTLED)
    seconds = time.perf_counter() - begin
    terminal.quiet(SETTLED)
    return KeyCosts(len(terminal.output) - before, seconds)


def idle_rate(terminal: Terminal) -> float:
    """Bytes a second while nobody does anything."""
    terminal.quiet(SETTLED)
    begin, before = time.monotonic(), len(terminal.output)
    while (left := begin + IDLE_SECONDS - time.monotonic()) > 0:
        terminal.pump(left)
    return (len(terminal.output) - before) / (time.monotonic() - begin)
