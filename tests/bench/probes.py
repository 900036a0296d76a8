"""Measuring: alternating with a reference, and on a terminal, as a person experiences it."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import median

from scaicore_tui.tui.render.line import CURSOR
from tests.support.terminal import Terminal

# A key press is complete after this many seconds without output; the next one follows as fast as a person types.
KEY_GAP_S = 0.06
# After this many seconds without output, nothing more follows a key press.
SETTLED_S = 0.3
START_TIMEOUT_S = 300.0
KEY_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Press:
    """Effect of one key press: the number of bytes written, and the milliseconds until the first one."""

    bytes: int
    first_ms: float


def alternate(times: int, *measures: Callable[[], float]) -> list[float]:
    """Return the median of each in milliseconds. They alternate, so that a busy machine slows all of them."""
    turns = [[measure() for measure in measures] for _ in range(times)]
    return [1000 * median(found) for found in zip(*turns, strict=True)]


def run_time(command: Sequence[str]) -> float:
    """Return the seconds from the start to the end of a command."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


@contextmanager
def on_terminal(
    command: Sequence[str], env: dict[str, str] | None = None, *, ready: str, size: tuple[int, int] = (80, 24)
) -> Iterator[Terminal]:
    """Run the program on a terminal of `size`; yield once the text `ready` is on the screen."""
    with tempfile.TemporaryDirectory() as home, Terminal(Path(home), command, env=env, size=size) as terminal:
        terminal.wait_until(ready, START_TIMEOUT_S)
        yield terminal


def time_until_shown(command: Sequence[str], env: dict[str, str] | None = None, *, ready: str) -> float:
    """Return the seconds until the text `ready` is on the screen."""
    begin = time.perf_counter()
    with on_terminal(command, env, ready=ready):
        return time.perf_counter() - begin


def press_keys(terminal: Terminal, times: int, *keys: str, quiet: float = KEY_GAP_S) -> list[Press]:
    """Press these keys in turn, `times` presses in all, each once the one before is complete."""
    terminal.wait_for_silence(SETTLED_S, KEY_TIMEOUT_S)
    return [press(terminal, key, quiet) for key in islice(cycle(keys), times)]


def press(terminal: Terminal, key: str, quiet: float) -> Press:
    """Press a key and wait until nothing more is written."""
    terminal.wait_for_silence(0)
    before, begin = len(terminal.output), time.perf_counter()
    terminal.press(key)
    if len(terminal.output) == before:
        terminal.pump(KEY_TIMEOUT_S)
    first = 1000 * (time.perf_counter() - begin)
    terminal.wait_for_silence(quiet, KEY_TIMEOUT_S)
    return Press(len(terminal.output) - before, first)


def first_byte(terminal: Terminal, key: str) -> float:
    """Return the milliseconds until the program writes after a key."""
    return press(terminal, key, KEY_GAP_S).first_ms


def cursor_moved(terminal: Terminal, key: str) -> float:
    """Return the milliseconds until the topmost cursor is on another line; other output is ignored."""
    before, begin = terminal.find_line(CURSOR), time.perf_counter()
    terminal.press(key)
    terminal.wait_until(lambda: terminal.find_line(CURSOR) != before)
    moved = time.perf_counter()
    while (left := moved + KEY_GAP_S - time.perf_counter()) > 0:
        terminal.pump(left)
    return 1000 * (moved - begin)


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value that the share `part` of the values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


@dataclass(frozen=True)
class IdleCost:
    """Bytes written per second, and processor use in percent, while no key is pressed."""

    bytes_per_second: float
    percent: float


def idle_costs(seconds: float, *terminals: Terminal) -> list[IdleCost]:
    """Measure programs that are idle at the same time, for the same `seconds`."""
    for terminal in terminals:
        terminal.wait_for_silence(SETTLED_S)
    before = [(len(terminal.output), processor_seconds(terminal.pid)) for terminal in terminals]
    begin = time.monotonic()
    while (left := begin + seconds - time.monotonic()) > 0:
        for terminal in terminals:
            terminal.pump(min(left, 0.2))
    passed = time.monotonic() - begin
    return [
        IdleCost((len(terminal.output) - written) / passed, 100 * (processor_seconds(terminal.pid) - used) / passed)
        for terminal, (written, used) in zip(terminals, before, strict=True)
    ]


def processor_seconds(pid: int) -> float:
    """Return the processor time of all threads of a process so far, in seconds and precise to nanoseconds."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0]) / 1024
