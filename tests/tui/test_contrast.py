"""Text is readable on its background in both themes, by the contrast that WCAG 2 defines."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import Theme

from scaicore_tui.tui.render.line import COLOURS
from scaicore_tui.tui.theme import THEMES

# Of normal text; the program has no fainter one, also no grey.
MIN_CONTRAST = 4.5
THEMES_WITH_COLOURS = [theme for theme in THEMES if not theme.ansi]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours: from 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(name: str) -> float:
    parts = [part / 255 for part in Color.parse(name).rgb]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_black_on_white_has_the_highest_contrast() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES_WITH_COLOURS, ids=lambda theme: theme.name)
@pytest.mark.parametrize("background", ["ground", "panel"])
def test_each_colour_is_readable_on_each_background(theme: Theme, background: str) -> None:
    behind = theme.variables[f"state-{background}"]
    found = {colour: contrast(theme.variables[f"state-{colour}"], behind) for colour in COLOURS}
    assert min(found.values()) >= MIN_CONTRAST, found
