"""Check the configuration of the app: names of themes and views, and keys.

The app knows these names, and loading it loads Textual: that happens only if the file has such a table.
"""

from __future__ import annotations

from scaicore_tui.config import config_file
from scaicore_tui.config.profiles import ConfigProblem, ProfileFile, read_profiles
from scaicore_tui.errors import ConfigError


def app_problems(content: ProfileFile) -> list[ConfigProblem]:
    """Return everything in the file that the app cannot use."""
    looks = (content.ui, *(profile.ui for profile in content.profiles.values()))
    if not content.keys and not any(table.theme or table.view for table in looks if table is not None):
        return []
    from scaicore_tui.tui import configured

    return list(configured.app_problems(content))


def read_app_settings(effect: str = "the app was not opened") -> ProfileFile:
    """Return the configuration file for the app. Raises ConfigError, with `effect`, if the app cannot use it."""
    path = config_file()
    content = read_profiles(path)
    problems = app_problems(content)
    if problems:
        more = f"; and {len(problems) - 1} more: scaicore-tui config check" if len(problems) > 1 else ""
        raise ConfigError(f"{path}: {problems[0]}", effect=effect, hint=f"{problems[0].fix}{more}".lstrip("; "))
    return content
