"""Splits terminal input into characters, escape sequences and pasted text (ECMA-48). Pure.

State is kept between reads: a sequence gives the same token however it was cut, and however late its end arrives. No
part of an escape sequence ever becomes a character, so the caller may drop sequences that it does not know. Only a
single ESC is distinguished from the start of a sequence by time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

ESC, BEL, ABORT = "\x1b", "\x07", "\x18\x1a"
# Bracketed paste, and the character that stands for an ESC in pasted text.
PASTE_BEGIN, PASTE_END = "\x1b[200~", "\x1b[201~"
_VISIBLE_ESC = "␛"
# An ESC with nothing behind it for this long is a key. The rest of a sequence may still arrive later.
ESCAPE_TIMEOUT_S = 0.1
# After this silence within a control string or a paste, its end was lost: a single key ends it.
STALL_TIMEOUT_S = 2.0
# Input this soon after a dropped sequence was sent together with it.
BURST_INTERVAL_S = 0.02
# Longer than any sequence that is known.
MAX_SEQUENCE_LENGTH = 128
# Reports that are followed by this many characters of data: X10 mouse buttons and mouse highlighting.
_DATA_LENGTHS = {"\x1b[M": 3, "\x1b[t": 2, "\x1b[T": 6}
# Shifted keys of rxvt: the only keys whose last character is an intermediate character.
_RXVT_KEY = re.compile(r"\x1b\[\d{1,2}\$")
# Introduce a DCS, SOS, OSC, PM or APC string behind an ESC; and the first characters of a DCS that terminals send.
_STRING_INTRODUCERS = frozenset("PX]^_")
_DCS_BODY = frozenset("0123456789;>!=$+|")
# Intermediate characters that are not keys of the app.
_INTERMEDIATES = frozenset("!\"#$%&'()*+,-.")
_SINGLE_SHIFT_2 = "\x8e"
_ONE_KEY = re.compile(r"[^\x07\x80-\x9f]|\x1b\[(?!20[01]~)[0-?]*[ -/]*[@-~]|\x1bO[0-9;]*[A-Za-z]")
_INTRODUCER = re.compile(r"[\x1b\x80-\x9f]")
# Bytes that are not UTF-8 are decoded with `surrogateescape`. Those of C1 controls become these controls.
_RAW_C1 = {0xDC00 + byte: byte for byte in range(0x80, 0xA0)}
_OTHER_BYTES = dict.fromkeys(range(0xDCA0, 0xDD00), "\ufffd")
_UNDECODABLE = _RAW_C1 | _OTHER_BYTES


class TokenKind(StrEnum):
    """The kind of a token."""

    CHARACTER = "character"
    ESCAPE = "escape"
    ALT = "alt"
    SEQUENCE = "sequence"
    PASTE = "paste"


class Token(Struct, frozen=True):
    """A unit of input.

    `text` is the character (without Alt), the whole sequence in its 7-bit form, or the pasted text. `in_burst` marks a
    character that arrived together with an escape sequence: it may not be a key press.
    """

    kind: TokenKind
    text: str
    in_burst: bool = False


class State(StrEnum):
    """The states of the tokenizer."""

    GROUND = "ground"
    ESCAPE = "after ESC"
    LATE = "after an ESC that was emitted as a key"
    LATE_DCS = "after a P that may introduce a string"
    CSI = "control sequence"
    SS3 = "single shift"
    INTERMEDIATE = "ESC and an intermediate character"
    STRING = "control string"
    STRING_ESCAPE = "ESC in a control string"
    DATA = "data behind a sequence"
    SKIP = "rest of invalid input"
    PASTE = "pasted text"


class PasteBuffer:
    """Collects pasted text up to its end marker, however it was cut, and makes the ESCs in it visible."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        # May be the first part of the end marker.
        self.held = ""

    def feed(self, data: str) -> tuple[str, bool, str]:
        """Add input. Return the text if it is complete, else ""; if it is complete; and the input behind it."""
        data = self.held + data
        text, end, rest = data.partition(PASTE_END)
        self.held = "" if end else _partial_end(data)
        self._parts.append(text.removesuffix(self.held))
        return self.take() if end else "", bool(end), rest

    def take(self) -> str:
        """Return the text so far, and clear the buffer."""
        text = "".join(self._parts).replace(ESC, _VISIBLE_ESC)
        self._parts = []
        return text


class Tokenizer:
    """Tokenizes the input of one terminal. Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._state = State.GROUND
        self._sequence = ""
        self._data_left = 0
        self._paste = PasteBuffer()
        self._tokens: list[Token] = []
        self._last_at = float("-inf")
        self._dropped_at = float("-inf")
        # About the current read: it contains part of a sequence; a pause preceded it.
        self._has_escape = self._is_after_pause = False
        self._handlers: dict[State, Callable[[str, str], None]] = {
            State.GROUND: self._on_ground,
            State.ESCAPE: self._on_escape,
            State.LATE: self._on_late,
            State.LATE_DCS: self._on_late_dcs,
            State.CSI: self._on_csi,
            State.SS3: self._on_ss3,
            State.INTERMEDIATE: self._on_intermediate,
            State.STRING: self._on_string,
            State.STRING_ESCAPE: self._on_string_escape,
            State.DATA: self._on_data,
            State.SKIP: self._on_skip,
        }

    def feed(self, data: str, now: float) -> list[Token]:
        """Return the tokens that are complete after this input, which was decoded with `surrogateescape`."""
        data = data.translate(_UNDECODABLE)
        silence, self._last_at = now - self._last_at, now
        self._is_after_pause = silence >= ESCAPE_TIMEOUT_S
        arrived_with_dropped = now - self._dropped_at < BURST_INTERVAL_S
        self._begin_read(data, silence)
        is_within_sequence = self._state not in (State.GROUND, State.LATE, State.LATE_DCS)
        self._has_escape = is_within_sequence or arrived_with_dropped or _INTRODUCER.search(data) is not None
        at = 0
        while at < len(data):
            if self._state is State.PASTE:
                at += self._feed_paste(data[at:])
            else:
                self._handlers[self._state](data[at], data[at + 1 : at + 2])
                at += 1
            self._is_after_pause = False
        if arrived_with_dropped:
            self._dropped_at = now
        return self._take_tokens()

    def tick(self, now: float) -> list[Token]:
        """Return the tokens that are complete because no input followed. Call this while there is no input."""
        silence = now - self._last_at
        if silence >= ESCAPE_TIMEOUT_S:
            self._on_silence()
        if silence >= STALL_TIMEOUT_S and self._state is State.PASTE:
            self._emit_paste(self._paste.take())
        return self._take_tokens()

    def note_dropped(self) -> None:
        """Record that the caller did not know the last sequence and dropped it."""
        self._dropped_at = self._last_at

    def _begin_read(self, data: str, silence: float) -> None:
        if self._is_after_pause and self._state is State.SKIP:
            self._state = State.GROUND
        if silence >= STALL_TIMEOUT_S and self._can_stall and _ONE_KEY.fullmatch(data):
            self._emit_paste(self._paste.take())
            self._state = State.GROUND
        if self._state is State.GROUND and _continues_paste(data):
            self._state = State.PASTE

    @property
    def _can_stall(self) -> bool:
        return self._state is State.STRING or (self._state is State.PASTE and not self._paste.held)

    def _feed_paste(self, data: str) -> int:
        """Add `data` to the paste. Return how many characters belong to it."""
        text, is_complete, rest = self._paste.feed(data)
        if is_complete and not _continues_paste(rest):
            self._state = State.GROUND
        self._emit_paste(text)
        return len(data) - len(rest)

    def _on_silence(self) -> None:
        if self._state is State.ESCAPE:
            if self._sequence:
                self._emit(TokenKind.ESCAPE, ESC)
            self._state = State.LATE
        elif self._state is State.STRING_ESCAPE:
            self._state = State.LATE
        elif self._state is State.LATE_DCS and self._sequence:
            self._emit(TokenKind.CHARACTER, self._sequence)
            self._sequence = ""
        elif self._state is State.CSI and _RXVT_KEY.fullmatch(self._sequence):
            self._complete(self._sequence)

    def _on_ground(self, character: str, _following: str) -> None:
        if not self._start_control(character):
            self._emit(TokenKind.CHARACTER, character)

    def _start_control(self, character: str) -> bool:
        """Return True if `character` is ESC or an 8-bit control. A control that introduces no sequence is dropped."""
        if character == ESC:
            self._state, self._sequence = State.ESCAPE, ESC
        elif "\x80" <= character < "\xa0":
            self._introduce(chr(ord(character) - 0x40))
            # In its 7-bit form this is Alt+N, which a person may press. No terminal sends the 8-bit form.
            if character == _SINGLE_SHIFT_2:
                self._state = State.SS3
        return character == ESC or "\x80" <= character < "\xa0"

    def _introduce(self, character: str) -> bool:
        """Return True if `character` behind an ESC introduces a longer sequence, or terminates a string."""
        self._state, self._sequence = State.GROUND, ESC + character
        if character == "[":
            self._state = State.CSI
        elif character == "O":
            self._state = State.SS3
        elif character in _STRING_INTRODUCERS:
            self._state = State.STRING
        else:
            return character == "\\"
        return True

    def _on_escape(self, character: str, _following: str) -> None:
        if character == ESC and self._sequence:
            self._emit(TokenKind.ESCAPE, ESC)
        if self._start_control(character) or self._introduce(character):
            return
        if " " <= character <= "/":
            self._state = State.INTERMEDIATE
        elif character < " " or character == "\x7f":
            self._complete(ESC + character)
        else:
            self._emit(TokenKind.ALT, character)

    def _on_late(self, character: str, following: str) -> None:
        """Handle a character behind an ESC that was emitted as a key: both may still be parts of a sequence."""
        if character == "P" and following not in _DCS_BODY:
            self._state, self._sequence = State.LATE_DCS, character
        elif character in _INTERMEDIATES:
            self._state = State.INTERMEDIATE
        elif not self._introduce(character):
            self._on_ground(character, following)

    def _on_late_dcs(self, character: str, following: str) -> None:
        """Handle the character behind such a P. It is a key unless a character follows that only a string has."""
        if character in _DCS_BODY:
            self._introduce("P")
            return
        self._state = State.GROUND
        if self._sequence:
            self._emit(TokenKind.CHARACTER, self._sequence)
        self._on_ground(character, following)

    def _on_csi(self, character: str, _following: str) -> None:
        if self._start_control(character):
            return
        if not " " <= character <= "~":
            self._skip()
            return
        is_final = character >= "@" and (character, self._sequence) != ("[", "\x1b[")
        if len(self._sequence) <= MAX_SEQUENCE_LENGTH:
            self._sequence += character
        if is_final:
            self._complete(self._sequence)

    def _on_ss3(self, character: str, _following: str) -> None:
        if self._start_control(character):
            return
        if not " " <= character <= "~":
            self._skip()
        elif character not in "0123456789;":
            self._complete(self._sequence + character)
        elif len(self._sequence) <= MAX_SEQUENCE_LENGTH:
            self._sequence += character

    def _on_intermediate(self, character: str, _following: str) -> None:
        if self._start_control(character):
            return
        if not " " <= character <= "/":
            self._drop()

    def _on_string(self, character: str, _following: str) -> None:
        if character == ESC:
            self._state = State.ESCAPE if self._is_after_pause else State.STRING_ESCAPE
            self._sequence = "" if self._is_after_pause else self._sequence
        elif character == "\x9c" or (character == BEL and self._sequence == "\x1b]"):
            self._drop()
        elif character in ABORT:
            self._skip()

    def _on_string_escape(self, character: str, _following: str) -> None:
        """Handle a character behind an ESC in a string. Only a backslash ends the string; all else belongs to it."""
        if character == "\\":
            self._drop()
        elif character != ESC:
            self._state = State.STRING

    def _on_data(self, character: str, _following: str) -> None:
        if character == ESC:
            self._start_control(character)
            return
        self._data_left -= 1
        if not self._data_left:
            self._drop()

    def _on_skip(self, character: str, _following: str) -> None:
        self._start_control(character)

    def _skip(self) -> None:
        self._state, self._dropped_at = State.SKIP, self._last_at

    def _drop(self) -> None:
        self._state, self._dropped_at = State.GROUND, self._last_at

    def _complete(self, sequence: str) -> None:
        """Emit a sequence. Reports that are followed by data are dropped with it: the app never asks for them."""
        self._state = State.GROUND
        if sequence == PASTE_BEGIN:
            self._state = State.PASTE
        elif sequence in _DATA_LENGTHS:
            self._state, self._data_left = State.DATA, _DATA_LENGTHS[sequence]
        elif len(sequence) <= MAX_SEQUENCE_LENGTH:
            self._emit(TokenKind.SEQUENCE, sequence)

    def _emit_paste(self, text: str) -> None:
        if text:
            self._emit(TokenKind.PASTE, text)

    def _emit(self, kind: TokenKind, text: str) -> None:
        self._tokens.append(Token(kind, text, kind is TokenKind.CHARACTER and self._has_escape))

    def _take_tokens(self) -> list[Token]:
        tokens, self._tokens = self._tokens, []
        return tokens


def _continues_paste(data: str) -> bool:
    """Return True if `data` has an end marker without a begin marker before it: it is still pasted text.

    Some terminals let end markers be pasted, so that the text behind them would be taken for keys.
    """
    before, end, _ = data.partition(PASTE_END)
    return bool(end) and PASTE_BEGIN not in before


def _partial_end(data: str) -> str:
    """Return the longest suffix of `data` that is the beginning of the end marker."""
    sizes = range(len(PASTE_END) - 1, -1, -1)
    return next(PASTE_END[:size] for size in sizes if data.endswith(PASTE_END[:size]))
