"""Rows: effects of hostile bodies and of network faults."""

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

from scaicore_tui.api.response_body import MAX_BODY_BYTES
from tests.bench.registry import Row, Setting, row
from tests.support.fault_server import FAULTS, run_fault
from tests.support.fuzz import GROWING, mutants, time_growth, try_body

BODIES, BODIES_SMALL = 1_000_000, 2_000
GUIDED_BODIES, GUIDED_BODIES_SMALL = 100_000, 1_000
# Bodies that one task of the process pool tries.
BODIES_PER_TASK = 20_000
# Two responses at once, each of at most this size, with the memory to process them.
BODIES_MIB = 2 * MAX_BODY_BYTES / 2**20
MAX_PEAK = 2.0
BODIES_NAME = "two bodies of the largest size that is read"
SIZE_FACTOR = 8


@row("fuzz", 126)
def fuzz(setting: Setting) -> Iterator[Row]:
    """Process random bodies, from bytes to lines on a screen; raise the first error."""
    tried = setting.size(BODIES, BODIES_SMALL)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        bad = sum(
            pool.map(
                try_many, range(0, tried, BODIES_PER_TASK), [min(BODIES_PER_TASK, tried)] * -(-tried // BODIES_PER_TASK)
            )
        )
    yield Row(f"{tried:,} hostile bodies: failures", bad, "", 0)
    yield guided(setting.size(GUIDED_BODIES, GUIDED_BODIES_SMALL))
    size = setting.size(40_000, 5_000)
    slowest = max(GROWING, key=lambda kind: time_growth(kind, size))
    worst = min(time_growth(slowest, size) for _ in range(3))
    yield Row(f"time for a body {SIZE_FACTOR} times as large", worst, "×", 2 * SIZE_FACTOR, reference_name=slowest)


def try_many(seed: int, count: int) -> int:
    """Process `count` bodies; return 0, or raise the first error."""
    for body in mutants(count, seed):
        try:
            try_body(body)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {body!r}") from error
    return 0


def guided(runs: int) -> Row:
    """Process bodies from a fuzzer that is guided by coverage."""
    name = f"{runs:,} more, guided by coverage (atheris)"
    if find_spec("atheris") is None:
        return Row(name, target=0, note="atheris is not installed")
    command = (sys.executable, "-m", "tests.support.fuzz_guided", f"-runs={runs}")
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    reached = re.findall(r"cov: (\d+)", done.stderr)
    return Row(name, int(done.returncode != 0), "", 0, note=f"{reached[-1] if reached else 'no'} branches reached")


@row("faults", 127)
def faults(setting: Setting) -> Iterator[Row]:
    """Measure the peak memory of each network fault, with its message and the time to recover."""
    with tempfile.TemporaryDirectory() as folder:
        for fault in FAULTS:
            outcome = asyncio.run(run_fault(fault, Path(folder)))
            assert outcome.state is fault.state, (fault.name, outcome)
            recovery = "" if outcome.recovery_s is None else f", recovered after {outcome.recovery_s:.1f} s"
            note = f"{outcome.state}{recovery}: {outcome.message or 'no message'}"
            yield Row(
                f"fault: {fault.name}",
                outcome.peak_mib,
                "MiB",
                MAX_PEAK,
                reference=BODIES_MIB,
                reference_name=BODIES_NAME,
                note=note,
            )
