"""Rows: what starting costs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

from scaicore_tui.cli.commands.demo import demo_process
from tests.bench import bare
from tests.bench.feed import A_ROW, served, told
from tests.bench.probes import in_turns, on_terminal, opened, resident_mib, started
from tests.bench.registry import Row, Setting, row
from tests.support.feed_simulator import FeedSim
from tests.support.terminal import DEBUGGER

PYTHON = (sys.executable, "-c", "pass")
BARE = (sys.executable, str(bare.__file__))
A_TABLE = "a Textual app with one table"
RUNS = 100
HEAVY = ("textual", "httpx", "pydantic")
LOADED = "import sys; sys.argv[1:] = ['--version']\nfrom scaicore_tui.__main__ import main\nmain()\nprint(*sys.modules)"


@row("version", 10)
def version(setting: Setting) -> Iterator[Row]:
    """Saying one line."""
    times = setting.size(15, 1)
    ours, least = in_turns(times, lambda: started([*DEBUGGER, "--version"]), lambda: started(PYTHON))
    yield Row("--version", ours, "ms", 8, least=least, beside="python -c pass")
    modules = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True).stdout.split()
    heavy = [name for name in modules if name.partition(".")[0] in HEAVY]
    yield Row("--version: modules of Textual, httpx, pydantic", len(heavy), "", 0)


@row("start", 20)
def first_row(setting: Setting) -> Iterator[Row]:
    """Opening the app on a live server, until a run is on the screen."""
    times = setting.size(9, 1)
    with served(FeedSim(told(RUNS))) as env:
        ours, least = in_turns(times, lambda: opened(DEBUGGER, env, ready=A_ROW), lambda: opened(BARE, ready=A_ROW))
    yield Row("start to the first run, live server", ours, "ms", 1.6, least=least, beside=A_TABLE)


@row("memory-fresh", 100)
def memory(setting: Setting) -> Iterator[Row]:
    """What a fresh start holds."""
    with served(FeedSim(told(RUNS))) as env, on_terminal(DEBUGGER, env, ready=A_ROW) as ours:
        ours.wait_for_silence(1.0)
        with on_terminal(BARE, ready=A_ROW) as least:
            least.wait_for_silence(1.0)
            mib = resident_mib(ours.pid), resident_mib(least.pid)
    yield Row("memory, fresh", mib[0], "MiB", 1.5, least=mib[1], beside=A_TABLE)


@row("demo", 200)
def demo(setting: Setting) -> Iterator[Row]:
    """Starting the demo's servers, with a history of real runs."""
    ours, least = in_turns(setting.size(5, 1), demo_started, lambda: started(PYTHON))
    yield Row("demo --no-tui, until it is ready", ours, "ms", least=least, beside="python -c pass")


def demo_started() -> float:
    """Seconds until the demo's servers say that they are ready."""
    begin = time.perf_counter()
    with demo_process(7, 6.0):
        return time.perf_counter() - begin
