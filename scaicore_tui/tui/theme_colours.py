"""Derives the colours that this app names (`state-*`) from any theme: readable on its backgrounds, and told apart.

The contrast of two colours is that of WCAG 2, from 1 to 21.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from textual.color import BLACK, WHITE, Color
from textual.theme import Theme

from scaicore_tui.tui.theme import DARK, LIGHT, TERMINAL, THEMES

PREFIX = "state-"
# Of normal text (WCAG AA).
MIN_CONTRAST = 4.5
# The hues of our colours, first and last, in degrees. A theme may have a success that is blue: then ours is used.
_HUES = {"red": (-30, 20), "amber": (22, 62), "green": (70, 170), "blue": (185, 245)}
# Accents that are nearer to another colour look the same in one cell; with less saturation, a colour looks grey.
MIN_HUE_DISTANCE, MIN_SATURATION = 25.0, 0.15
_BLEND_STEPS = 20
_GREY_BLEND = 0.4
_OURS: Mapping[str, Theme] = {theme.name: theme for theme in THEMES}


def state_colours(theme: Theme) -> dict[str, str]:
    """Return the variables of our colour names for `theme`. A theme in the terminal's colours gets the terminal's."""
    if theme.ansi:
        return {key: value for key, value in _OURS[TERMINAL].variables.items() if key.startswith(PREFIX)}
    generated = theme.to_color_system().generate()
    names = ("background", "panel", "boost", "foreground", "error", "success", "warning")
    return dict(_derive(tuple(generated[name] for name in (*names, "primary", "secondary", "accent"))))


@lru_cache(maxsize=4)
def _derive(colours: Sequence[str]) -> Mapping[str, str]:
    """Return the variables for the colours of a theme."""
    ground, panel, boost, text, red, green, amber, *others = map(Color.parse, colours)
    # What stands behind text: panels and fields may be translucent.
    behind = (ground, ground + panel, ground + panel + boost, ground + boost)
    ours = _OURS[LIGHT if ground.brightness > 0.5 else DARK].variables
    given = {"red": red, "amber": amber, "green": green}
    found = {name: colour if _has_hue(colour, name) else _own(ours, name) for name, colour in given.items()}
    found["blue"] = next((one for one in others if _has_hue(one, "blue")), _own(ours, "blue"))
    distinct = (one for one in reversed(others) if _is_distinct(one, found.values()))
    found["accent"] = next(distinct, _own(ours, "accent"))
    shown = {name: readable(colour, behind) for name, colour in found.items()}
    shown["text"] = readable(text, behind)
    shown["grey"] = readable(shown["text"].blend(ground, _GREY_BLEND, alpha=1.0), behind)
    shown |= {"ground": ground, "panel": ground + panel}
    return {f"{PREFIX}{name}": colour.hex6 for name, colour in shown.items()}


def readable(colour: Color, backgrounds: Sequence[Color]) -> Color:
    """Return `colour`, or the nearest mixture with white or black that is readable on all backgrounds."""
    target = max((WHITE, BLACK), key=lambda one: min(contrast(one, behind) for behind in backgrounds))
    mixtures = (colour.blend(target, step / _BLEND_STEPS, alpha=1.0) for step in range(_BLEND_STEPS))
    found = (one for one in mixtures if all(contrast(one, behind) >= MIN_CONTRAST for behind in backgrounds))
    return next(found, target)


def contrast(one: Color, other: Color) -> float:
    """Return the contrast of two colours."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def hue_distance(one: Color, other: Color) -> float:
    """Return the distance of two hues in degrees, 0 to 180."""
    distance = abs(one.hsl.h - other.hsl.h) * 360 % 360
    return min(distance, 360 - distance)


def _luminance(colour: Color) -> float:
    parts = (part / 255 for part in colour.rgb)
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _has_hue(colour: Color, name: str) -> bool:
    """Return whether people would call a colour by that name."""
    first, last = _HUES[name]
    return colour.hsl.s >= MIN_SATURATION and (colour.hsl.h * 360 - first) % 360 <= last - first


def _is_distinct(colour: Color, others: Iterable[Color]) -> bool:
    """Return whether a colour is told apart from all others."""
    is_coloured = colour.hsl.s >= MIN_SATURATION
    return is_coloured and all(hue_distance(colour, other) >= MIN_HUE_DISTANCE for other in others)


def _own(ours: Mapping[str, str], name: str) -> Color:
    return Color.parse(ours[f"{PREFIX}{name}"])
