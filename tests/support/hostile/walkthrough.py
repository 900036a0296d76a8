"""Visit every list, view and dialog of the program to its end, and answer some of the checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench.feed import served
from tests.support.hostile.hostile_feed import BUSY_RUN, HostileFeed
from tests.support.hostile.output_grammar import COPY, invisible_characters, own_sequences, unexpected_sequences
from tests.support.terminal import DEBUGGER, Terminal

# What is said of writes whose answers were about something else, when the terminal is given back.
_LOOK_UP = "the next start of the app looks (?:it|them) up; scaicore-tui ledger lists (?:it|them)"
EXIT_MESSAGE = rf"\d+ writes? (?:has|have) an unknown outcome: {_LOOK_UP}\r\n"

# Nothing was written for so long: the key was acted on, and its picture is whole.
SILENCE_S = 0.05
# So long the program waits for what escape may begin.
ESCAPE_S = 0.15
# A dialog takes no confirmation for a moment after it opened; on the screen that shows nowhere.
CONFIRM_DELAY_S = 0.4
# The walk asks for what it wants: a poll by itself would only take time.
LONG_INTERVAL = "3600"


class Walk:
    """The program on a terminal of `size`, in front of a feed. `wrong` is what went wrong on the way."""

    def __init__(self, terminal: Terminal, feed: HostileFeed, size: tuple[int, int]) -> None:
        self.terminal = terminal
        self.feed = feed
        self.size = size
        self.problems: list[str] = []
        self._asked_for = 0

    def press(self, *keys: str) -> None:
        """Press keys, and wait until all is painted that they ask for.

        What follows escape at once would be taken for a key held with alt.
        """
        for number, key in enumerate(keys):
            self.terminal.press(key)
            if key == "escape":
                self.terminal.wait_for_silence(ESCAPE_S, 2.0)
            elif number == len(keys) - 1:
                self.terminal.wait_for_silence(SILENCE_S, 2.0)

    def paste(self, text: str) -> None:
        """Paste, and wait until it is painted."""
        self.terminal.paste("".join(sign for sign in text if not "\ud800" <= sign <= "\udfff"))
        self.terminal.wait_for_silence(SILENCE_S, 2.0)

    def pages(self, limit: int) -> None:
        """Page down to the end: where nothing is written any more."""
        for _ in range(limit):
            before = len(self.terminal.output)
            self.press("pagedown")
            if len(self.terminal.output) == before:
                return

    def click_everywhere(self) -> None:
        """Click on every line, all over it, but for the footer, the last one with words: there a click is a key."""
        columns, _ = self.size
        y = 1
        # A click may make what is above the footer higher or lower.
        while y < max((row for row, line in enumerate(self.terminal.lines, 1) if line), default=0) - 1:
            for x in range(1, columns, 7):
                self.terminal.send(f"\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m".encode())
            self.terminal.wait_for_silence(SILENCE_S, 2.0)
            y += 1

    def main(self, pages: int) -> None:
        """The three lists, and filters of them."""
        self.press("G", "g", "y", "Y")
        self.pages(pages)
        self.press("g", "tab")
        self.pages(pages)
        self.press("tab")
        self.pages(pages)
        self.press("y", "tab", "e", "e", "v", "escape", "g")

    def run_view(self, pages: int) -> None:
        """The view of the run that has everything in it, and that of one with an id of its own."""
        self.press("g", "enter")
        self.pages(pages)
        self.click_everywhere()
        self.press("G", "e", "E", "y", "Y", "escape", "e", "enter", "pagedown", "pagedown", "y", "escape", "g")

    def inbox(self, pages: int) -> None:
        """What waits, and what was answered."""
        self.press("i")
        self.pages(pages)
        self.press("v")
        self.terminal.wait_for_silence(4 * SILENCE_S, 2.0)
        self.pages(pages)
        self.press("v", "g")

    def dialogs(self, count: int, step: int) -> None:
        """The first dialogs of the inbox, which have most in them, then every so-manieth of the others."""
        for number in range(count):
            self.press("enter")
            self.press("pagedown", "pagedown", "pagedown", "pagedown")
            self.press("ctrl+y", "3", "2", "1", "tab", "ctrl+t")
            if number == 0:
                self.click_everywhere()
            self.press("escape")
            self.press(*["j"] * (1 if number < count // 2 else step))

    def answers(self, strings: Sequence[str]) -> None:
        """One answer for each of `strings`, which is what the server says of it; every second one is refused."""
        for number, words in enumerate(strings):
            self.feed.refusal = words if number % 2 else None
            self.press("enter", "1")
            self._send()
            self.press("escape", "escape", "j")
        self.feed.refusal = None

    def bulk_answer(self, strings: Sequence[str]) -> None:
        """Some alike, what came of them, and breakpoints."""
        self.press("g", "space", "j", "space", "j", "space", "a", "pagedown", "1")
        self.feed.refusal = strings[0]
        self._send(3)
        self.press("pagedown", "escape", "escape")
        self.feed.refusal = None
        self.press("/", *"break_", "enter", "C", "1", "pagedown", "escape", "a", "pagedown", "escape", "escape")

    def replay(self, strings: Sequence[str]) -> None:
        """The dialog before a replay, with what is pasted in its place."""
        self.press("g", "R", "pagedown", "pagedown", "y", "e")
        for words in strings:
            self.paste(words)
        self.press("escape", "pagedown", "tab")
        for words in strings:
            self.paste(words)
        self.press("escape", "escape")
        self.press("j", "R", "pagedown", "escape")

    def inputs(self, strings: Sequence[str]) -> None:
        """What is pasted where a line is typed: filter, palette, free answer, comment."""
        for keys, after in ((("/",), ("escape",)), (("ctrl+p",), ("escape",)), (("i", "/"), ("escape", "escape"))):
            self.press(*keys)
            for words in strings:
                self.paste(words)
            self.press(*after)

    def errors(self, strings: Sequence[str]) -> None:
        """What a server says that can't be had."""
        for words in strings:
            self.feed.error_message = words
            self.press("r")
            self.terminal.wait_for_silence(4 * SILENCE_S, 2.0)
        self.feed.error_message = None
        self.press("r")

    def quit(self) -> list[str]:
        """Quit; what was wrong."""
        self.press("escape", "escape", "escape", "escape", "q")
        code = self.terminal.wait()
        written = bytes(self.terminal.output)
        self.problems += [f"nobody asked for {path}" for path in self.feed.posts[self._asked_for :]]
        self.problems += [
            f"foreign: {found!r}" for found in unexpected_sequences(written, *own_sequences(COPY), EXIT_MESSAGE)
        ]
        self.problems += [f"unseen: {sign}" for sign in sorted(invisible_characters(written))]
        self.problems += [f"exit code {code}"] if code else []
        self.problems += ["it crashed"] if b"Traceback" in written else []
        return self.problems

    def _send(self, count: int = 1) -> None:
        """Confirm a dialog, if it is one: at most so many writes were asked for."""
        self.terminal.wait_for_silence(CONFIRM_DELAY_S, CONFIRM_DELAY_S)
        self.press("enter")
        self.terminal.wait_for_silence(4 * SILENCE_S, 2.0)
        self._asked_for += count


@contextmanager
def walking(
    home: Path,
    feed: HostileFeed,
    size: tuple[int, int],
    *flags: str,
    env: Mapping[str, str] | None = None,
    program: Sequence[str] = DEBUGGER,
) -> Iterator[Walk]:
    """Run the program on that feed, and wait until all of it is on the screen."""
    with served(feed) as settings:
        command = (*program, "--interval", LONG_INTERVAL, "--no-journal", *flags)
        with Terminal(home, command, size=size, env={**settings, **(env or {})}) as terminal:
            terminal.wait_until(lambda: all(words in terminal.text for words in (BUSY_RUN, "1 wait", "fail")))
            terminal.wait_for_silence(0.5, 5.0)
            yield Walk(terminal, feed, size)
