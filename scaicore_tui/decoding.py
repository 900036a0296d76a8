"""Decodes a person's text files: UTF-8, and what Windows programs write (a byte order mark, UTF-16)."""

from __future__ import annotations

import codecs

UTF8_BOM = codecs.BOM_UTF8
# UTF-32 begins like UTF-16: it is looked for first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (UTF8_BOM, "utf-8"),
)


def decode_text(data: bytes) -> str:
    """The text without its byte order mark; line ends stay. Raises ValueError that says where it is no text."""
    mark, encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "utf-8"))
    try:
        return data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, len(mark) + error.start) + 1
        raise ValueError(f"line {line} is not {encoding.upper()}: save the file as UTF-8") from None


def has_wide_bom(data: bytes) -> bool:
    """Whether it begins as UTF-16 or UTF-32 does."""
    return data.startswith(tuple(mark for mark, name in _MARKS if name != "utf-8"))
