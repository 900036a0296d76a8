"""Visit every list, view and dialog of the program to its end, and answer some of the checkpoints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench.feed import served
from tests.support.hostile.hostile_feed import HostileFeed
from tests.support.hostile.output_grammar import COPY, invisible_characters, own_sequences, unexpected_sequences
from tests.support.terminal import DEBUGGER, Terminal

# Printed at the end if the response to a write did not match it.
_LOOK_UP = "the next start of the app looks (?:it|them) up; scaicore-tui ledger lists (?:it|them)"
EXIT_MESSAGE = rf"\d+ writes? (?:has|have) an unknown outcome: {_LOOK_UP}\r\n"

# After this time without output, a key has been handled and the screen is complete.
SILENCE_S = 0.05
# Longer than the program waits for the rest of an escape sequence.
ESCAPE_S = 0.15
# For this time after it opened, a dialog accepts no confirmation. The screen does not show it.
CONFIRM_DELAY_S = 0.4
# The walk refreshes by a key; periodic polls would only take time.
LONG_INTERVAL = "3600"


class Walk:
    """The program on a terminal of `size`, connected to a feed. `problems` are the problems found so far."""

    def __init__(self, terminal: Terminal, feed: HostileFeed, size: tuple[int, int]) -> None:
        self.terminal = terminal
        self.feed = feed
        self.size = size
        self.problems: list[str] = []
        self._requested_writes = 0

    def press(self, *keys: str) -> None:
        """Press keys, and wait until their result is drawn.

        A key directly after escape would be read as that key with Alt.
        """
        for number, key in enumerate(keys):
            self.terminal.press(key)
            if key == "escape":
                self.terminal.wait_for_silence(ESCAPE_S, 2.0)
            elif number == len(keys) - 1:
                self.terminal.wait_for_silence(SILENCE_S, 2.0)

    def paste(self, text: str) -> None:
        """Paste a text, and wait until it is drawn."""
        self.terminal.paste("".join(char for char in text if not "\ud800" <= char <= "\udfff"))
        self.terminal.wait_for_silence(SILENCE_S, 2.0)

    def pages(self, limit: int) -> None:
        """Page down until nothing changes any more."""
        for _ in range(limit):
            before = len(self.terminal.output)
            self.press("pagedown")
            if len(self.terminal.output) == before:
                return

    def click_everywhere(self) -> None:
        """Click all over each line except the footer, the last line with text: there a click is a key press."""
        columns, _ = self.size
        y = 1
        # A click may change the number of lines above the footer.
        while y < max((row for row, line in enumerate(self.terminal.lines, 1) if line), default=0) - 1:
            for x in range(1, columns, 7):
                self.terminal.send(f"\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m".encode())
            self.terminal.wait_for_silence(SILENCE_S, 2.0)
            y += 1

    def main(self, pages: int) -> None:
        """Visit the three lists, and filter them."""
        self.press("G", "g", "y", "Y")
        self.pages(pages)
        self.press("g", "tab")
        self.pages(pages)
        self.press("tab")
        self.pages(pages)
        self.press("y", "tab", "e", "e", "v", "escape", "g")

    def run_view(self, pages: int) -> None:
        """Visit the view of the run with all strings, and of a run with a string as its id."""
        self.press("g", "enter")
        self.pages(pages)
        self.click_everywhere()
        self.press("G", "e", "E", "y", "Y", "escape", "e", "enter", "pagedown", "pagedown", "y", "escape", "g")

    def inbox(self, pages: int) -> None:
        """Visit the pending and the resolved checkpoints."""
        self.press("i")
        self.pages(pages)
        self.press("shift+tab", "enter", "pagedown", "escape", "tab", "ctrl+t", "escape", "*", "*")
        self.press("v")
        self.terminal.wait_for_silence(4 * SILENCE_S, 2.0)
        self.pages(pages)
        self.press("v", "g")

    def dialogs(self, count: int, step: int) -> None:
        """Open the first dialogs of the inbox, which have the most content, then every `step`th of the others."""
        for number in range(count):
            self.press("a")
            self.press("pagedown", "pagedown", "pagedown", "pagedown")
            self.press("ctrl+y", "3", "2", "1", "tab", "ctrl+t")
            if number == 0:
                self.click_everywhere()
            self.press("escape")
            self.press(*["j"] * (1 if number < count // 2 else step))

    def answers(self, strings: Sequence[str]) -> None:
        """Send an answer for each of `strings`, which is in the server's response; every second answer is rejected."""
        for number, text in enumerate(strings):
            self.feed.refusal = text if number % 2 else None
            self.press("a", "1")
            self._send()
            self.press("escape", "escape", "j")
        self.feed.refusal = None

    def bulk_answer(self, strings: Sequence[str]) -> None:
        """Answer several checkpoints at once, and breakpoints; visit the results."""
        self.press("g", "space", "space", "space", "a", "pagedown", "1")
        self.feed.refusal = strings[0]
        self._send(3)
        self.press("pagedown", "escape", "escape")
        self.feed.refusal = None
        self.press("/", *"break_", "enter", "C", "1", "pagedown", "escape", "a", "pagedown", "escape", "escape")

    def replay(self, strings: Sequence[str]) -> None:
        """Visit the replay dialog, and paste the strings into its fields."""
        self.press("g", "R", "pagedown", "pagedown", "y", "e")
        for text in strings:
            self.paste(text)
        self.press("escape", "pagedown", "tab")
        for text in strings:
            self.paste(text)
        self.press("escape", "escape")
        self.press("j", "R", "pagedown", "escape")

    def inputs(self, strings: Sequence[str]) -> None:
        """Paste the strings into the fields of one line: filter, palette, filter of the inbox."""
        for keys, close in (
            (("/",), ("escape",)),
            (("ctrl+p",), ("escape",)),
            (("i", "/"), ("escape", "escape")),
        ):
            self.press(*keys)
            for text in strings:
                self.paste(text)
            self.press(*close)

    def errors(self, strings: Sequence[str]) -> None:
        """Visit the error messages of a server that fails."""
        for text in strings:
            self.feed.error_message = text
            self.press("r")
            self.terminal.wait_for_silence(4 * SILENCE_S, 2.0)
        self.feed.error_message = None
        self.press("r")

    def quit(self) -> list[str]:
        """Quit the program; return all problems."""
        # On a loaded machine the program may read escape together with the next key: that must not be q.
        self.press("escape", "escape", "escape", "escape", "k", "q")
        code = self.terminal.wait()
        written = bytes(self.terminal.output)
        self.problems += [f"unrequested write: {path}" for path in self.feed.posts[self._requested_writes :]]
        self.problems += [
            f"unexpected: {found!r}" for found in unexpected_sequences(written, *own_sequences(COPY), EXIT_MESSAGE)
        ]
        self.problems += [f"invisible: {char}" for char in sorted(invisible_characters(written))]
        self.problems += [f"exit code {code}"] if code else []
        self.problems += ["crashed"] if b"Traceback" in written else []
        return self.problems

    def _send(self, count: int = 1) -> None:
        """Confirm the dialog, if one is open. At most `count` writes are requested by it."""
        self.terminal.wait_for_silence(CONFIRM_DELAY_S, CONFIRM_DELAY_S)
        self.press("enter")
        self.terminal.wait_for_silence(4 * SILENCE_S, 2.0)
        self._requested_writes += count


@contextmanager
def walking(
    home: Path,
    feed: HostileFeed,
    size: tuple[int, int],
    *flags: str,
    env: Mapping[str, str] | None = None,
    program: Sequence[str] = DEBUGGER,
) -> Iterator[Walk]:
    """Run the program on that feed; yield once the screen shows all its parts."""
    with served(feed) as settings:
        command = (*program, "--interval", LONG_INTERVAL, "--no-journal", *flags)
        warm = tuple(program) == DEBUGGER
        with Terminal(home, command, size=size, env={**settings, **(env or {})}, warm=warm) as terminal:
            terminal.wait_until(lambda: re.search(r"(?s)\d wait.*Runs  1 of ", terminal.text))
            terminal.wait_for_silence(0.5, 5.0)
            yield Walk(terminal, feed, size)
