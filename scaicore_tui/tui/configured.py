"""What the configuration says about the app, checked: the names of themes and views, and keys. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from textual.theme import BUILTIN_THEMES

from scaicore_tui.config.profiles import ConfigProblem, nearest
from scaicore_tui.config.ui import KeyTable, UiTable
from scaicore_tui.text import one_line
from scaicore_tui.tui.key_changes import parse_changes
from scaicore_tui.tui.run_list_model import View
from scaicore_tui.tui.theme import DARK, LIGHT, SHORT_NAMES


def ui_problems(table: UiTable, location: str, views: Iterable[str]) -> Iterator[ConfigProblem]:
    """Yield the problems of a table `[ui]`, which is at `location`; `views` are the names of the saved views."""
    themes, known_views = [*SHORT_NAMES, DARK, LIGHT, *BUILTIN_THEMES], [*View, *views]
    if table.theme is not None and table.theme not in themes:
        yield ConfigProblem(
            f"{location}.theme", f"no theme is named {one_line(table.theme)!r}", nearest(table.theme, themes)
        )
    if table.view is not None and table.view not in known_views:
        yield ConfigProblem(
            f"{location}.view", f"no view is named {one_line(table.view)!r}", nearest(table.view, known_views)
        )


def key_problems(table: KeyTable) -> list[ConfigProblem]:
    """Return the problems of the table `[keys]`."""
    return parse_changes(table)[1]
