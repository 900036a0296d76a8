"""The timeline of a run as an HTML table: each row says in words what its bar shows.

The bars are SVG whose positions are percentages: they fit any screen, and text beside them stays text.
"""

from __future__ import annotations

from collections.abc import Iterator

from scaicore_tui.analysis.time_bars import BarKind
from scaicore_tui.export.report.markup import NOTHING, Markup, element, join
from scaicore_tui.export.report.timeline_picture import (
    TIMELINE_LEGEND,
    Band,
    PictureBar,
    PictureRow,
    PictureTick,
    TimelinePicture,
)
from scaicore_tui.text import one_line

MAX_INDENT = 6
MAX_NAME_CELLS = 80
MAX_ERROR_CELLS = 400
_HEIGHT = 18


def timeline_table(picture: TimelinePicture) -> Markup:
    """Return the timeline."""
    axis = join(
        (
            element("span", "Time", class_="unseen"),
            element("svg", *_labels(picture), class_="strip", aria_hidden="true"),
        )
    )
    columns = (
        ("Step", "name", NOTHING),
        ("State", "state", NOTHING),
        ("Start", "number start", NOTHING),
        ("Time", "bars", axis),
        ("Took", "number", NOTHING),
    )
    head = element(
        "tr", *(element("th", picture_ or title, scope="col", class_=kind) for title, kind, picture_ in columns)
    )
    return element(
        "table",
        element("caption", _caption(picture)),
        element("thead", head),
        element("tbody", *(_row(picture, row) for row in picture.rows)),
        class_="timeline",
    )


def _caption(picture: TimelinePicture) -> str:
    idle = [band.label for band in picture.bands if not band.is_gap]
    shorter = f" Idle time is drawn shorter: {', '.join(idle)}." if idle else ""
    gaps = " Dashed boxes: events may be missing there." if any(band.is_gap for band in picture.bands) else ""
    return TIMELINE_LEGEND + shorter + gaps


def _row(picture: TimelinePicture, row: PictureRow) -> Markup:
    indent = f"d{min(row.depth, MAX_INDENT)}" if row.depth else None
    name = element("span", one_line(row.name, MAX_NAME_CELLS), row.suffix, class_=indent)
    error = element("div", f"✗ {one_line(row.error, MAX_ERROR_CELLS)}", class_="error") if row.error else NOTHING
    return element(
        "tr",
        element("th", name, scope="row", class_="name"),
        element("td", f"{row.style.glyph} {row.style.word}", class_=f"state {row.style.colour}"),
        element("td", row.start, class_="number start"),
        element("td", _strip(picture, row), error, class_="bars" if row.bar else "bars none"),
        element("td", row.took, class_="number"),
    )


def _strip(picture: TimelinePicture, row: PictureRow) -> Markup:
    shapes = [*map(_band, picture.bands), *(_bar(row.bar, row.style.colour) if row.bar else ())]
    return element("svg", *shapes, class_="strip", aria_hidden="true")


def _band(band: Band) -> Markup:
    kind = "gap" if band.is_gap else "idle"
    return element("rect", x=_percent(band.begin), width=_percent(band.end - band.begin), height="100%", class_=kind)


def _bar(bar: PictureBar, colour: str) -> Iterator[Markup]:
    begin, width = _percent(bar.begin), _percent(bar.end - bar.begin)
    if bar.kind is BarKind.WAITED:
        y = _HEIGHT // 2
        yield element("line", x1=begin, x2=_percent(bar.end), y1=y, y2=y, class_=f"wait {colour}")
    else:
        top = 2 if bar.is_critical else 6
        yield element("rect", x=begin, y=top, width=width, height=_HEIGHT - 2 * top, class_=f"bar {colour}")
    sign = "✗" if bar.kind is BarKind.FAILED else "▸" if bar.is_open else ""
    if sign:
        yield element("text", sign, x=_percent(bar.end), dx=3, y=14, class_=colour)


def _labels(picture: TimelinePicture) -> Iterator[Markup]:
    for band in picture.bands:
        yield _band(band)
        if not band.is_gap:
            yield element("text", f"~{band.label}", x=_percent(band.begin), y=13, class_="grey only-wide")
    for tick in picture.ticks:
        yield _label(tick)


def _label(tick: PictureTick) -> Markup:
    kind = "grey" if tick.is_narrow else "grey only-wide"
    x = _percent(tick.at)
    anchor = "end" if tick.is_end else None
    return join(
        (
            element(
                "line", x1=x, x2=x, y1=0, y2="100%", class_=f"tick {'' if tick.is_narrow else 'only-wide'}".strip()
            ),
            element("text", tick.label, x=x, dx=-3 if anchor else 3, y=13, text_anchor=anchor, class_=kind),
        )
    )


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}".rstrip("0").rstrip(".") + "%"
