"""What a terminal sends, as keys, clicks, pastes and answers. All that is none of those is dropped, whole.

The names of keys and the numbers of a mouse are Textual's; where one sequence ends and the next begins is not, since
Textual takes what it does not know for keys.
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

from scaicore_tui.tui.terminal.sequences import ESC, Kind, Token, Tokenizer

FOCUS, BLUR = "\x1b[I", "\x1b[O"
# A larger screen would cost more memory than any terminal is worth.
MOST_ROWS, MOST_COLUMNS = 1_000, 3_000
# The first code that is a button which Textual does not know.
_FURTHER_BUTTONS = 128
# From here on kitty numbers keys that are no characters.
_PRIVATE_USE = 57344

_CURSOR_POSITION = re.compile(r"\x1b\[\d*;\d*R")
_MODE = re.compile(r"\x1b\[\?(2026|2048);([0-4])\$y")
_MOUSE = re.compile(r"\x1b\[<(\d{1,3});\d{1,5};\d{1,5}[Mm]")
_SIZE = re.compile(r"\x1b\[48;(\d{1,4})(?::\d+)*;(\d{1,4})(?::\d+)*;(\d{1,5})(?::\d+)*;(\d{1,5})(?::\d+)*t")
# kitty's protocol: code, modifiers, text.
_EXTENDED = re.compile(r"\x1b\[(\d{0,7})(?:;(\d{0,3}))?(?:;([\d:]{0,64}))?([u~ABCDEFHPQRS])")


class Parser:
    """Of one terminal."""

    def __init__(self) -> None:
        self._tokenizer = Tokenizer()
        self._textual = XTermParser()
        # Whether the terminal reports its size between the keys, as it was asked to.
        self.reports_size = False

    def feed(self, data: str, now: float) -> Iterator[Message]:
        """What was read, decoded with `surrogateescape`."""
        yield from self._messages(self._tokenizer.feed(data, now))

    def tick(self, now: float) -> Iterator[Message]:
        """Nothing was read for a while."""
        yield from self._messages(self._tokenizer.tick(now))

    def _messages(self, tokens: Iterable[Token]) -> Iterator[Message]:
        for token in tokens:
            yield from self._of(token)

    def _of(self, token: Token) -> Iterator[Message]:
        if token.kind is Kind.PASTE:
            yield events.Paste(token.text.replace("\0", ""))
        elif token.kind is Kind.ESCAPE:
            yield events.Key("escape", ESC)
        elif token.kind is Kind.ALT:
            yield from self._alt(token.text)
        elif token.kind is Kind.CHARACTER:
            for key in self._keys(token.text):
                if token.in_burst:
                    key.came_in_burst = True  # type: ignore[attr-defined]
                yield key
        else:
            yield from self._sequence(token.text)

    def _sequence(self, sequence: str) -> Iterator[Message]:
        known = [*(self._report(sequence) or self._known_keys(sequence))]
        if not known:
            self._tokenizer.note_dropped()
        yield from known

    def _alt(self, sign: str) -> Iterator[Message]:
        """A key with alt types nothing."""
        if ESC + sign in ANSI_SEQUENCES_KEYS:
            yield from self._keys(ESC + sign)
            return
        for key in self._keys(sign):
            yield events.Key(f"alt+{key.key}", None)

    def _report(self, sequence: str) -> list[Message]:
        if sequence in (FOCUS, BLUR):
            return [events.AppFocus() if sequence == FOCUS else events.AppBlur()]
        if found := _MODE.fullmatch(sequence):
            return _mode(found[1], int(found[2]))
        if found := _SIZE.fullmatch(sequence):
            return self._size(*map(int, found.groups()))
        if (found := _MOUSE.fullmatch(sequence)) and int(found[1]) < _FURTHER_BUTTONS:
            event = self._textual.parse_mouse_code(sequence)
            return [] if event is None else [event]
        return []

    def _size(self, rows: int, columns: int, height: int, width: int) -> list[Message]:
        is_sensible = 0 < rows <= MOST_ROWS and 0 < columns <= MOST_COLUMNS
        if not (self.reports_size and is_sensible and width >= columns and height >= rows):
            return []
        event = events.Resize.from_dimensions((columns, rows), (width, height))
        self._textual.terminal_size, self._textual.terminal_pixel_size = event.size, event.pixel_size
        self._textual.mouse_pixels = True
        return [event]

    def _known_keys(self, sequence: str) -> Iterator[Message]:
        if _CURSOR_POSITION.fullmatch(sequence):
            return
        if sequence in ANSI_SEQUENCES_KEYS or _is_extended_key(sequence):
            yield from self._keys(sequence)

    def _keys(self, text: str) -> Iterator[events.Key]:
        for key in self._textual._sequence_to_key_events(text):
            if key.key != Keys.Ignore:
                yield key


def came_in_burst(key: events.Key) -> bool:
    """Whether that key is a character that arrived together with an escape sequence: maybe nobody pressed it."""
    return getattr(key, "came_in_burst", False)


def _mode(number: str, setting: int) -> list[Message]:
    """The answer to whether the terminal knows a mode."""
    if number == "2026":
        return [messages.TerminalSupportsSynchronizedOutput()] if setting else []
    if constants.SMOOTH_SCROLL and not IS_ITERM:
        return [messages.InBandWindowResize.from_setting_parameter(setting)]
    return []


def _is_extended_key(sequence: str) -> bool:
    """Whether the numbers are those of a key. Textual takes any for the character that has it: `ESC [ 99 ~` for a c."""
    found = _EXTENDED.fullmatch(sequence)
    if constants.DISABLE_KITTY_KEY or found is None:
        return False
    code, text = int(found[1] or 1), found[3] or ""
    signs = [int(part) for part in text.split(":") if part]
    if len(signs) != text.count(":") + bool(text) or not all(map(_is_printable, signs)):
        return False
    if f"{code}{found[4]}" in FUNCTIONAL_KEYS:
        # The keypad has keys with a text.
        return not signs or (found[4] == "u" and code >= _PRIVATE_USE)
    if found[4] == "u":
        return _is_printable(code)
    # xterm's `modifyOtherKeys`.
    return found[4] == "~" and code == 27 and int(found[2] or 0) > 1 and len(signs) == 1


def _is_printable(code: int) -> bool:
    return 32 <= code <= 0x10FFFF and not (127 <= code < 160 or 0xD800 <= code < 0xE000)
