"""`config path`, `show` and `check`: settings with their sources, and problems with them. Secrets are never printed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from scaicore_tui.analysis.query import RUNS, QueryError, parse_query
from scaicore_tui.cli.alert_settings import alert_problems
from scaicore_tui.cli.app_settings import app_problems
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stdout
from scaicore_tui.cli.output.stderr import say
from scaicore_tui.cli.queries import point_at
from scaicore_tui.cli.sessions import load_common_settings
from scaicore_tui.config import Settings, config_file
from scaicore_tui.config.alerts import AlertTable
from scaicore_tui.config.files import is_present, read_config
from scaicore_tui.config.profiles import ConfigProblem, Profile, ProfileFile, nearest, parse_profiles
from scaicore_tui.config.target import check_url
from scaicore_tui.config.tokens import describe_token_file, read_token_file
from scaicore_tui.config.ui import key_entries
from scaicore_tui.errors import ConfigError
from scaicore_tui.secrets import redact
from scaicore_tui.text import json_inline, one_line

if TYPE_CHECKING:
    from scaicore_tui.export.document_types import ConfigCheckDocument, ConfigShowDocument, SettingsDocument

HIDDEN_VALUE = "…"
_NO_VARIABLE = re.compile(r"sgk_|.*[^A-Za-z0-9_]")


def print_path() -> None:
    """Print the path of the file."""
    stdout.line(one_line(str(config_file())))


def show(common: Common, json: bool) -> None:
    """Print all settings with their sources.

    Raises:
        ConfigError: a setting is invalid; the settings are printed first.
    """
    settings = load_common_settings(common)
    rows = dict(setting_rows(settings))
    if json:
        stdout.document(_show_document(settings, rows))
    else:
        keys = ((location, " ".join(keys), f"[keys] in {settings.file}") for location, keys in _changed_keys(settings))
        table = ((name, _cell(value), one_line(source)) for name, (value, source) in rows.items())
        stdout.table(("SETTING", "VALUE", "FROM"), [*table, *(tuple(map(one_line, row)) for row in keys)])
        there = "" if is_present(settings.file) else " (the file does not exist; scaicore-tui config init creates it)"
        say(f"profiles are in {settings.file}{there}")
    settings.target()


def _show_document(settings: Settings, rows: Mapping[str, tuple[Any, str]]) -> ConfigShowDocument:
    values = {name: {"value": value, "source": source} for name, (value, source) in rows.items()}
    return {
        "file": str(settings.file),
        "exists": is_present(settings.file),
        "profiles": list(settings.names),
        "settings": cast("SettingsDocument", values),
        "keys": {location.removeprefix("keys."): list(keys) for location, keys in _changed_keys(settings)},
    }


def _changed_keys(settings: Settings) -> list[tuple[str, tuple[str, ...]]]:
    """Return each changed action of the app, as in the file, with its keys."""
    return [(entry.location, entry.keys) for entry in key_entries(settings.keys)]


def setting_rows(settings: Settings) -> Iterator[tuple[str, tuple[Any, str]]]:
    """Yield the name of each setting with its value, as in JSON, and its source."""
    file = str(settings.file)
    chosen = settings.selected_by or (f"default in {file}" if settings.name in settings.names else "default")
    yield "profile", (settings.name, chosen)
    for name, (value, source) in settings.values.items():
        yield name, (_shown(name, value), f"{source} in {file}" if source == settings.source_label else source)
        if name == "api":
            yield "token", _token(settings)
    for name, (value, source) in settings.ui.items():
        yield name, (value, source if source == "default" else f"{source} in {file}")


def _shown(name: str, value: Any) -> Any:
    """Return a value as one text, number or truth value."""
    if isinstance(value, tuple):
        return ", ".join(value) or None
    return redact(value) if name == "url" and value else str(value) if isinstance(value, Path) else value


def _token(settings: Settings) -> tuple[str | None, str]:
    """Return a placeholder for the token if there is a source of one, and the names of the sources. None is read."""
    sources = settings.tokens.sources()
    return (
        (HIDDEN_VALUE, ", then ".join(source.name for source in sources))
        if sources
        else (None, "no source is configured")
    )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return json_inline(value) if isinstance(value, str | bool) else f"{value:g}"


def check(common: Common, json: bool) -> int:
    """Print all problems and return the exit code."""
    path = config_file()
    problems = list(find_all_problems(common, path))
    if json:
        stdout.document(_check_document(path, problems))
    else:
        for text in _report(path, problems):
            stdout.line(text)
    return ConfigError.exit_code if problems else 0


def _check_document(path: Path, problems: Iterable[ConfigProblem]) -> ConfigCheckDocument:
    return {
        "file": str(path),
        "exists": is_present(path),
        "problems": [{"place": one.location, "problem": one.message, "fix": one.fix} for one in problems],
    }


def _report(path: Path, problems: list[ConfigProblem]) -> Iterator[str]:
    shown = one_line(str(path))
    if not problems:
        result = (
            "no problems found"
            if is_present(path)
            else "the file does not exist and is not required; scaicore-tui config init creates it"
        )
        yield f"{shown}: {result}"
        return
    yield f"{shown}: {len(problems)} problem{'s' * (len(problems) > 1)}"
    for problem in problems:
        yield f"  {one_line(str(problem))}"
        if problem.fix:
            yield f"    → {one_line(problem.fix)}"


def find_all_problems(common: Common, path: Path) -> Iterator[ConfigProblem]:
    """Yield the problems of the file's syntax, of its values, and of all settings together."""
    try:
        content = read_config(path) or ""
    except ConfigError as error:
        yield ConfigProblem("", error.message, error.hint)
        return
    profiles, problems = parse_profiles(content)
    yield from problems
    if profiles is None:
        return
    yield from (found := [*_value_problems(profiles), *app_problems(profiles)])
    if not found:
        yield from _settings_problems(common)


def _value_problems(profiles: ProfileFile) -> Iterator[ConfigProblem]:
    if profiles.profiles and profiles.default != "default" and profiles.default not in profiles.profiles:
        yield ConfigProblem("default", f"no profile {profiles.default!r}", f"one of: {', '.join(profiles.profiles)}")
    for name, view in profiles.views.items():
        try:
            parse_query(view.query, RUNS)
        except QueryError as wrong:
            yield ConfigProblem(f"views.{name}.query", point_at(view.query, wrong), wrong.hint)
    yield from alert_problems(profiles.alerts)
    yield from _unknown_profiles(profiles)
    for name, table in profiles.alerts.items():
        for key, error in _program_errors(table):
            yield ConfigProblem(f"alerts.{name}.{key}", error.message, error.hint)
    for name, profile in profiles.profiles.items():
        for key, error in _profile_errors(profile):
            yield ConfigProblem(f"profiles.{name}.{key}", error.message, error.hint)


def _unknown_profiles(profiles: ProfileFile) -> Iterator[ConfigProblem]:
    for name, table in profiles.alerts.items():
        for unknown in [one for one in table.profiles or () if one not in profiles.profiles]:
            yield ConfigProblem(
                f"alerts.{name}.profiles", f"no profile {unknown!r}", nearest(unknown, profiles.profiles)
            )


def _program_errors(table: AlertTable) -> Iterator[tuple[str, ConfigError]]:
    """Yield the keys of an alert with programs and files that this machine does not have."""
    for key in ("command", "token_command"):
        arguments = getattr(table, key)
        if arguments is not None and shutil.which(arguments[0]) is None:
            yield key, ConfigError(f"no program {arguments[0]!r}", hint="give its full path")
    if table.token_env is not None and _NO_VARIABLE.match(table.token_env):
        yield "token_env", ConfigError("not the name of a variable", hint="give the variable that holds the token")
    try:
        if table.token_file is not None:
            read_token_file(describe_token_file(table.token_file, "the file"))
    except ConfigError as error:
        yield "token_file", error


def _profile_errors(profile: Profile) -> Iterator[tuple[str, ConfigError]]:
    """Yield the keys of a profile that cannot work on this machine, with the error."""
    if profile.token_env is not None and _NO_VARIABLE.match(profile.token_env):
        yield (
            "token_env",
            ConfigError("not the name of a variable", hint="give the name of the variable that holds the token"),
        )
    if profile.token_command is not None and shutil.which(profile.token_command[0]) is None:
        yield "token_command", ConfigError(f"no program {profile.token_command[0]!r}", hint="give its full path")
    try:
        if profile.url is not None:
            check_url(profile.url, has_token=True)
    except ConfigError as error:
        yield "url", error
    try:
        if profile.token_file is not None:
            read_token_file(describe_token_file(profile.token_file, "the file"))
    except ConfigError as error:
        yield "token_file", error


def _settings_problems(common: Common) -> Iterator[ConfigProblem]:
    """Yield the problem of the options, the environment and the profile that they select."""
    try:
        load_common_settings(common).target()
    except ConfigError as error:
        yield ConfigProblem("options and environment", error.message, error.hint)


def print_roles(common: Common, role: str, by_feed: bool) -> None:
    """Print SQL that creates the groups of a journal on a server; with a role, SQL that lets it reach the feed."""
    from scaicore_tui.auth import identify
    from scaicore_tui.session import feed_roles_sql, journal_roles_sql

    target = load_common_settings(common).target() if role else None
    if role and target is None:
        raise ConfigError("no feed is named", hint="set --profile, or --url and the token: its tenant names the feed")
    lines = journal_roles_sql(by_feed=by_feed) if target is None else feed_roles_sql(identify(target), role)
    for line in lines:
        stdout.line(line)
