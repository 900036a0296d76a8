"""Text is readable on its background in every theme, by the contrast that WCAG 2 defines."""

from __future__ import annotations

from itertools import combinations

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from scaicore_tui.tui.render.line import COLOURS
from scaicore_tui.tui.theme import DARK, TERMINAL, THEMES
from scaicore_tui.tui.theme_colours import state_colours

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


# Hues that are nearer are called by the same name.
MIN_HUE_DISTANCE = 15
WORDS_IN_COLOUR = ("accent", "blue", "green", "red", "amber")
OTHER_THEMES = [theme for theme in BUILTIN_THEMES.values() if not theme.ansi]


@pytest.mark.parametrize("theme", OTHER_THEMES, ids=lambda theme: theme.name)
def test_colours_are_derived_from_any_theme(theme: Theme) -> None:
    colours = state_colours(theme)
    assert set(colours) == {f"state-{name}" for name in (*COLOURS, "ground", "panel")}
    generated = theme.to_color_system().generate()
    ground = Color.parse(generated["background"])
    panel = ground + Color.parse(generated["panel"])
    field = panel + Color.parse(generated["boost"])
    for behind in (ground, panel, field):
        found = {name: contrast(colours[f"state-{name}"], behind.hex6) for name in COLOURS}
        assert min(found.values()) >= MIN_CONTRAST, (behind, found)
    hues = {name: Color.parse(colours[f"state-{name}"]).hsl.h * 360 for name in WORDS_IN_COLOUR}
    for one, other in combinations(hues, 2):
        distance = abs(hues[one] - hues[other])
        assert min(distance, 360 - distance) >= MIN_HUE_DISTANCE, (one, other, colours)


def test_a_theme_keeps_its_own_colours_where_they_are_readable() -> None:
    colours = state_colours(BUILTIN_THEMES["dracula"])
    assert colours["state-ground"] == "#282A36"
    assert colours["state-text"] == "#F8F8F2"
    assert colours["state-green"] == "#50FA7B"


def test_themes_of_the_terminals_colours_use_those() -> None:
    terminal = next(theme for theme in THEMES if theme.name == TERMINAL)
    for theme in BUILTIN_THEMES.values():
        if theme.ansi:
            assert state_colours(theme)["state-red"] == terminal.variables["state-red"] == "ansi_red"
    assert DARK not in BUILTIN_THEMES
