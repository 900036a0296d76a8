"""Draws the picture of a flow as SVG. States are told by words and outlines, ways that were taken by thick lines."""

from __future__ import annotations

from scaicore_tui.export.report.flow_picture import BOX_HEIGHT, BOX_WIDTH, Arrow, Box, FlowPicture, Point
from scaicore_tui.export.report.markup import NOTHING, Markup, element, join
from scaicore_tui.text import one_line

LEGEND = "Thick lines: ways that the run took. Long dashes: perhaps taken. Dots: not taken."
_TEXT_CELLS = 19
_LABEL_CELLS = 16
_HEAD = 7
# The point of a curve at which its label stands.
_LABEL_AT = 0.4


def draw_flow(picture: FlowPicture) -> Markup:
    """Return the picture as elements of an `svg` of its width and height."""
    return join([*map(_arrow, picture.arrows), *map(_box, picture.boxes), *map(_label, picture.arrows)])


def _box(box: Box) -> Markup:
    name_cells = _TEXT_CELLS - len(box.sign) - bool(box.sign)
    name = f"{one_line(box.name, name_cells)} {box.sign}".rstrip()
    x, y = box.at.x + 10, box.at.y
    return element(
        "g",
        element("title", f"{one_line(box.name)}: {one_line(box.state)}"),
        element("rect", x=box.at.x, y=y, width=BOX_WIDTH, height=BOX_HEIGHT, rx=4, class_=f"node {box.style.colour}"),
        element("text", name, x=x, y=y + 19),
        element(
            "text", one_line(f"{box.style.glyph} {box.state}", _TEXT_CELLS), x=x, y=y + 37, class_=box.style.colour
        ),
    )


def _arrow(arrow: Arrow) -> Markup:
    kind = "taken" if arrow.is_taken else "possible" if arrow.is_possible else ""
    begin, one, other, end = arrow.curve
    # The curve ends where the head begins.
    back = _towards(end, other)
    path = f"M{_xy(begin)}C{_xy(one)} {_xy(other)} {_xy(Point(end.x + back.x, end.y + back.y))}"
    left, right = (
        Point(end.x + back.x - back.y / 2, end.y + back.y + back.x / 2),
        Point(end.x + back.x + back.y / 2, end.y + back.y - back.x / 2),
    )
    return join(
        (
            element("path", d=path, class_=f"edge {kind}".strip()),
            element("path", d=f"M{_xy(end)}L{_xy(left)}L{_xy(right)}Z", class_=f"head {kind}".strip()),
        )
    )


def _towards(end: Point, control: Point) -> Point:
    """Return the way from the end of a curve back to where its head begins: along an axis, as its control point is."""
    x, y = control.x - end.x, control.y - end.y
    if abs(x) >= abs(y):
        return Point(_HEAD if x > 0 else -_HEAD, 0)
    return Point(0, _HEAD if y > 0 else -_HEAD)


def _label(arrow: Arrow) -> Markup:
    if not arrow.label:
        return NOTHING
    begin, one, other, end = arrow.curve
    t, s = _LABEL_AT, 1 - _LABEL_AT
    weights = (s**3, 3 * s * s * t, 3 * s * t * t, t**3)
    points = (begin, one, other, end)
    x = sum(weight * point.x for weight, point in zip(weights, points, strict=True))
    y = sum(weight * point.y for weight, point in zip(weights, points, strict=True))
    kind = "accent" if arrow.is_taken else "grey"
    return element(
        "text", one_line(arrow.label, _LABEL_CELLS), x=x, y=y - 5, text_anchor="middle", class_=f"halo {kind}"
    )


def _xy(point: Point) -> str:
    return f"{point.x:.0f} {point.y:.0f}"
