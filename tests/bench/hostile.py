"""Rows: what comes of hostile bodies and broken networks."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from tests.bench.registry import Row, Setting, row
from tests.support.fault_server import FAULTS, run_fault
from tests.support.fuzz import GROWING, mutants, time_growth, try_body

MILLION, FEW = 1_000_000, 2_000
GUIDED, FEW_GUIDED = 100_000, 1_000
# So many are tried in a process before the next takes its turn.
AT_ONCE = 20_000
# Two answers at a time, and what holding them costs.
MOST_MIB = 130
GROWTH = 8


@row("fuzz", 126)
def fuzz(setting: Setting) -> Iterator[Row]:
    """Bodies by chance, from bytes to lines on a screen; one that raises something is raised."""
    tried = setting.size(MILLION, FEW)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        bad = sum(pool.map(try_many, range(0, tried, AT_ONCE), [min(AT_ONCE, tried)] * -(-tried // AT_ONCE)))
    yield Row(f"{tried:,} hostile bodies: raised, or drawn unsafely", bad, "", 0)
    yield guided(setting.size(GUIDED, FEW_GUIDED))
    size = setting.size(40_000, 5_000)
    slowest = max(GROWING, key=lambda kind: time_growth(kind, size))
    worst = min(time_growth(slowest, size) for _ in range(3))
    yield Row(f"time for a body {GROWTH} times as large", worst, "×", 2 * GROWTH, beside=slowest)


def try_many(seed: int, count: int) -> int:
    """Try so many; how many went wrong, of which the first is raised."""
    for body in mutants(count, seed):
        try:
            try_body(body)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {body!r}") from error
    return 0


def guided(runs: int) -> Row:
    """Bodies that a fuzzer finds which sees what they reach."""
    name = f"{runs:,} more, guided by coverage (atheris)"
    if find_spec("atheris") is None:
        return Row(name, target=0, note="atheris is not installed")
    command = (sys.executable, "-m", "tests.support.fuzz_guided", f"-runs={runs}")
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    reached = re.findall(r"cov: (\d+)", done.stderr)
    return Row(name, int(done.returncode != 0), "", 0, note=f"{reached[-1] if reached else 'no'} branches reached")


@row("faults", 127)
def faults(setting: Setting) -> Iterator[Row]:
    """What each fault of a network costs at most in memory, with what is told of it and the time to recover."""
    with tempfile.TemporaryDirectory() as folder:
        for fault in FAULTS:
            suffered = asyncio.run(run_fault(fault, Path(folder)))
            assert suffered.state is fault.state, (fault.name, suffered)
            ended = "" if suffered.recovery_s is None else f", well after {suffered.recovery_s:.1f} s"
            note = f"{suffered.state}{ended}: {suffered.message or 'nothing is told'}"
            yield Row(f"fault: {fault.name}", suffered.peak_mib, "MiB", MOST_MIB, note=note)
