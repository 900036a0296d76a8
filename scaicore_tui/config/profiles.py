"""Profiles: named sections of the TOML file in the configuration folder. An unknown key is an error, not a wish."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scaicore_tui.config.target import Api
from scaicore_tui.errors import ConfigError


class Profile(BaseModel):
    """What one `[profiles.NAME]` table may say; everything is optional."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str | None = None
    api: Api | None = None
    core: str | None = None
    interval: Annotated[float, Field(gt=0)] | None = None
    read_only: bool | None = None
    protected: bool | None = None
    keep_days: Annotated[float, Field(gt=0)] | None = None
    keep_mb: Annotated[float, Field(gt=0)] | None = None
    low_bandwidth: bool | None = None
    token_env: str | None = None
    token_file: Path | None = None


class ProfileFile(BaseModel):
    """The whole file: a default profile's name, and the profiles."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default: str = "default"
    profiles: dict[str, Profile] = Field(default_factory=dict)


def read_profiles(path: Path) -> ProfileFile:
    """The profiles in `path`; none where there is no file. Raises ConfigError, naming file and key."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ProfileFile()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    try:
        return ProfileFile.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_complaint(error.errors()[0])}") from error


def _complaint(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] != "extra_forbidden":
        return f"{place}: {error['msg']}"
    known = [*Profile.model_fields, *ProfileFile.model_fields]
    near = difflib.get_close_matches(str(error["loc"][-1]), known, 1)
    return f"unknown key {place}" + (f": did you mean {near[0]}?" if near else "")
