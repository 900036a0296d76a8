"""Check what the configuration says about the app: names of themes and views, and keys.

The app knows these names, and loading it loads Textual: that happens only if the file has such a table.
"""

from __future__ import annotations

from collections.abc import Iterator

from scaicore_tui.config import config_file
from scaicore_tui.config.profiles import ConfigProblem, ProfileFile, read_profiles
from scaicore_tui.config.ui import UiTable
from scaicore_tui.errors import ConfigError


def app_problems(content: ProfileFile) -> Iterator[ConfigProblem]:
    """Yield what the app cannot use in `[ui]`, in the same table of each profile, and in `[keys]`."""
    looks = {"ui": content.ui} | {f"profiles.{name}.ui": one.ui for name, one in content.profiles.items() if one.ui}
    looks = {location: table for location, table in looks.items() if table != UiTable()}
    if not looks and not content.keys:
        return
    from scaicore_tui.tui.configured import key_problems, ui_problems

    for location, table in looks.items():
        yield from ui_problems(table, location, content.views)
    yield from key_problems(content.keys)


def read_app_settings(effect: str = "the app was not opened") -> ProfileFile:
    """Return the configuration file for the app. Raises ConfigError, with `effect`, if the app cannot use it."""
    path = config_file()
    content = read_profiles(path)
    problems = list(app_problems(content))
    if problems:
        more = f"; and {len(problems) - 1} more: scaicore-tui config check" if len(problems) > 1 else ""
        raise ConfigError(f"{path}: {problems[0]}", effect=effect, hint=f"{problems[0].fix}{more}".lstrip("; "))
    return content
