"""Show the hostile strings with other programs on a real terminal, for comparison.

A program's own sequences, recorded with harmless text, do not count: styles and cursor moves with any numbers, all
others as recorded. A pager with an option to pass styles through may do so.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from pathlib import Path

import pyte

from tests.support.hostile.corpus import CORPUS
from tests.support.hostile.output_grammar import invisible_characters, unexpected_sequences
from tests.support.hostile.plain_app import ACTION_EXIT_CODE, KINDS
from tests.support.terminal import Terminal

HARMLESS = (
    "approve",
    "",
    "words and more words " * 400,
    "x" * 3_000,
    "line\n" * 700,
    "error: 漢字, é, 12.5 s, https://example.org/a?b=c, a/b/c.txt, 127.0.0.1",
    '{"resolution": "approve", "at": [1, null, true]} ' + "-" * 90 + " " * 90 + "=",
)
FIRST, LAST = b"2026-01-01T00:00:00 first of all", b"2026-01-01T00:00:01 last of all"
MAY_BE_BINARY = b"binary file"
SILENCE_S = 0.15
TIMEOUT_S = 20.0
# Our own program shows each string in many views, so it only gets every eighth string.
OWN_SAMPLE_STEP = 8
PAGERS = ("lnav", "less", "less -R")
PEERS = (*(f"Textual {kind}" for kind in KINDS), *PAGERS)
PROBLEM_KINDS = ("unexpected", "invisible", "crashed", "acted")

_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[]PX^_k][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]|[\x00-\x1f\x7f-\x9f]"
)
# Written by any program: a bell, a line scrolled back, another pointer.
_COMMON_SEQUENCES = (r"\x1b\]22;(?:text|pointer)\x07", r"\x1bM", r"\x07")
_NUMBERED = re.compile(r"\x1b\[[\d;]*[ABCDEFGHJKLMPSTX@`abdemr]")


@dataclass(frozen=True)
class Outcome:
    """The effect of one string on one program."""

    written: bytes
    crashed: bool = False
    acted: bool = False


class _DiscardingStream(pyte.ByteStream):
    def feed(self, data: bytes) -> None:  # type: ignore[override]  # as pyte's own does
        """Discard the data: interpreted, it would affect the tests' terminal like any other."""


class _OutputTerminal(Terminal):
    """A terminal that records the output and does not interpret it."""

    def __init__(self, home: Path, command: Sequence[str]) -> None:
        super().__init__(home, command, env={"LC_ALL": "C.UTF-8"})
        self._stream = _DiscardingStream(self._screen)

    def wait_if_running(self, condition: Callable[[], object]) -> None:
        """Wait until the condition is met, the program has ended, or the timeout has passed."""
        with suppress(AssertionError):
            self.wait_until(lambda: not self._open or condition(), TIMEOUT_S)

    def outcome(self) -> Outcome:
        """Quit the program and return the outcome. A program that does not quit has crashed."""
        try:
            if self._open:
                self.press("q")
            code = self.wait()
        except (AssertionError, OSError):
            code = 1
        return Outcome(bytes(self.output), code not in (0, ACTION_EXIT_CODE), code == ACTION_EXIT_CODE)


def _run_pager(command: Sequence[str], keys: Sequence[str], text: str, home: Path) -> Outcome:
    """Show the string between two lines of a file in a pager."""
    file = home / "text.log"
    # Surrogates that stand for a byte become that byte; a file cannot contain the others.
    line = re.sub("[\ud800-\udc7f\udd00-\udfff]", "\ufffd", text).encode("utf-8", "surrogateescape")
    file.write_bytes(b"\n".join((FIRST, line, LAST, b"")))
    with _OutputTerminal(home, (*command, str(file))) as terminal:
        terminal.wait_if_running(lambda: any(line in terminal.output for line in (FIRST, LAST, MAY_BE_BINARY)))
        terminal.wait_for_silence(SILENCE_S, 2.0)
        for key in keys:
            terminal.press(key)
            terminal.wait_for_silence(SILENCE_S, 2.0)
        return terminal.outcome()


def _run_widget(kind: str, text: str, home: Path) -> Outcome:
    """Show the string in a widget of Textual; click on the first cell with an action."""
    file, live = home / "text.json", home / "text.live"
    file.write_text(json.dumps(text))
    live.unlink(missing_ok=True)
    with _OutputTerminal(home, (sys.executable, "-m", "tests.support.hostile.plain_app", kind, str(file))) as terminal:
        terminal.wait_if_running(live.exists)
        if live.exists() and (cell := json.loads(live.read_text())):
            x, y = cell[0] + 1, cell[1] + 1
            terminal.send(f"\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m".encode())
            terminal.wait_for_silence(SILENCE_S, 2.0)
        return terminal.outcome()


def _run(program: str, text: str) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        if program in PAGERS:
            # The first key confirms that the file may be binary.
            return _run_pager(program.split(), ("y", "g", " ", " ", "G"), text, home)
        return _run_widget(program.removeprefix("Textual "), text, home)


@cache
def _own_output(program: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the output of a program with harmless text: sequences, as patterns, and invisible characters."""
    written = b"".join(_run(program, text).written for text in HARMLESS)
    found = set(_SEQUENCE.findall(written.decode("utf-8", "surrogateescape")))
    patterns = {rf"\x1b\[[\d;]*{re.escape(one[-1])}" if _NUMBERED.fullmatch(one) else re.escape(one) for one in found}
    # The longest first: one sequence may be the beginning of another.
    return (*sorted(patterns, key=len, reverse=True), *_COMMON_SEQUENCES), frozenset(invisible_characters(written))


def problems_of(program: str, name: str) -> set[str]:
    """Return the kinds of problems that a string causes in one of the other programs."""
    own, own_invisible = _own_output(program)
    outcome = _run(program, CORPUS[name])
    facts = (
        bool(unexpected_sequences(outcome.written, *own)),
        bool(invisible_characters(outcome.written) - own_invisible),
        outcome.crashed,
        outcome.acted,
    )
    return {kind for kind, is_so in zip(PROBLEM_KINDS, facts, strict=True) if is_so}


def compare(names: Sequence[str], jobs: int, ours: Callable[[str], list[str]]) -> None:
    """Print a table of the number of problems of each kind. `ours` returns the problems in our own program."""
    row = "{:<18}" + "{:>11}" * 5 + "\n"
    sys.stdout.write(row.format("", "strings", *PROBLEM_KINDS))
    with ProcessPoolExecutor(jobs) as pool:
        for program in PEERS:
            counts = Counter(kind for kinds in pool.map(problems_of, repeat(program), names) for kind in kinds)
            sys.stdout.write(row.format(program, len(names), *(counts[kind] for kind in PROBLEM_KINDS)))
            sys.stdout.flush()
        sample = names[::OWN_SAMPLE_STEP]
        counts = Counter(kind for found in pool.map(ours, sample) for kind in {_problem_kind(each) for each in found})
        sys.stdout.write(row.format("scaicore-tui", len(sample), *(counts[kind] for kind in PROBLEM_KINDS)))


def _problem_kind(problem: str) -> str:
    first = problem.split()[0].rstrip(":")
    return {"unexpected": "unexpected", "invisible": "invisible", "unrequested": "acted"}.get(first, "crashed")
