"""Read profiles, the named tables of the TOML configuration file, and validate them. Unknown keys are errors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct

from scaicore_tui.config.alerts import AlertTable
from scaicore_tui.config.files import read_config
from scaicore_tui.config.journal_url import why_not_in_a_file
from scaicore_tui.config.profile_docs import ALERT_KEYS, KEYS, UI_KEYS, KeyDoc
from scaicore_tui.config.target import Api, Color
from scaicore_tui.config.token_sources import TENANT_PATTERN, TOKEN_KEYS, Arguments
from scaicore_tui.config.ui import MAX_KEYS, KeyNames, KeyTable, UiTable
from scaicore_tui.config.views import SavedView
from scaicore_tui.errors import ConfigError

_UNKNOWN_KEY = re.compile(r"unknown field `(.+)`")
_INVALID_CHOICE = re.compile(r"Invalid enum value '(.*)'", re.DOTALL)
_SECRET_KEY = re.compile("token|key|secret|password|bearer|auth", re.IGNORECASE)
KEYS_HINT = 'for example replay = "ctrl+r", or mine = ["m", "f5"]'
_NO_SECRETS = "do not put tokens here: set token_env to a variable, or token_file to a file that only you can read"
_TYPE = re.compile(r"`(\w+)( \| null)?`")
_TYPES = {
    "str": "text",
    "float": "a number",
    "int": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}


class ConfigProblem(Struct, frozen=True):
    """One problem in the configuration file.

    `location` is the key with its tables, dotted as in TOML; empty for the whole file. `fix` is a hint for people.
    """

    location: str
    message: str
    fix: str = ""

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.location, self.message)))


def validate(table: Mapping[str, Any], kind: type[Struct], prefix: str) -> Iterator[ConfigProblem]:
    """Yield all problems of a table as a `kind`: of each key by itself, or if there are none, of all keys together.

    `prefix` is the dotted name of the table.
    """
    found = [problem for key, value in table.items() for problem in _problems_of({key: value}, kind, prefix)]
    yield from found or _problems_of(table, kind, prefix)


def convert_path(kind: type, value: Any) -> Any:
    """Convert a string to a Path, for msgspec; raise ValueError for anything else."""
    from pathlib import Path

    if kind is not Path or not isinstance(value, str):
        raise ValueError(f"expected a path, got {type(value).__name__}")
    return Path(value)


def _key_problems(table: dict[str, Any], prefix: str) -> Iterator[ConfigProblem]:
    """Yield each action whose keys are neither a text nor a list of texts; a table in `[keys]` is a context."""
    for name, value in table.items():
        location = f"{prefix}.{name}"
        if isinstance(value, dict) and prefix == "keys":
            yield from _key_problems(value, location)
            continue
        try:
            msgspec.convert(value, KeyNames)
        except msgspec.ValidationError:
            yield ConfigProblem(location, f"expected the name of a key, or a list of 1 to {MAX_KEYS}", KEYS_HINT)


def _problems_of(table: Mapping[str, Any], kind: type[Struct], prefix: str) -> Iterator[ConfigProblem]:
    try:
        msgspec.convert(table, kind, dec_hook=convert_path)
    except msgspec.ValidationError as error:
        yield _to_problem(str(error), prefix, kind)


def _to_problem(error: str, prefix: str, kind: type[Struct]) -> ConfigProblem:
    """Translate an error of msgspec into the terms of TOML; for an unknown name, suggest the most similar known one."""
    reason, _, location = error.partition(" - at ")
    found = _UNKNOWN_KEY.search(reason)
    key = found[1] if found else re.split(r"[.\[]", location.strip("`").removeprefix("$").lstrip("."))[0]
    name = ".".join(filter(None, (prefix, key)))
    if found is None:
        return ConfigProblem(name, _without_type_names(reason), _fix(key, reason, kind))
    if _SECRET_KEY.search(key):
        return ConfigProblem("", f"unknown key {name}", _NO_SECRETS)
    return ConfigProblem("", f"unknown key {name}", nearest(key, kind.__struct_fields__))


def _fix(key: str, reason: str, kind: type[Struct]) -> str:
    """Return what to write instead of an invalid value of a key."""
    found = _INVALID_CHOICE.search(reason)
    if found and (choices := _choices(key, kind)):
        return nearest(found[1], choices)
    docs = _DOCS.get(kind, KEYS).get(key)
    return "" if docs is None else f"for example {docs.line(key)}  ({docs.meaning})"


_DOCS: Mapping[type[Struct], Mapping[str, KeyDoc]] = {UiTable: UI_KEYS, AlertTable: ALERT_KEYS}


def _choices(key: str, kind: type[Struct]) -> list[str]:
    """Return the values that a key can have, if it is a choice of a few."""
    hint = get_type_hints(kind).get(key)
    kinds = [one for one in get_args(hint) if isinstance(one, type) and issubclass(one, StrEnum)]
    return [value for one in kinds for value in one]


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint: the known name that is most similar to `name`, else all of them."""
    import difflib  # imported late, as names are rarely wrong

    names = list(known)
    near = difflib.get_close_matches(name, names, 1)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}"


def _without_type_names(reason: str) -> str:
    """Replace msgspec's type names by words."""
    text = _TYPE.sub(lambda found: _TYPES.get(found[1], found[1]), reason)
    return text[:1].lower() + text[1:]


# Limits that clocks, dates and SQLite can represent; TOML also has `inf` and `nan`.
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Days = Annotated[float, Meta(gt=0, le=36_500)]
Megabytes = Annotated[float, Meta(gt=0, le=1_000_000_000)]
Paths = Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(max_length=1_000)]
Tenant = Annotated[str, Meta(pattern=rf"^({TENANT_PATTERN.pattern})\Z")]


class Profile(Struct, forbid_unknown_fields=True, frozen=True):
    """The keys of one `[profiles.NAME]` table; all are optional."""

    url: str | None = None
    api: Api | None = None
    core: str | None = None
    interval: Seconds | None = None
    timeout: Seconds | None = None
    read_only: bool | None = None
    protected: bool | None = None
    color: Color | None = None
    journal: str | None = None
    keep_days: Days | None = None
    keep_mb: Megabytes | None = None
    low_bandwidth: bool | None = None
    token_env: str | None = None
    token_file: Path | None = None
    token_command: Arguments | None = None
    tenant: Tenant | None = None
    ca_file: Path | None = None
    flows: Path | None = None
    redact: Paths | None = None
    ui: UiTable | None = None

    def __post_init__(self) -> None:
        given = [key for key in TOKEN_KEYS if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)}: use only one of them")
        if self.journal is not None and (reason := why_not_in_a_file(self.journal)):
            raise ValueError(reason)


class ProfileFile(Struct, forbid_unknown_fields=True, frozen=True):
    """The configuration file: the default profile's name, profiles, views, alerts, looks and keys of the app."""

    default: str = "default"
    profiles: dict[str, Profile] = {}
    views: dict[str, SavedView] = {}
    alerts: dict[str, AlertTable] = {}
    ui: UiTable = UiTable()
    keys: KeyTable = {}


class _Tables(Struct, forbid_unknown_fields=True):
    default: str = "default"
    profiles: dict[str, dict[str, Any]] = {}
    views: dict[str, dict[str, Any]] = {}
    alerts: dict[str, dict[str, Any]] = {}
    ui: dict[str, Any] = {}
    keys: dict[str, Any] = {}


def read_profiles(path: Path) -> ProfileFile:
    """Return the profiles in the file at `path`; none if it does not exist. Raises ConfigError with file and key."""
    content = read_config(path)
    if content is None:
        return ProfileFile()
    profiles, found = parse_profiles(content)
    if profiles is not None:
        return profiles
    more = f"; and {len(found) - 1} more: scaicore-tui config check" if len(found) > 1 else ""
    raise ConfigError(f"{path}: {found[0]}", hint=found[0].fix + more)


def parse_profiles(content: str) -> tuple[ProfileFile | None, list[ConfigProblem]]:
    """Parse the text of a configuration file. Return the profiles, or None and all problems."""
    import tomllib  # imported late, as most users have no file

    try:
        raw = tomllib.loads(content)
    except RecursionError:
        return None, [ConfigProblem("", "tables or lists are nested too deeply")]
    except ValueError as error:
        return None, [ConfigProblem("", f"not TOML: {error}")]
    try:
        return msgspec.convert(raw, ProfileFile, dec_hook=convert_path), []
    except msgspec.ValidationError:
        return None, list(_all_problems(raw))


def _all_problems(raw: dict[str, Any]) -> Iterator[ConfigProblem]:
    """Yield all problems; msgspec reports only the first one."""
    tables = {key for key, value in raw.items() if isinstance(value, dict) and key not in _Tables.__struct_fields__}
    for key in tables:
        yield ConfigProblem("", f"unknown table [{key}]", f"a profile begins with [profiles.{key}]")
    yield from validate({key: value for key, value in raw.items() if key not in tables}, _Tables, "")
    for group, kind in (("profiles", Profile), ("views", SavedView), ("alerts", AlertTable)):
        found = raw.get(group)
        for name, table in found.items() if isinstance(found, dict) else ():
            if isinstance(table, dict):
                yield from _table_problems(table, kind, f"{group}.{name}")
    if isinstance(found := raw.get("ui"), dict):
        yield from validate(found, UiTable, "ui")
    if isinstance(found := raw.get("keys"), dict):
        yield from _key_problems(found, "keys")


def _table_problems(table: dict[str, Any], kind: type[Struct], prefix: str) -> Iterator[ConfigProblem]:
    """Yield the problems of a table of its own name, and of the table `ui` in it."""
    looks = table.get("ui") if kind is Profile else None
    if isinstance(looks, dict):
        yield from validate({key: value for key, value in table.items() if key != "ui"}, kind, prefix)
        yield from validate(looks, UiTable, f"{prefix}.ui")
    else:
        yield from validate(table, kind, prefix)
