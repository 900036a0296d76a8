"""SVG files that stand alone: no script, and nothing that a viewer would have to load."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from scaicore_tui.export.report.markup import Markup, element, own_text
from scaicore_tui.export.report.report_style import picture_style

_FONT_FACE = re.compile(r"\s*@font-face\s*\{[^{}]*\}")
_STYLE_END = "</style>"


def svg_document(title: str, description: str, content: Iterable[Markup], width: float, height: float) -> Iterator[str]:
    """Yield an SVG file. `title` and `description`, which may be foreign text, say in words what it shows."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield element(
        "svg",
        element("title", title),
        element("desc", description),
        element("style", own_text(picture_style())),
        element("rect", width="100%", height="100%", class_="back"),
        *content,
        xmlns="http://www.w3.org/2000/svg",
        width=width,
        height=height,
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        role="img",
        **{"xml:space": "preserve"},
    ).source
    yield "\n"


def standalone_screenshot(svg: str, title: str, description: str) -> str:
    """Return a screenshot as `App.export_screenshot` draws it, without the fonts that it would load from the network.

    The viewer's own monospaced font replaces them; each text has its length, so that columns stay where they are.
    `title` and `description` say in words what it shows. Text on the screen stays as it is.
    """
    head, end, body = svg.partition(_STYLE_END)
    head = _FONT_FACE.sub("", head)
    texts = element("title", title).source + element("desc", description).source
    root, bracket, rest = head.partition(">")
    # Without this attribute, some viewers drop the blanks at the begin of a text.
    root = root.replace("<svg ", '<svg xml:space="preserve" role="img" ', 1)
    return root + bracket + texts + rest + end + body
