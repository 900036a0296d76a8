"""The themes: dark, light, and one that uses the terminal's own colours.

Defines the colour names that `runs.status_style` and `render` use. Each is readable on its background (WCAG AA).
"""

from __future__ import annotations

from textual.theme import BUILTIN_THEMES, Theme

DARK = "scaicore-dark"
LIGHT = "scaicore-light"
TERMINAL = "scaicore-terminal"
# As the configuration may name ours.
SHORT_NAMES = {"dark": DARK, "light": LIGHT, "terminal": TERMINAL}


def _theme(name: str, colours: dict[str, str], *, dark: bool = True, ansi: bool = False) -> Theme:
    accent, ground, text = colours["accent"], colours["ground"], colours["text"]
    return Theme(
        name=name,
        primary=accent,
        accent=accent,
        secondary=colours["blue"],
        success=colours["green"],
        warning=colours["amber"],
        error=colours["red"],
        foreground=text,
        background=ground,
        surface=ground,
        panel=colours["panel"],
        boost=colours["panel"],
        dark=dark,
        ansi=ansi,
        # Textual's own style sheets need these variables in a theme of terminal colours.
        variables=(BUILTIN_THEMES["ansi-dark"].variables if ansi else {})
        | {f"state-{key}": value for key, value in colours.items()},
    )


THEMES = (
    _theme(
        DARK,
        {
            "ground": "#10141b",
            "panel": "#1b222d",
            "text": "#d5dae3",
            "grey": "#8c96a6",
            "accent": "#b79cff",
            "blue": "#6cb2ff",
            "green": "#5fc48b",
            "red": "#ff7f78",
            "amber": "#e6b450",
        },
    ),
    _theme(
        LIGHT,
        {
            "ground": "#fbfbf9",
            "panel": "#ecedf0",
            "text": "#22272e",
            "grey": "#606872",
            "accent": "#6a3fd0",
            "blue": "#0a5bb0",
            "green": "#1b7338",
            "red": "#bf1f2b",
            "amber": "#855300",
        },
        dark=False,
    ),
    _theme(
        TERMINAL,
        {
            "ground": "ansi_default",
            "panel": "ansi_default",
            "text": "ansi_default",
            "grey": "ansi_default",
            "accent": "ansi_magenta",
            "blue": "ansi_blue",
            "green": "ansi_green",
            "red": "ansi_red",
            "amber": "ansi_yellow",
        },
        ansi=True,
    ),
)
