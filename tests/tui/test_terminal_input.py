"""What a terminal sends: what it says is pasted stays one text, and no number in a sequence is too large."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from textual import events

from scaicore_tui.tui.terminal.parser import Parser
from scaicore_tui.tui.terminal.pasting import BEGIN, END, PasteGuard
from tests.hostile.corpus import CORPUS

SENT = f"j{BEGIN}one\x1b]0;a\x18\x1b[2J\r1\r\x1b\x1b[A\x1b[20{END}\x1b[Bk"


def told(pieces: Iterable[str]) -> list[str]:
    """What the app is told of: names of keys, and what was pasted."""
    guard, parser = PasteGuard(), Parser(debug=False)
    messages = [message for piece in pieces if (text := guard.feed(piece)) for message in parser.feed(text)]
    return [message.text if isinstance(message, events.Paste) else getattr(message, "key", "?") for message in messages]


@pytest.mark.parametrize("size", range(1, len(SENT) + 1))
def test_wherever_it_is_cut(size: int) -> None:
    pieces = [SENT[at : at + size] for at in range(0, len(SENT), size)]
    assert told(pieces) == ["j", "one␛]0;a\x18␛[2J\r1\r␛␛[A␛[20", "down", "k"]


@pytest.mark.parametrize("name", CORPUS)
def test_no_string_is_keys(name: str) -> None:
    text = CORPUS[name].replace(END, "").replace("\0", "")
    assert told([f"{BEGIN}{text}{END}"]) == ([text.replace("\x1b", "␛")] if text else [""])


@pytest.mark.parametrize(
    "sent", ["\x1b[1114112u", f"\x1b[{'9' * 20}u", "\x1b[48;0;0;0;0t\x1b[<0;1;1M", *CORPUS.values()]
)
def test_nothing_that_is_typed_ends_the_reading(sent: str) -> None:
    assert told([sent, "\x1b[200~pasted", END, "k"])[-1] == "k"
