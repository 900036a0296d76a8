"""How things are measured: in turns with what they are compared with, and on a terminal, as a person would feel it."""

from __future__ import annotations

import os
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

# A key is over once nothing was written for so many seconds: the next one comes as soon as from a person in a hurry.
HURRY = 0.06
# Once nothing was written for so long, all that follows a key is there.
REST = 0.3
# A program that shows nothing of its own for so many seconds never will.
PATIENCE = 300.0
# No answer to a key takes longer.
DEAF = 2.0


@dataclass(frozen=True)
class Press:
    """What one key made the program write: how many bytes, and the milliseconds until the first of them."""

    bytes: int
    first_ms: float


def in_turns(times: int, ours: Callable[[], float], least: Callable[[], float]) -> tuple[float, float]:
    """The medians of both, in milliseconds: a busy machine slows both."""
    pairs = [(ours(), least()) for _ in range(times)]
    return 1000 * median(pair[0] for pair in pairs), 1000 * median(pair[1] for pair in pairs)


def started(command: Sequence[str]) -> float:
    """Seconds from start to end."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


@contextmanager
def on_terminal(command: Sequence[str], env: dict[str, str] | None = None, *, ready: str) -> Iterator[Terminal]:
    """The program on a terminal of 80x24 of its own, once that text is on its screen."""
    with tempfile.TemporaryDirectory() as home, Terminal(Path(home), command, env=env) as terminal:
        terminal.wait_until(ready, PATIENCE)
        yield terminal


def opened(command: Sequence[str], env: dict[str, str] | None = None, *, ready: str) -> float:
    """Seconds until that text is on the screen."""
    begin = time.perf_counter()
    with on_terminal(command, env, ready=ready):
        return time.perf_counter() - begin


def presses(terminal: Terminal, times: int, *keys: str, quiet: float = HURRY) -> list[Press]:
    """So many presses of these keys in turn, each once the one before is over."""
    terminal.wait_for_silence(REST, DEAF)
    return [press(terminal, key, quiet) for key in islice(cycle(keys), times)]


def press(terminal: Terminal, key: str, quiet: float) -> Press:
    """One press, until nothing more is written."""
    terminal.wait_for_silence(0)
    before, begin = len(terminal.output), time.perf_counter()
    terminal.press(key)
    if len(terminal.output) == before:
        terminal.pump(DEAF)
    first = 1000 * (time.perf_counter() - begin)
    terminal.wait_for_silence(quiet, DEAF)
    return Press(len(terminal.output) - before, first)


def first_byte(terminal: Terminal, key: str) -> float:
    """Milliseconds until a key makes the program write."""
    return press(terminal, key, HURRY).first_ms


def cursor_moved(terminal: Terminal, key: str) -> float:
    """Milliseconds until the topmost cursor is on another line, whatever else is written meanwhile."""
    before, begin = terminal.find_line(CURSOR), time.perf_counter()
    terminal.press(key)
    terminal.wait_until(lambda: terminal.find_line(CURSOR) != before)
    moved = time.perf_counter()
    while (left := moved + HURRY - time.perf_counter()) > 0:
        terminal.pump(left)
    return 1000 * (moved - begin)


def percentile(values: Sequence[float], part: float) -> float:
    """The value that this part of them does not exceed."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def watched(terminal: Terminal, seconds: float) -> tuple[float, float]:
    """Bytes a second, and the share of a processor in percent, while nobody does anything."""
    terminal.wait_for_silence(REST)
    begin, before, used = time.monotonic(), len(terminal.output), processor_seconds(terminal.pid)
    while (left := begin + seconds - time.monotonic()) > 0:
        terminal.pump(left)
    passed = time.monotonic() - begin
    spent = processor_seconds(terminal.pid) - used
    return (len(terminal.output) - before) / passed, 100 * spent / passed


def processor_seconds(pid: int) -> float:
    """What a process has used so far."""
    fields = _proc(pid, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    """The memory that a process has."""
    return int(_proc(pid, "status").partition("VmRSS:")[2].split()[0]) / 1024


def _proc(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()
