"""Rows: time and memory of starting."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

from scaicore_tui.cli.commands.demo import demo_process
from tests.bench import bare
from tests.bench.feed import RUN_SHOWN, events_of, served
from tests.bench.goals import Goal
from tests.bench.probes import alternate, on_terminal, resident_mib, run_time, time_until_shown
from tests.bench.registry import Row, Setting, row
from tests.support.feed_simulator import FeedSim
from tests.support.terminal import DEBUGGER

PYTHON = (sys.executable, "-c", "pass")
REFERENCE = (sys.executable, str(bare.__file__))
RUNS = 100
HEAVY_MODULES = ("textual", "httpx", "pydantic")
MODULES_SCRIPT = (
    "import sys; sys.argv[1:] = ['--version']\nfrom scaicore_tui.__main__ import main\nmain()\nprint(*sys.modules)"
)


@row("version", 10)
def version(setting: Setting) -> Iterator[Row]:
    """Measure the command that prints one line."""
    times = setting.size(15, 1)
    ours, reference = alternate(times, lambda: run_time([*DEBUGGER, "--version"]), lambda: run_time(PYTHON))
    yield Row("--version", ours, "ms", 8, reference=reference, reference_name="python -c pass")
    modules = subprocess.run(
        [sys.executable, "-c", MODULES_SCRIPT], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = [name for name in modules if name.partition(".")[0] in HEAVY_MODULES]
    yield Row("--version: modules of Textual, httpx, pydantic", len(heavy), "", 0)


@row("start", 20)
def first_row(setting: Setting) -> Iterator[Row]:
    """Measure the start of the app on a live server, until a run is on the screen."""
    times = setting.size(9, 1)
    with served(FeedSim(events_of(RUNS))) as env:
        ours, reference = alternate(
            times,
            lambda: time_until_shown(DEBUGGER, env, ready=RUN_SHOWN),
            lambda: time_until_shown(REFERENCE, ready=RUN_SHOWN),
        )
    yield Goal.START.row(ours, "ms", reference)


@row("memory-fresh", 100)
def memory(setting: Setting) -> Iterator[Row]:
    """Measure the memory after the start."""
    with served(FeedSim(events_of(RUNS))) as env, on_terminal(DEBUGGER, env, ready=RUN_SHOWN) as ours:
        ours.wait_for_silence(1.0)
        with on_terminal(REFERENCE, ready=RUN_SHOWN) as reference:
            reference.wait_for_silence(1.0)
            yield Goal.MEMORY_FRESH.row(resident_mib(ours.pid), "MiB", resident_mib(reference.pid))


@row("demo", 200)
def demo(setting: Setting) -> Iterator[Row]:
    """Measure the start of the demo's servers, with a history of runs."""
    ours, reference = alternate(setting.size(5, 1), demo_start_time, lambda: run_time(PYTHON))
    yield Row("demo --no-tui, until it is ready", ours, "ms", reference=reference, reference_name="python -c pass")


def demo_start_time() -> float:
    """Return the seconds until the demo's servers report that they are ready."""
    begin = time.perf_counter()
    with demo_process(7, 6.0):
        return time.perf_counter() - begin
