"""Draws the timeline of a run as SVG of a fixed width. Signs and thickness tell what colours do."""

from __future__ import annotations

from collections.abc import Iterator

from scaicore_tui.analysis.time_bars import BarKind
from scaicore_tui.export.report.markup import Markup, element
from scaicore_tui.export.report.timeline_picture import Band, PictureBar, PictureRow, TimelinePicture
from scaicore_tui.text import one_line

NAME_WIDTH, BARS_WIDTH, TOOK_WIDTH = 300, 620, 90
WIDTH = NAME_WIDTH + BARS_WIDTH + TOOK_WIDTH
ROW_HEIGHT = 22
_BASE, _INDENT, _STATE = 15, 14, 150
# Characters of the column with the names, of an error, and pixels of one of them.
_NAME_CELLS, _ERROR_CELLS, CELL_PIXELS = 36, 84, 7.9
_BAR_HEIGHT, _THIN_HEIGHT = 14, 6
# Deeper steps are not indented further, so that their names fit.
_MAX_DEPTH = 8


def timeline_height(picture: TimelinePicture) -> int:
    """Return the height of a timeline in pixels."""
    return ROW_HEIGHT * (1 + len(picture.rows) + sum(bool(row.error) for row in picture.rows))


def draw_timeline(picture: TimelinePicture) -> Iterator[Markup]:
    """Yield the elements of a timeline whose top left is 0, 0: the axis, then one row below the other."""
    height = timeline_height(picture)
    for band in picture.bands:
        yield _band(band, height)
    yield from _axis(picture, height)
    y = ROW_HEIGHT
    for row in picture.rows:
        yield element("g", *_row(row, y))
        y += ROW_HEIGHT * (2 if row.error else 1)


def _axis(picture: TimelinePicture, height: int) -> Iterator[Markup]:
    for tick in picture.ticks:
        x = _x(tick.at)
        yield element("line", x1=x, x2=x, y1=0, y2=height, class_="tick")
        anchor = "end" if tick.is_end else None
        yield element("text", tick.label, x=x - 3 if anchor else x + 3, y=_BASE, text_anchor=anchor, class_="grey")
    for band in picture.bands:
        if not band.is_gap:
            yield element("text", f"~{band.label}", x=_x(band.begin), y=_BASE, class_="grey")
    yield element("text", "took", x=WIDTH, y=_BASE, text_anchor="end", class_="grey")


def _band(band: Band, height: int) -> Markup:
    kind = "gap" if band.is_gap else "idle"
    width = BARS_WIDTH * (band.end - band.begin)
    return element("rect", x=_x(band.begin), y=0, width=width, height=height, class_=kind)


def _row(row: PictureRow, y: int) -> Iterator[Markup]:
    indent = _INDENT * min(row.depth, _MAX_DEPTH)
    name_cells = _NAME_CELLS - indent // 8 - len(row.suffix)
    yield element("text", row.style.glyph, x=indent, y=y + _BASE, class_=row.style.colour)
    yield element("text", one_line(row.name, name_cells), row.suffix, x=indent + 16, y=y + _BASE)
    if row.bar is None:
        yield element("text", row.style.word, x=NAME_WIDTH, y=y + _BASE, class_="grey")
    else:
        yield from _bar(row.bar, row.style.colour, y)
    yield element("text", row.took, x=WIDTH, y=y + _BASE, text_anchor="end")
    if row.error:
        error = one_line(row.error, _ERROR_CELLS)
        yield element("text", f"✗ {error}", x=NAME_WIDTH, y=y + ROW_HEIGHT + _BASE, class_="red")


def _bar(bar: PictureBar, colour: str, y: int) -> Iterator[Markup]:
    middle = y + ROW_HEIGHT // 2
    if bar.kind is BarKind.WAITED:
        yield element("line", x1=_x(bar.begin), x2=_x(bar.end), y1=middle, y2=middle, class_=f"wait {colour}")
    else:
        height = _BAR_HEIGHT if bar.is_critical else _THIN_HEIGHT
        width = BARS_WIDTH * (bar.end - bar.begin)
        yield element(
            "rect", x=_x(bar.begin), y=middle - height // 2, width=width, height=height, class_=f"bar {colour}"
        )
    sign = "✗" if bar.kind is BarKind.FAILED else "▸" if bar.is_open else ""
    if sign:
        yield element("text", sign, x=_x(bar.end) + 3, y=y + _BASE, class_=colour)


def _x(fraction: float) -> float:
    return NAME_WIDTH + BARS_WIDTH * fraction
