"""The grammar of everything that the program may write to a terminal, independent of the program.

The parser reports where a stream of bytes breaks this grammar.
"""

from __future__ import annotations

import re
import unicodedata

# What an application does at the start and undoes at the end; each by itself, none with more parameters.
MODES = ("7", "25", "1000", "1003", "1004", "1006", "1015", "1016", "1049", "2004", "2026", "2048")
SEQUENCES = {
    "cursor": r"\x1b\[(?:\d{1,4}(?:;\d{1,4})?)?H|\x1b\[\d{0,4}[ABCDG]|\x08|\v",
    "pen": r"\x1b\[(?:;?(?:\d{1,3}|[34]8;5;\d{1,3}|[34]8;2;\d{1,3};\d{1,3};\d{1,3}))*m",
    "mode": rf"\x1b\[\?(?:{'|'.join(MODES)})[hl]",
    "question": r"\x1b\[\?(?:2026|2048)\$p",
    "keyboard": r"\x1b\[>\d{1,2}u|\x1b\[<u",
    "pointer": r"\x1b\]22;(?:default|text|pointer)\x07",
}
# Where a person copies, and only there.
COPY = r"\x1b\]52;c;[A-Za-z0-9+/]+={0,2}\x07"
# What the terminal itself makes of the end of a line, for a command that is no application.
LINES = r"\r\n"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\udc80-\udcff]")
# Unicode's default-ignorable signs that are of no category of their own.
_IGNORED = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0x180B, 0x180E), *range(0xFE00, 0xFE0E)}
_IGNORED |= {*range(0xE0000, 0xE1000)}


def unexpected_sequences(written: bytes, *allowed: str) -> list[str]:
    """What stands in `written` beside text and the allowed sequences: each with some text around it."""
    text = written.decode("utf-8", "surrogateescape")
    left = re.sub("|".join(allowed), "", text) if allowed else text
    return [left[max(0, found.start() - 30) : found.end() + 30] for found in _CONTROL.finditer(left)]


def own_sequences(*more: str) -> tuple[str, ...]:
    """What an application may write."""
    return (*SEQUENCES.values(), *more)


def invisible_characters(written: bytes) -> set[str]:
    """Signs in `written` that stand there unseen, or that reorder what is seen."""
    signs = set(written.decode("utf-8", "surrogateescape"))
    return {f"U+{ord(sign):04X}" for sign in signs if _is_invisible(sign)}


def _is_invisible(sign: str) -> bool:
    kind = unicodedata.category(sign)
    return kind in ("Cf", "Cs", "Co", "Zl", "Zp") or ord(sign) in _IGNORED
