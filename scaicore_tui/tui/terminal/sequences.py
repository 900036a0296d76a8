"""Splits what a terminal sends into typed characters, complete escape sequences and pasted text (ECMA-48). Pure.

State is kept across reads, so that a sequence is the same wherever it was cut, and however late its rest comes. Nothing
of a sequence, whole or not, ever becomes a character: its reader may drop what it does not know. Only a single ESC is
told by time from the beginning of a sequence.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

from scaicore_tui.tui.terminal.pasting import BEGIN, END, Paste

ESC, BEL, ABORT = "\x1b", "\x07", "\x18\x1a"
# An ESC after which nothing came for so long is a key; the rest of a sequence may still follow it.
ESCAPE_SECONDS = 0.1
# After this silence within a string or a paste, a single key ends it: what was to end it was lost.
STALLED_SECONDS = 2.0
# What follows a dropped sequence so closely came with it.
BURST_SECONDS = 0.02
# No sequence that we know is longer.
MAX_LENGTH = 128
# Reports of a mouse whose numbers follow as characters: of buttons (X10), and of highlighting.
_PAYLOADS = {"\x1b[M": 3, "\x1b[t": 2, "\x1b[T": 6}
# Shifted keys of rxvt: the only ones that end like the middle of a sequence.
_RXVT_KEY = re.compile(r"\x1b\[\d{1,2}\$")
# DCS, SOS, OSC, PM and APC, behind their ESC; and with what the body of a DCS begins that a terminal sends.
_STRINGS = frozenset("PX]^_")
_DCS_BODY = frozenset("0123456789;>!=$+|")
# Those of the intermediate characters that are no keys of ours.
_INTERMEDIATES = frozenset("!\"#$%&'()*+,-.")
_SINGLE_SHIFT_2 = "\x8e"
_ONE_KEY = re.compile(r"[^\x07\x80-\x9f]|\x1b\[(?!20[01]~)[0-?]*[ -/]*[@-~]|\x1bO[0-9;]*[A-Za-z]")
_INTRODUCER = re.compile(r"[\x1b\x80-\x9f]")
# Bytes that are no UTF-8, as Python's `surrogateescape` gives them: of those, C1 controls are told apart.
_RAW_C1 = {0xDC00 + byte: byte for byte in range(0x80, 0xA0)}
_OTHER_BYTES = dict.fromkeys(range(0xDCA0, 0xDD00), "\ufffd")
_DECODED = _RAW_C1 | _OTHER_BYTES


class Kind(StrEnum):
    """What a token is."""

    CHARACTER = "character"
    ESCAPE = "escape"
    ALT = "alt"
    SEQUENCE = "sequence"
    PASTE = "paste"


class Token(Struct, frozen=True):
    """A piece of input: a sequence as 7 bits with its ESC, the character of an alt key, the text of a paste.

    `in_burst` marks a character that arrived together with an escape sequence: maybe nobody typed it.
    """

    kind: Kind
    text: str
    in_burst: bool = False


class State(StrEnum):
    """Where in its syntax the input is."""

    GROUND = "ground"
    ESCAPE = "after ESC"
    LATE = "after an ESC that was given as a key"
    LATE_DCS = "after a P that may begin a string"
    CSI = "control sequence"
    SS3 = "single shift"
    INTERMEDIATE = "ESC and an intermediate character"
    STRING = "control string"
    STRING_ESCAPE = "ESC in a control string"
    PAYLOAD = "characters that belong to a sequence"
    SKIP = "rest of a burst that makes no sense"
    PASTE = "pasted text"


class Tokenizer:
    """Of one terminal. Times are seconds of a clock that only grows."""

    def __init__(self) -> None:
        self._state = State.GROUND
        self._sequence = ""
        self._left = 0
        self._paste = Paste()
        self._tokens: list[Token] = []
        self._last_at = float("-inf")
        self._dropped_at = float("-inf")
        # Of the read that is being looked at: whether a part of a sequence is in it, whether silence was before it.
        self._has_escape = self._is_new = False
        self._steps: dict[State, Callable[[str, str], None]] = {
            State.GROUND: self._on_ground,
            State.ESCAPE: self._on_escape,
            State.LATE: self._on_late,
            State.LATE_DCS: self._on_late_dcs,
            State.CSI: self._on_csi,
            State.SS3: self._on_ss3,
            State.INTERMEDIATE: self._on_intermediate,
            State.STRING: self._on_string,
            State.STRING_ESCAPE: self._on_string_escape,
            State.PAYLOAD: self._on_payload,
            State.SKIP: self._on_skip,
        }

    def feed(self, data: str, now: float) -> list[Token]:
        """Take what was read, decoded with `surrogateescape`."""
        data = data.translate(_DECODED)
        silence, self._last_at = now - self._last_at, now
        self._is_new = silence >= ESCAPE_SECONDS
        came_with_dropped = now - self._dropped_at < BURST_SECONDS
        self._begin_read(data, silence)
        is_within = self._state not in (State.GROUND, State.LATE, State.LATE_DCS)
        self._has_escape = is_within or came_with_dropped or _INTRODUCER.search(data) is not None
        at = 0
        while at < len(data):
            if self._state is State.PASTE:
                at += self._take_paste(data[at:])
            else:
                self._steps[self._state](data[at], data[at + 1 : at + 2])
                at += 1
            self._is_new = False
        if came_with_dropped:
            self._dropped_at = now
        return self._given()

    def tick(self, now: float) -> list[Token]:
        """Nothing was read: what is still held may be complete."""
        silence = now - self._last_at
        if silence >= ESCAPE_SECONDS:
            self._on_silence()
        if silence >= STALLED_SECONDS and self._state is State.PASTE:
            self._give_paste(self._paste.collected())
        return self._given()

    def note_dropped(self) -> None:
        """Remember that the reader knew none of what was given last."""
        self._dropped_at = self._last_at

    def _begin_read(self, data: str, silence: float) -> None:
        if self._is_new and self._state is State.SKIP:
            self._state = State.GROUND
        if silence >= STALLED_SECONDS and self._is_stalled and _ONE_KEY.fullmatch(data):
            self._give_paste(self._paste.collected())
            self._state = State.GROUND
        if self._state is State.GROUND and _is_pasted(data):
            self._state = State.PASTE

    @property
    def _is_stalled(self) -> bool:
        return self._state is State.STRING or (self._state is State.PASTE and not self._paste.held)

    def _take_paste(self, data: str) -> int:
        """Take pasted text; return how much of `data` that was."""
        text, is_over, rest = self._paste.feed(data)
        if is_over and not _is_pasted(rest):
            self._state = State.GROUND
        self._give_paste(text)
        return len(data) - len(rest)

    def _on_silence(self) -> None:
        if self._state is State.ESCAPE:
            if self._sequence:
                self._give(Kind.ESCAPE, ESC)
            self._state = State.LATE
        elif self._state is State.STRING_ESCAPE:
            self._state = State.LATE
        elif self._state is State.LATE_DCS and self._sequence:
            self._give(Kind.CHARACTER, self._sequence)
            self._sequence = ""
        elif self._state is State.CSI and _RXVT_KEY.fullmatch(self._sequence):
            self._complete(self._sequence)

    def _on_ground(self, sign: str, _following: str) -> None:
        if not self._begins(sign):
            self._give(Kind.CHARACTER, sign)

    def _begins(self, sign: str) -> bool:
        """Whether a control sequence begins here, or a control character of 8 bits was dropped."""
        if sign == ESC:
            self._state, self._sequence = State.ESCAPE, ESC
        elif "\x80" <= sign < "\xa0":
            self._introduce(chr(ord(sign) - 0x40))
            # As 7 bits it would be alt and N, which a person may press; no terminal sends it.
            if sign == _SINGLE_SHIFT_2:
                self._state = State.SS3
        return sign == ESC or "\x80" <= sign < "\xa0"

    def _introduce(self, sign: str) -> bool:
        """Whether ESC and this character begin something longer."""
        self._state, self._sequence = State.GROUND, ESC + sign
        if sign == "[":
            self._state = State.CSI
        elif sign == "O":
            self._state = State.SS3
        elif sign in _STRINGS:
            self._state = State.STRING
        else:
            return sign == "\\"
        return True

    def _on_escape(self, sign: str, _following: str) -> None:
        if sign == ESC and self._sequence:
            self._give(Kind.ESCAPE, ESC)
        if self._begins(sign) or self._introduce(sign):
            return
        if " " <= sign <= "/":
            self._state = State.INTERMEDIATE
        elif sign < " " or sign == "\x7f":
            self._complete(ESC + sign)
        else:
            self._give(Kind.ALT, sign)

    def _on_late(self, sign: str, following: str) -> None:
        """ESC was given as a key, but what comes now may belong to it."""
        if sign == "P" and following not in _DCS_BODY:
            self._state, self._sequence = State.LATE_DCS, sign
        elif sign in _INTERMEDIATES:
            self._state = State.INTERMEDIATE
        elif not self._introduce(sign):
            self._on_ground(sign, following)

    def _on_late_dcs(self, sign: str, following: str) -> None:
        """A P after such an ESC is held a moment, then given as a key: a string goes on as no key does."""
        if sign in _DCS_BODY:
            self._introduce("P")
            return
        self._state = State.GROUND
        if self._sequence:
            self._give(Kind.CHARACTER, self._sequence)
        self._on_ground(sign, following)

    def _on_csi(self, sign: str, _following: str) -> None:
        if self._begins(sign):
            return
        if not " " <= sign <= "~":
            self._skip()
            return
        is_final = sign >= "@" and (sign, self._sequence) != ("[", "\x1b[")
        if len(self._sequence) <= MAX_LENGTH:
            self._sequence += sign
        if is_final:
            self._complete(self._sequence)

    def _on_ss3(self, sign: str, _following: str) -> None:
        if self._begins(sign):
            return
        if not " " <= sign <= "~":
            self._skip()
        elif sign not in "0123456789;":
            self._complete(self._sequence + sign)
        elif len(self._sequence) <= MAX_LENGTH:
            self._sequence += sign

    def _on_intermediate(self, sign: str, _following: str) -> None:
        if self._begins(sign):
            return
        if not " " <= sign <= "/":
            self._drop()

    def _on_string(self, sign: str, _following: str) -> None:
        if sign == ESC:
            self._state = State.ESCAPE if self._is_new else State.STRING_ESCAPE
            self._sequence = "" if self._is_new else self._sequence
        elif sign == "\x9c" or (sign == BEL and self._sequence == "\x1b]"):
            self._drop()
        elif sign in ABORT:
            self._skip()

    def _on_string_escape(self, sign: str, _following: str) -> None:
        """Only the terminator ends a string: whatever else ESC is followed by there belongs to it."""
        if sign == "\\":
            self._drop()
        elif sign != ESC:
            self._state = State.STRING

    def _on_payload(self, sign: str, _following: str) -> None:
        if sign == ESC:
            self._begins(sign)
            return
        self._left -= 1
        if not self._left:
            self._drop()

    def _on_skip(self, sign: str, _following: str) -> None:
        self._begins(sign)

    def _skip(self) -> None:
        self._state, self._dropped_at = State.SKIP, self._last_at

    def _drop(self) -> None:
        self._state, self._dropped_at = State.GROUND, self._last_at

    def _complete(self, sequence: str) -> None:
        """Give a sequence; one that is followed by a payload is dropped with that, as we ask for none."""
        self._state = State.GROUND
        if sequence == BEGIN:
            self._state = State.PASTE
        elif sequence in _PAYLOADS:
            self._state, self._left = State.PAYLOAD, _PAYLOADS[sequence]
        elif len(sequence) <= MAX_LENGTH:
            self._give(Kind.SEQUENCE, sequence)

    def _give_paste(self, text: str) -> None:
        if text:
            self._give(Kind.PASTE, text)

    def _give(self, kind: Kind, text: str) -> None:
        self._tokens.append(Token(kind, text, kind is Kind.CHARACTER and self._has_escape))

    def _given(self) -> list[Token]:
        given, self._tokens = self._tokens, []
        return given


def _is_pasted(data: str) -> bool:
    """Whether an end marker follows that no beginning precedes: some terminals let markers be pasted, with what is
    then to be taken for keys."""
    before, end, _ = data.partition(END)
    return bool(end) and BEGIN not in before
