"""Profiles: named sections of the TOML file in the configuration folder. An unknown key is an error, not a wish."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from scaicore_tui.config.files import read_config
from scaicore_tui.config.profile_docs import KEYS
from scaicore_tui.config.target import Api, Color
from scaicore_tui.config.token_sources import TENANT_PATTERN
from scaicore_tui.errors import ConfigError

_UNKNOWN_KEY = re.compile(r"unknown field `(.+)`")
_SECRET_KEY = re.compile("token|key|secret|password|bearer|auth", re.IGNORECASE)
_NO_SECRETS = "this file never holds one: token_env names a variable, token_file a file readable by you alone"
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
    """`place` is the key with the tables that it stands in, as TOML has them; empty for the whole file."""

    location: str
    message: str
    fix: str = ""

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.location, self.message)))


def validate(table: Mapping[str, Any], kind: type[Struct], at: str) -> Iterator[ConfigProblem]:
    """All that is wrong with a table as a `kind`, key by key; and where no key is, with all of them together."""
    found = [complaint for key, value in table.items() for complaint in _of({key: value}, kind, at)]
    yield from found or _of(table, kind, at)


def convert_path(kind: type, value: Any) -> Any:
    """What msgspec does not make by itself: a path, or nothing else."""
    from pathlib import Path

    if kind is not Path or not isinstance(value, str):
        raise ValueError(f"expected a path, got {type(value).__name__}")
    return Path(value)


def _of(table: Mapping[str, Any], kind: type[Struct], at: str) -> Iterator[ConfigProblem]:
    try:
        msgspec.convert(table, kind, dec_hook=convert_path)
    except msgspec.ValidationError as error:
        yield _complaint(str(error), at, kind.__struct_fields__)


def _complaint(words: str, at: str, known: Sequence[str]) -> ConfigProblem:
    """What msgspec says, in TOML's words; of an unknown key the nearest one that is known."""
    reason, _, place = words.partition(" - at ")
    found = _UNKNOWN_KEY.search(reason)
    key = found[1] if found else re.split(r"[.\[]", place.strip("`").removeprefix("$").lstrip("."))[0]
    name = ".".join(filter(None, (at, key)))
    if found is None:
        fix = f"{KEYS[key].line(key)}, say: {KEYS[key].meaning}" if key in KEYS else ""
        return ConfigProblem(name, _plain(reason), fix)
    if _SECRET_KEY.search(key):
        return ConfigProblem("", f"unknown key {name}", _NO_SECRETS)
    import difflib

    near = difflib.get_close_matches(key, known, 1)
    return ConfigProblem(
        "", f"unknown key {name}", f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    )


def _plain(reason: str) -> str:
    """What msgspec says, without its names of types."""
    words = _TYPE.sub(lambda found: _TYPES.get(found[1], found[1]), reason)
    return words[:1].lower() + words[1:]


# Below what a clock, a date or SQLite can count to; TOML has `inf` and `nan`, too.
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Days = Annotated[float, Meta(gt=0, le=36_500)]
Megabytes = Annotated[float, Meta(gt=0, le=1_000_000_000)]
Arguments = Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(min_length=1)]
Tenant = Annotated[str, Meta(pattern=rf"^({TENANT_PATTERN.pattern})\Z")]
TOKEN_KEYS = ("token_env", "token_file", "token_command")


class Profile(Struct, forbid_unknown_fields=True, frozen=True):
    """What one `[profiles.NAME]` table may say; everything is optional."""

    url: str | None = None
    api: Api | None = None
    core: str | None = None
    interval: Seconds | None = None
    timeout: Seconds | None = None
    read_only: bool | None = None
    protected: bool | None = None
    color: Color | None = None
    keep_days: Days | None = None
    keep_mb: Megabytes | None = None
    low_bandwidth: bool | None = None
    token_env: str | None = None
    token_file: Path | None = None
    token_command: Arguments | None = None
    tenant: Tenant | None = None
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        said = [key for key in TOKEN_KEYS if getattr(self, key) is not None]
        if len(said) > 1:
            raise ValueError(f"{' and '.join(said)}: only one of them can say where the token is")


class ProfileFile(Struct, forbid_unknown_fields=True, frozen=True):
    """The whole file: a default profile's name, and the profiles."""

    default: str = "default"
    profiles: dict[str, Profile] = {}


class _Tables(Struct, forbid_unknown_fields=True):
    default: str = "default"
    profiles: dict[str, dict[str, Any]] = {}


def read_profiles(path: Path) -> ProfileFile:
    """The profiles in `path`; none where there is no file. Raises ConfigError, naming file and key."""
    content = read_config(path)
    if content is None:
        return ProfileFile()
    profiles, found = parse_profiles(content)
    if profiles is not None:
        return profiles
    more = f"; and {len(found) - 1} more: scaicore-tui config check" if len(found) > 1 else ""
    raise ConfigError(f"{path}: {found[0]}", hint=found[0].fix + more)


def parse_profiles(content: str) -> tuple[ProfileFile | None, list[ConfigProblem]]:
    """The profiles that `content` holds, and all that is wrong with it; without the former where that is anything."""
    import tomllib  # most have no file: they need not wait for what reads it

    try:
        raw = tomllib.loads(content)
    except RecursionError:
        return None, [ConfigProblem("", "tables or lists are nested too deeply")]
    except ValueError as error:
        return None, [ConfigProblem("", f"not TOML: {error}")]
    try:
        return msgspec.convert(raw, ProfileFile, dec_hook=convert_path), []
    except msgspec.ValidationError:
        return None, list(_complaints(raw))


def _complaints(raw: dict[str, Any]) -> Iterator[ConfigProblem]:
    """All of them; msgspec tells the first alone."""
    tables = {key for key, value in raw.items() if isinstance(value, dict) and key not in _Tables.__struct_fields__}
    for key in tables:
        yield ConfigProblem("", f"unknown table [{key}]", f"a profile begins with [profiles.{key}]")
    yield from validate({key: value for key, value in raw.items() if key not in tables}, _Tables, "")
    profiles = raw.get("profiles")
    for name, table in profiles.items() if isinstance(profiles, dict) else ():
        if isinstance(table, dict):
            yield from validate(table, Profile, f"profiles.{name}")
