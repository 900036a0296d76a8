"""Terminal input: keys, pastes and reports are recognized however the input is split; everything else is dropped."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual import events
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS, IGNORE_SEQUENCE
from textual.message import Message

from scaicore_tui.tui.terminal.app import arrived_in_burst
from scaicore_tui.tui.terminal.input import InputParser
from scaicore_tui.tui.terminal.sequences import ESCAPE_TIMEOUT_S, PASTE_BEGIN, PASTE_END, STALL_TIMEOUT_S
from tests.support.hostile.corpus import CORPUS

AT_ONCE, LATER = 0.0, 0.5
# How bytes that are not UTF-8 appear in pasted text.
SHOWN = {0x1B: "␛"} | {0xDC00 + byte: chr(byte) if byte < 0xA0 else "\ufffd" for byte in range(0x80, 0x100)}
PAUSES = (AT_ONCE, 0.05, LATER, 60.0)  # seconds
ST, BEL = b"\x1b\\", b"\x07"
STRINGS = [
    b"\x1bP>|xterm(388)",  # XTVERSION
    b"\x1bP1$r0;1m",  # DECRQSS
    b"\x1bP1+r436f=323536",  # XTGETTCAP
    b"\x1bP!|00000000",  # DA3
    b"\x1b]10;rgb:c7c7/c7c7/c7c7",
    b"\x1b]11;rgb:0000/aaaa/RRRR",
    b"\x1b]4;1;rgb:cd/00/ac",
    b"\x1b]52;c;Y2NjY2Nj",
    b"\x1b]lc q title",
    b"\x1b_Gi=31;OK",  # kitty's graphics
    b"\x1b_Gi=31;ENOENT:cannot read",
    b"\x1b^a private c message",
    b"\x1bXacq start of c string",
]
REPORTS = [
    *(text + end for text in STRINGS for end in (ST, b"\x9c")),
    *(text + BEL for text in STRINGS if text.startswith(b"\x1b]")),
    *(bytes([text[1] + 0x40]) + text[2:] + b"\x9c" for text in STRINGS),
    b"\xc2\x9d11;rgb:cccc/aaaa/qqqq\xc2\x9c",
    b"\x1b[?62;1;4;22c",  # DA1
    b"\x1b[>0;276;0c",  # DA2
    b"\x1b[=0c",
    b"\x9b>0;276;0c",
    b"\xc2\x9b>0;276;0c",
    b"\x1b[0n",  # DSR
    b"\x1b[?13n",
    b"\x1b[24;80R",  # CPR
    b"\x1b[?24;80;1R",
    b"\x1b[1;2R",
    b"\x1b[?1u",  # kitty's keyboard: which flags are on
    b"\x1b[99;1:3u",  # a key was released
    b"\x1b[99:67;2;67u",
    b"\x1b[1114112u",
    b"\x1b[4;1$y",  # DECRPM
    b"\x1b[?1004;2$y",
    b"\x1b[8;24;80t",
    b"\x1b[4;600;800t",
    b"\x1b[48;24;80;600;800t",  # in-band resize that was not requested
    b"\x1b[48;99999;99999;99999;99999t",
    b"\x1b[99~",
    b"\x1b[99A",
    b"\x1b[99;1P",
    b"\x1b[;;99A",
    b"\x1b[13;13;13~",
    b"\x1b[Mccc",  # X10
    b"\x1b[M \xe3\x81",
    b"\x1b[tcc",  # highlighting
    b"\x1b[Tcccccc",
    b"\x1b[35;99;99M",  # urxvt
    b"\x1b[<35;-1;-99M",  # SGR
    b"\x1b[<0;123456789012;1M",
    b"\x1b[<999;1;1M",
    b"\x1b[<0;1M",
    b"\x1b[<M",
    b"\x1b#8",
    b"\x1b(c",
    b"\x1b[" + b"9" * 300 + b"c",
    b"\x1b[201~",
    b"\x8ec",
]
PASTES = [
    b"\x1b[200~approve c\r1\rq\x1b[201~",
    b"\x1b[200~c\x1bc\x1b[A\x1b]0;c\x07\x1b[201~",
    b"\x1b[200~c\x1b[200~c\r\x1b[201~",
    b"\x1b[200~c\x1b[20\x1b[201c\x1b[201~",
    "\x1b[200~é漢🎉c\x1b[201~".encode(),
]

# From a terminal that lets paste markers be pasted.
NESTED = [b"\x1b[200~c\x1b[200~c\r\x1b[201~c\rq\x1b[201~", b"\x1b[200~c\x1b[201~c\r\x1b[201~"]


class Typist:
    """Feeds a parser as the driver does, and keeps the messages."""

    def __init__(self) -> None:
        self.parser = InputParser()
        self.now = 100.0
        self.messages: list[Message] = []
        self._decode = getincrementaldecoder("utf-8")("surrogateescape").decode

    def read(self, data: bytes) -> Typist:
        self.messages += self.parser.feed(self._decode(data), self.now)
        return self

    def wait(self, seconds: float) -> Typist:
        """Advance the clock without any input."""
        begin = self.now
        for after in (ESCAPE_TIMEOUT_S, STALL_TIMEOUT_S, seconds):
            self.now = begin + min(after, seconds)
            self.messages += self.parser.tick(self.now)
        return self

    @property
    def keys(self) -> list[str]:
        return [message.key for message in self.messages if isinstance(message, events.Key)]

    @property
    def received(self) -> list[str]:
        """The names of keys and the pasted texts, in order."""
        return [
            message.text if isinstance(message, events.Paste) else getattr(message, "key", "?")
            for message in self.messages
        ]


def typed(*pieces: bytes, pause: float = AT_ONCE) -> Typist:
    typist = Typist()
    for piece in pieces:
        typist.read(piece).wait(pause)
    return typist.wait(10)


def splits(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield all ways to split `data` in two; about a hundred if it is long."""
    for at in range(1, len(data), max(1, len(data) // 100)):
        yield data[:at], data[at:]


@pytest.mark.parametrize("pause", PAUSES)
def test_a_report_is_never_a_key_however_it_is_split(pause: float) -> None:
    for first, second in chain.from_iterable(map(splits, REPORTS)):
        # An ESC followed by a pause is the escape key, even if the rest of a sequence follows later.
        is_key = first == b"\x1b" and pause >= ESCAPE_TIMEOUT_S
        assert typed(first, second, pause=pause).received == (["escape"] if is_key else []), (first, second)


@pytest.mark.parametrize("pause", [AT_ONCE, 0.05, LATER])
def test_a_report_is_never_a_key_byte_by_byte(pause: float) -> None:
    for sent in REPORTS:
        assert typed(sent).received == [], sent
        received = typed(*(bytes([byte]) for byte in sent), pause=pause).received
        assert set(received) <= ({"escape", "P"} if pause >= ESCAPE_TIMEOUT_S else set()), sent


@pytest.mark.parametrize("pause", PAUSES)
@pytest.mark.parametrize("sent", PASTES)
def test_a_paste_is_one_text_however_it_is_split(sent: bytes, pause: float) -> None:
    whole = typed(sent).messages
    text = sent.decode().removeprefix(PASTE_BEGIN).removesuffix(PASTE_END).replace("\x1b", "␛")
    assert [message.text for message in whole if isinstance(message, events.Paste)] == [text]
    assert len(whole) == 1
    for first, second in splits(sent):
        # If a marker is split after its ESC, that is the escape key; the text is then dropped.
        found = typed(first, second, pause=pause)
        assert "".join(piece for piece in found.received if piece != "escape") == text, (first, second)


@pytest.mark.parametrize("first", [*STRINGS, b"\x1b[", b"\x1b[>0;2", b"\x1bO", b"\x1b[200~text", b"\x1b[M"])
@pytest.mark.parametrize("key", [b"k", b"\x1b[B", b"\x1b", b"\x1b[107u"])
def test_keys_work_again_after_a_sequence_that_never_ends(first: bytes, key: bytes) -> None:
    """A few key presses may be lost, but none becomes another key."""
    typist = Typist().read(first).wait(STALL_TIMEOUT_S + 0.1)
    for _ in range(4):
        typist.read(key).wait(STALL_TIMEOUT_S + 0.1)
    name = {b"\x1b[B": "down", b"\x1b": "escape"}.get(key, "k")
    assert typist.keys[-1:] == [name]
    assert set(typist.keys) <= {name, "plus"}, "ESC O k is the plus of a keypad"


REPORTED = re.compile(r"\x1b\[\d;\dR")
KEYS = [
    *("\x1b[99;;99u", "\x1b[13u", "\x1b[27u", "\x1b[57414u", "\x1b[57400;129;49u"),
    *(
        sequence
        for sequence, keys in ANSI_SEQUENCES_KEYS.items()
        # A sequence that is also a cursor report counts as one; ESC and a hyphen may begin a sequence.
        if keys is not IGNORE_SEQUENCE
        and len(sequence) > 1
        and sequence.isascii()
        and not REPORTED.fullmatch(sequence)
        and sequence not in {"\x1b\x1b", "\x1b-"}
    ),
]


def test_every_known_key_is_recognized_however_it_is_split() -> None:
    for sent in KEYS:
        whole = typed(sent.encode()).keys
        assert whole, sent
        for first, second in splits(sent.encode()):
            assert typed(first, second).keys == whole, sent
            # A single ESC is a key, and so is a character that cannot continue a sequence.
            with_escape = ["escape", *typed(second).keys] if len(sent) == 2 else ["escape", *whole]
            assert typed(first, second, pause=LATER).keys in (whole, with_escape), sent


@pytest.mark.parametrize("pause", PAUSES)
@pytest.mark.parametrize("sent", NESTED)
def test_pasted_paste_markers_make_no_keys(sent: bytes, pause: float) -> None:
    assert typed(sent).keys == []
    for first, second in splits(sent):
        keys = [key for key in typed(first, second, pause=pause).messages if isinstance(key, events.Key)]
        assert all(key.key == "escape" or arrived_in_burst(key) for key in keys), (first, second)


@pytest.mark.parametrize(
    ("sent", "keys"),
    [
        (b"\x1b", ["escape"]),
        (b"\x1b\x1b", ["escape", "escape"]),
        (b"\x1b[A\x1bOB\x1b[3~", ["up", "down", "delete"]),
        (b"\x1bc", ["alt+c"]),
        (b"\x1bR", ["alt+R"]),
        (b"\x1b$", []),
        (b"\x1bf", ["ctrl+right"]),
        (b"\x1b\r", []),
        (b"\x1b\x13", []),
        (b"cR\r\x13", ["c", "R", "enter", "ctrl+s"]),
        ("é漢".encode(), ["é", "漢"]),
        (b"\x1b[27;5;115~", ["ctrl+s"]),
    ],
)
def test_typed_keys(sent: bytes, keys: list[str]) -> None:
    assert typed(sent).keys == keys


def test_a_key_with_alt_has_no_character() -> None:
    assert [message.character for message in typed(b"\x1bc").messages if isinstance(message, events.Key)] == [None]


def test_keys_after_a_single_escape() -> None:
    for sent in (b"c", b"Pj", b"P", b"[", b"1", b"\x1b[B", b"/fail\r"):
        found = typed(b"\x1b", sent, pause=LATER).keys
        expected = [] if sent == b"[" else typed(sent).keys
        assert found == ["escape", *expected], sent


@pytest.mark.parametrize(
    "sequence", [b"\x1b[>0;276;0c", b"\x1b[B", b"\x1b]11;?\x07", b"\x1b[I", b"\x9b?1u", b"\x1b[<0;3;3M"]
)
def test_characters_read_together_with_a_sequence_are_marked(sequence: bytes) -> None:
    for sent in (b"c" + sequence, sequence + b"c"):
        [key] = [message for message in typed(sent).messages if isinstance(message, events.Key) and message.key == "c"]
        assert arrived_in_burst(key)
    later = typed(sequence, b"c", pause=LATER).messages[-1]
    assert isinstance(later, events.Key)
    assert not arrived_in_burst(later)


@pytest.mark.parametrize(
    ("pieces", "pause"),
    [
        ((b"\x1b[>0;276;0c", b"c"), AT_ONCE),
        ((b"\x1b]11;rgb:c/", b"c\x07c"), LATER),
        ((b"\x1b[>0;27", b"6;0cc"), LATER),
        ((b"\x1b[200~c", b"\x1b[201~c"), LATER),
    ],
)
def test_characters_after_the_end_of_a_sequence_are_marked(pieces: tuple[bytes, ...], pause: float) -> None:
    key = typed(*pieces, pause=pause).messages[-1]
    assert isinstance(key, events.Key)
    assert arrived_in_burst(key)


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from([*REPORTS[:50], *PASTES, b"\x1b", b"[", b"\x1b[", b"P", b"\\", b"c", b"\r"]), max_size=6),
    st.data(),
)
def test_a_burst_gives_the_same_messages_however_it_is_split(parts: list[bytes], data: st.DataObject) -> None:
    sent = b"".join(parts)
    at = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=8)))
    pieces = [sent[begin:end] for begin, end in zip([0, *at], [*at, len(sent)], strict=True)]
    assert typed(*pieces).received == typed(sent).received


@settings(max_examples=40)
@given(st.binary(max_size=60), st.integers(0, 60))
def test_keys_work_after_any_bytes(sent: bytes, at: int) -> None:
    typist = typed(sent[:at], sent[at:], pause=LATER)
    for _ in range(8):
        typist.read(b"k").wait(10)
    assert typist.keys[-1] == "k"


@pytest.mark.parametrize("name", CORPUS)
def test_a_pasted_hostile_string_is_text(name: str) -> None:
    sent = CORPUS[name].replace(PASTE_END, "").replace("\0", "").encode("utf-8", "surrogatepass")
    text = sent.decode("utf-8", "surrogateescape").translate(SHOWN)
    assert typed(PASTE_BEGIN.encode() + sent + PASTE_END.encode()).received == ([text] if text else [])


def test_a_plausible_size_report_is_accepted_if_it_was_requested() -> None:
    typist = Typist()
    typist.parser.reports_size = True
    typist.read(b"\x1b[48;24;80;480;800t\x1b[48;0;0;0;0t\x1b[48;9999;9999;9999;9999t\x1b[48;24;80;0;0t")
    [resize] = typist.messages
    assert isinstance(resize, events.Resize)
    assert resize.size == (80, 24)


def test_reports_and_mouse_events_are_recognized() -> None:
    sent = b"\x1b[I\x1b[O\x1b[?2026;2$y\x1b[<0;3;5M\x1b[<0;3;5m\x1b[<65;3;5M\x1b[<35;3;6M"
    names = [
        "AppFocus",
        "AppBlur",
        "TerminalSupportsSynchronizedOutput",
        "MouseDown",
        "MouseUp",
        "MouseScrollDown",
        "MouseMove",
    ]
    assert [type(message).__name__ for message in typed(sent).messages] == names
