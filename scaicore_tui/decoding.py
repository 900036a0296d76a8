"""Decode text files that people write: UTF-8, with or without a byte order mark, UTF-16 and UTF-32."""

from __future__ import annotations

import codecs

UTF8_BOM = codecs.BOM_UTF8
# UTF-32 LE starts with the mark of UTF-16 LE, so it comes first.
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (UTF8_BOM, "utf-8"),
)


def decode_text(data: bytes) -> str:
    """Return the text without its byte order mark; line ends stay.

    Raises:
        ValueError: the data is not text; the message names the line.
    """
    bom, encoding = next(((bom, name) for bom, name in _BOMS if data.startswith(bom)), (b"", "utf-8"))
    try:
        return data[len(bom) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, len(bom) + error.start) + 1
        raise ValueError(f"line {line} is not {encoding.upper()}: save the file as UTF-8") from None


def has_wide_bom(data: bytes) -> bool:
    """Return True if `data` begins with the byte order mark of UTF-16 or UTF-32."""
    return data.startswith(tuple(bom for bom, name in _BOMS if name != "utf-8"))
