"""The grammar of everything that the program may write to a terminal, independent of the program.

The parser reports where a stream of bytes breaks this grammar.
"""

from __future__ import annotations

import re
import unicodedata

# The modes that an application sets at the start and resets at the end, each with a sequence of its own.
MODES = ("7", "25", "1000", "1003", "1004", "1006", "1015", "1016", "1049", "2004", "2026", "2048")
SEQUENCES = {
    "cursor": r"\x1b\[(?:\d{1,4}(?:;\d{1,4})?)?H|\x1b\[\d{0,4}[ABCDG]|\x08|\v",
    "pen": r"\x1b\[(?:;?(?:\d{1,3}|[34]8;5;\d{1,3}|[34]8;2;\d{1,3};\d{1,3};\d{1,3}))*m",
    "mode": rf"\x1b\[\?(?:{'|'.join(MODES)})[hl]",
    "question": r"\x1b\[\?(?:2026|2048)\$p",
    "keyboard": r"\x1b\[>\d{1,2}u|\x1b\[<u",
    "pointer": r"\x1b\]22;(?:default|text|pointer)\x07",
}
# Allowed only if a person copied something.
COPY = r"\x1b\]52;c;[A-Za-z0-9+/]+={0,2}\x07"
# The line ends of a command that is not an application: the terminal adds the carriage return.
LINES = r"\r\n"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\udc80-\udcff]")
# Unicode's default-ignorable characters that no category covers.
_IGNORED = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0x180B, 0x180E), *range(0xFE00, 0xFE0E)}
_IGNORED |= {*range(0xE0000, 0xE1000)}


def unexpected_sequences(written: bytes, *allowed: str) -> list[str]:
    """Return the control characters in `written` outside the allowed sequences, each with some text around it."""
    text = written.decode("utf-8", "surrogateescape")
    rest = re.sub("|".join(allowed), "", text) if allowed else text
    return [rest[max(0, found.start() - 30) : found.end() + 30] for found in _CONTROL.finditer(rest)]


def own_sequences(*more: str) -> tuple[str, ...]:
    """Return the patterns of all sequences that an application may write."""
    return (*SEQUENCES.values(), *more)


def invisible_characters(written: bytes) -> set[str]:
    """Return the characters in `written` that are invisible, or that change the order of others."""
    characters = set(written.decode("utf-8", "surrogateescape"))
    return {f"U+{ord(char):04X}" for char in characters if _is_invisible(char)}


def _is_invisible(char: str) -> bool:
    category = unicodedata.category(char)
    return category in ("Cf", "Cs", "Co", "Zl", "Zp") or ord(char) in _IGNORED
