"""Parses terminal input into Textual's messages: keys, mouse events, pastes and reports. All else is dropped.

Textual's tables give the names of keys and the numbers of the mouse. The limits of a sequence come from `sequences`:
Textual would take the characters of an unknown sequence for keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from textual import constants, events, messages
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._keyboard_protocol import FUNCTIONAL_KEYS
from textual._xterm_parser import IS_ITERM, XTermParser
from textual.keys import Keys
from textual.message import Message

from scaicore_tui.tui.terminal.sequences import ESC, Token, Tokenizer, TokenKind

FOCUS_IN, FOCUS_OUT = "\x1b[I", "\x1b[O"
# A larger size is a forged report: the screen buffer for it would take too much memory.
MAX_ROWS, MAX_COLUMNS = 1_000, 3_000
# The first mouse button number that Textual does not know.
_FIRST_UNKNOWN_BUTTON = 128
# From this number on, kitty numbers keys that are not characters.
_PRIVATE_USE = 57344

_CURSOR_POSITION = re.compile(r"\x1b\[\d*;\d*R")
_MODE = re.compile(r"\x1b\[\?(2026|2048);([0-4])\$y")
_MOUSE = re.compile(r"\x1b\[<(\d{1,3});\d{1,5};\d{1,5}[Mm]")
_SIZE = re.compile(r"\x1b\[48;(\d{1,4})(?::\d+)*;(\d{1,4})(?::\d+)*;(\d{1,5})(?::\d+)*;(\d{1,5})(?::\d+)*t")
# kitty keyboard protocol: code; modifiers; text.
_EXTENDED_KEY = re.compile(r"\x1b\[(\d{0,7})(?:;(\d{0,3}))?(?:;([\d:]{0,64}))?([u~ABCDEFHPQRS])")


class InputParser:
    """Parses the input of one terminal."""

    def __init__(self) -> None:
        self._tokenizer = Tokenizer()
        self._textual = XTermParser()
        # True if the terminal was asked to report its size in the input.
        self.reports_size = False

    def feed(self, data: str, now: float) -> Iterator[Message]:
        """Return the messages that are complete after this input, which was decoded with `surrogateescape`."""
        yield from self._messages(self._tokenizer.feed(data, now))

    def tick(self, now: float) -> Iterator[Message]:
        """Return the messages that are complete because no input followed."""
        yield from self._messages(self._tokenizer.tick(now))

    def _messages(self, tokens: Iterable[Token]) -> Iterator[Message]:
        for token in tokens:
            yield from self._messages_of(token)

    def _messages_of(self, token: Token) -> Iterator[Message]:
        if token.kind is TokenKind.PASTE:
            yield events.Paste(token.text.replace("\0", ""))
        elif token.kind is TokenKind.ESCAPE:
            yield events.Key("escape", ESC)
        elif token.kind is TokenKind.ALT:
            yield from self._alt_keys(token.text)
        elif token.kind is TokenKind.CHARACTER:
            for key in self._keys(token.text):
                if token.in_burst:
                    # Read by `app.arrived_in_burst`.
                    key.arrived_in_burst = True  # type: ignore[attr-defined]
                yield key
        else:
            yield from self._sequence(token.text)

    def _sequence(self, sequence: str) -> Iterator[Message]:
        known = [*(self._report(sequence) or self._sequence_keys(sequence))]
        if not known:
            self._tokenizer.note_dropped()
        yield from known

    def _alt_keys(self, character: str) -> Iterator[Message]:
        """Return the key of Alt and a character. It has no character, so that it types nothing."""
        if ESC + character in ANSI_SEQUENCES_KEYS:
            yield from self._keys(ESC + character)
            return
        for key in self._keys(character):
            yield events.Key(f"alt+{key.key}", None)

    def _report(self, sequence: str) -> list[Message]:
        if sequence in (FOCUS_IN, FOCUS_OUT):
            return [events.AppFocus() if sequence == FOCUS_IN else events.AppBlur()]
        if found := _MODE.fullmatch(sequence):
            return _mode(found[1], int(found[2]))
        if found := _SIZE.fullmatch(sequence):
            return self._size(*map(int, found.groups()))
        if (found := _MOUSE.fullmatch(sequence)) and int(found[1]) < _FIRST_UNKNOWN_BUTTON:
            event = self._textual.parse_mouse_code(sequence)
            return [] if event is None else [event]
        return []

    def _size(self, rows: int, columns: int, height: int, width: int) -> list[Message]:
        is_plausible = 0 < rows <= MAX_ROWS and 0 < columns <= MAX_COLUMNS
        if not (self.reports_size and is_plausible and width >= columns and height >= rows):
            return []
        event = events.Resize.from_dimensions((columns, rows), (width, height))
        self._textual.terminal_size, self._textual.terminal_pixel_size = event.size, event.pixel_size
        self._textual.mouse_pixels = True
        return [event]

    def _sequence_keys(self, sequence: str) -> Iterator[Message]:
        if _CURSOR_POSITION.fullmatch(sequence):
            return
        if sequence in ANSI_SEQUENCES_KEYS or _is_extended_key(sequence):
            yield from self._keys(sequence)

    def _keys(self, text: str) -> Iterator[events.Key]:
        for key in self._textual._sequence_to_key_events(text):
            if key.key != Keys.Ignore:
                yield key


def _mode(number: str, setting: int) -> list[Message]:
    """Return the messages for a report that the terminal supports a mode, or does not."""
    if number == "2026":
        return [messages.TerminalSupportsSynchronizedOutput()] if setting else []
    if constants.SMOOTH_SCROLL and not IS_ITERM:
        return [messages.InBandWindowResize.from_setting_parameter(setting)]
    return []


def _is_extended_key(sequence: str) -> bool:
    """Return True if the numbers of a kitty or xterm sequence are those of a key.

    Textual takes every number for the character with that code: `ESC [ 99 ~` for a c.
    """
    found = _EXTENDED_KEY.fullmatch(sequence)
    if constants.DISABLE_KITTY_KEY or found is None:
        return False
    code, text, final = int(found[1] or 1), found[3] or "", found[4]
    characters = [int(part) for part in text.split(":") if part]
    if len(characters) != text.count(":") + bool(text) or not all(map(_is_printable, characters)):
        return False
    if f"{code}{final}" in FUNCTIONAL_KEYS:
        # Only the keys of the keypad have a text.
        return not characters or (final == "u" and code >= _PRIVATE_USE)
    if final == "u":
        return _is_printable(code)
    # xterm's `modifyOtherKeys`.
    return final == "~" and code == 27 and int(found[2] or 0) > 1 and len(characters) == 1


def _is_printable(code: int) -> bool:
    return 32 <= code <= 0x10FFFF and not (127 <= code < 160 or 0xD800 <= code < 0xE000)
