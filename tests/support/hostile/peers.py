"""Show the hostile strings with other programs on a real terminal, for comparison.

A program's own sequences, recorded with harmless text, do not count: styles and cursor moves with any numbers,
everything else as recorded. A pager that is told to pass styles through may do so.
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
# A string of so many goes through our own program: it has many views for each.
OWN_SAMPLE_STEP = 8
PAGERS = ("lnav", "less", "less -R")
PEERS = (*(f"Textual {kind}" for kind in KINDS), *PAGERS)
PROBLEM_KINDS = ("foreign", "unseen", "crashed", "acted")

_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[]PX^_k][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]|[\x00-\x1f\x7f-\x9f]"
)
# A bell, a line scrolled back, another pointer: what any program does when something happens.
_COMMON_SEQUENCES = (r"\x1b\]22;(?:text|pointer)\x07", r"\x1bM", r"\x07")
_NUMBERED = re.compile(r"\x1b\[[\d;]*[ABCDEFGHJKLMPSTX@`abdemr]")


@dataclass(frozen=True)
class Outcome:
    """What one string did to one program."""

    written: bytes
    crashed: bool = False
    acted: bool = False


class _DiscardingStream(pyte.ByteStream):
    def feed(self, data: bytes) -> None:  # type: ignore[override]  # as pyte's own does
        """Take it, and read nothing of it: it would do to the tests' terminal what it does to any."""


class _OutputTerminal(Terminal):
    """A terminal of which only what is written to it is of interest."""

    def __init__(self, home: Path, command: Sequence[str]) -> None:
        super().__init__(home, command, env={"LC_ALL": "C.UTF-8"})
        self._stream = _DiscardingStream(self._screen)

    def wait_if_running(self, fact: Callable[[], object]) -> None:
        """Wait for that, or for the end of the program, or not any longer."""
        with suppress(AssertionError):
            self.wait_until(lambda: not self._open or fact(), TIMEOUT_S)

    def outcome(self) -> Outcome:
        """Quit, and say what came of it all. What does not quit has crashed."""
        try:
            if self._open:
                self.press("q")
            code = self.wait()
        except (AssertionError, OSError):
            code = 1
        return Outcome(bytes(self.output), code not in (0, ACTION_EXIT_CODE), code == ACTION_EXIT_CODE)


def _run_pager(command: Sequence[str], keys: Sequence[str], words: str, home: Path) -> Outcome:
    """A pager on a file in which the string stands between two lines."""
    file = home / "words.log"
    # Lone surrogates that stand for a byte are that byte; no file has the others.
    line = re.sub("[\ud800-\udc7f\udd00-\udfff]", "\ufffd", words).encode("utf-8", "surrogateescape")
    file.write_bytes(b"\n".join((FIRST, line, LAST, b"")))
    with _OutputTerminal(home, (*command, str(file))) as terminal:
        terminal.wait_if_running(lambda: any(words in terminal.output for words in (FIRST, LAST, MAY_BE_BINARY)))
        terminal.wait_for_silence(SILENCE_S, 2.0)
        for key in keys:
            terminal.press(key)
            terminal.wait_for_silence(SILENCE_S, 2.0)
        return terminal.outcome()


def _run_widget(kind: str, words: str, home: Path) -> Outcome:
    """A widget of Textual as it comes, clicked on where that does anything."""
    file, live = home / "words.json", home / "words.live"
    file.write_text(json.dumps(words))
    live.unlink(missing_ok=True)
    with _OutputTerminal(home, (sys.executable, "-m", "tests.support.hostile.plain_app", kind, str(file))) as terminal:
        terminal.wait_if_running(live.exists)
        if live.exists() and (cell := json.loads(live.read_text())):
            x, y = cell[0] + 1, cell[1] + 1
            terminal.send(f"\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m".encode())
            terminal.wait_for_silence(SILENCE_S, 2.0)
        return terminal.outcome()


def _run(program: str, words: str) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        if program in PAGERS:
            # The first key: yes, even if it may be binary.
            return _run_pager(program.split(), ("y", "g", " ", " ", "G"), words, home)
        return _run_widget(program.removeprefix("Textual "), words, home)


@cache
def _own_output(program: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """What a program writes by itself: sequences, as patterns, and unseen signs."""
    written = b"".join(_run(program, words).written for words in HARMLESS)
    found = set(_SEQUENCE.findall(written.decode("utf-8", "surrogateescape")))
    patterns = {rf"\x1b\[[\d;]*{re.escape(one[-1])}" if _NUMBERED.fullmatch(one) else re.escape(one) for one in found}
    # The longest first: a lone sign may be the beginning of another one.
    return (*sorted(patterns, key=len, reverse=True), *_COMMON_SEQUENCES), frozenset(invisible_characters(written))


def problems_of(program: str, name: str) -> set[str]:
    """Of what kinds one string's doings are at one of the peers."""
    own, own_unseen = _own_output(program)
    outcome = _run(program, CORPUS[name])
    facts = (
        bool(unexpected_sequences(outcome.written, *own)),
        bool(invisible_characters(outcome.written) - own_unseen),
        outcome.crashed,
        outcome.acted,
    )
    return {kind for kind, is_so in zip(PROBLEM_KINDS, facts, strict=True) if is_so}


def compare(names: Sequence[str], jobs: int, ours: Callable[[str], list[str]]) -> None:
    """Print the table: how many of the strings did what; `ours` says what goes wrong at our own program."""
    row = "{:<18}" + "{:>9}" * 5 + "\n"
    sys.stdout.write(row.format("", "strings", *PROBLEM_KINDS))
    with ProcessPoolExecutor(jobs) as pool:
        for program in PEERS:
            counts = Counter(kind for wrong in pool.map(problems_of, repeat(program), names) for kind in wrong)
            sys.stdout.write(row.format(program, len(names), *(counts[kind] for kind in PROBLEM_KINDS)))
            sys.stdout.flush()
        some = names[::OWN_SAMPLE_STEP]
        counts = Counter(kind for wrong in pool.map(ours, some) for kind in {_problem_kind(one) for one in wrong})
        sys.stdout.write(row.format("scaicore-tui", len(some), *(counts[kind] for kind in PROBLEM_KINDS)))


def _problem_kind(wrong: str) -> str:
    first = wrong.split()[0].rstrip(":")
    return {"foreign": "foreign", "unseen": "unseen", "nobody": "acted"}.get(first, "crashed")
