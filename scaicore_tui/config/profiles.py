"""Profiles: named sections of the TOML file in the configuration folder. An unknown key is an error, not a wish."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from scaicore_tui.config.complaints import Complaint, complaints, convert_path
from scaicore_tui.config.reading import read_config
from scaicore_tui.config.sources import TENANT
from scaicore_tui.config.target import Api, Color
from scaicore_tui.errors import ConfigError

# Below what a clock, a date or SQLite can count to; TOML has `inf` and `nan`, too.
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Days = Annotated[float, Meta(gt=0, le=36_500)]
Megabytes = Annotated[float, Meta(gt=0, le=1_000_000_000)]
Words = Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(min_length=1)]
Tenant = Annotated[str, Meta(pattern=rf"^({TENANT.pattern})\Z")]
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
    token_command: Words | None = None
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
    profiles, found = find_complaints(content)
    if profiles is not None:
        return profiles
    more = f"; and {len(found) - 1} more: scaicore-tui config check" if len(found) > 1 else ""
    raise ConfigError(f"{path}: {found[0]}", hint=found[0].fix + more)


def find_complaints(content: str) -> tuple[ProfileFile | None, list[Complaint]]:
    """The profiles that `content` holds, and all that is wrong with it; without the former where that is anything."""
    import tomllib  # most have no file: they need not wait for what reads it

    try:
        raw = tomllib.loads(content)
    except RecursionError:
        return None, [Complaint("", "tables or lists are nested too deeply")]
    except ValueError as error:
        return None, [Complaint("", f"not TOML: {error}")]
    try:
        return msgspec.convert(raw, ProfileFile, dec_hook=convert_path), []
    except msgspec.ValidationError:
        return None, list(_complaints(raw))


def _complaints(raw: dict[str, Any]) -> Iterator[Complaint]:
    """All of them; msgspec tells the first alone."""
    tables = {key for key, value in raw.items() if isinstance(value, dict) and key not in _Tables.__struct_fields__}
    for key in tables:
        yield Complaint("", f"unknown table [{key}]", f"a profile begins with [profiles.{key}]")
    yield from complaints({key: value for key, value in raw.items() if key not in tables}, _Tables, "")
    profiles = raw.get("profiles")
    for name, table in profiles.items() if isinstance(profiles, dict) else ():
        if isinstance(table, dict):
            yield from complaints(table, Profile, f"profiles.{name}")
