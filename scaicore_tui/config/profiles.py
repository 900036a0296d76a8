"""Profiles: named sections of the TOML file in the configuration folder. An unknown key is an error, not a wish."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from scaicore_tui.config.target import Api
from scaicore_tui.errors import ConfigError

T = TypeVar("T", bound=Struct)

Positive = Annotated[float, Meta(gt=0)]

_UNKNOWN_KEY = re.compile(r"unknown field `(.+)`")
_SECRET_KEY = re.compile("token|key|secret|password|bearer|auth", re.IGNORECASE)
NO_SECRETS = "this file never holds one: token_env names a variable, token_file a file readable by you alone"


class Profile(Struct, forbid_unknown_fields=True, frozen=True):
    """What one `[profiles.NAME]` table may say; everything is optional."""

    url: str | None = None
    api: Api | None = None
    core: str | None = None
    interval: Positive | None = None
    read_only: bool | None = None
    protected: bool | None = None
    keep_days: Positive | None = None
    keep_mb: Positive | None = None
    low_bandwidth: bool | None = None
    token_env: str | None = None
    token_file: Path | None = None
    ca_file: Path | None = None


class ProfileFile(Struct, frozen=True):
    """The whole file: a default profile's name, and the profiles."""

    default: str = "default"
    profiles: dict[str, Profile] = {}


class _Tables(Struct, forbid_unknown_fields=True):
    default: str = "default"
    profiles: dict[str, dict[str, Any]] = {}


def read_profiles(path: Path) -> ProfileFile:
    """The profiles in `path`; none where there is no file. Raises ConfigError, naming file and key."""
    try:
        content = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ProfileFile()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    return _profiles(path, content)


def _profiles(path: Path, content: str) -> ProfileFile:
    import tomllib  # most have no file: they need not wait for what reads it

    try:
        tables = _typed(tomllib.loads(content), _Tables, "")
        profiles = {name: _typed(table, Profile, f"profiles.{name}") for name, table in tables.profiles.items()}
    except (tomllib.TOMLDecodeError, ConfigError) as error:
        raise ConfigError(f"{path}: {error}") from error
    return ProfileFile(tables.default, profiles)


def _typed(value: dict[str, Any], kind: type[T], at: str) -> T:
    """The table that stands `at` that place. Raises ConfigError for what it may not say."""
    try:
        return msgspec.convert(value, kind, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise ConfigError(_complaint(str(error), at, kind.__struct_fields__)) from error


def _path(kind: type, value: Any) -> Any:
    """What msgspec does not make by itself."""
    if kind is not Path or not isinstance(value, str):
        raise ValueError(f"Expected a path, got {type(value).__name__}")
    return Path(value)


def _complaint(words: str, at: str, known: Sequence[str]) -> str:
    """Where the trouble is, in TOML's words, and what it is; of an unknown key the nearest one that is known."""
    reason, _, place = words.partition(" - at ")
    found = _UNKNOWN_KEY.search(reason)
    key = found[1] if found else place.strip("`").removeprefix("$").lstrip(".")
    name = ".".join(filter(None, (at, key)))
    if found is None:
        return f"{name}: {reason}"
    if _SECRET_KEY.search(key):
        return f"unknown key {name}: {NO_SECRETS}"
    import difflib

    near = difflib.get_close_matches(key, known, 1)
    return f"unknown key {name}" + (f": did you mean {near[0]}?" if near else "")
