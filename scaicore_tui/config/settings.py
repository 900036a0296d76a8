"""Flag, environment, profile, default: in that order, for every setting (README, Configuration)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct

from scaicore_tui.config.paths import config_file, expand_home
from scaicore_tui.config.profiles import TOKEN_KEYS, Profile, ProfileFile, read_profiles
from scaicore_tui.config.target import DEFAULT_TIMEOUT_S, Api, Color, Target, check_url
from scaicore_tui.config.token_sources import TENANT_PATTERN
from scaicore_tui.config.tokens import TENANT_VARIABLE, TOKEN_VARIABLE, TokenSettings, resolve_token
from scaicore_tui.errors import ConfigError


class ProfileInfo(Struct, frozen=True):
    """One profile that says where its API is."""

    name: str
    url: str
    core: str | None = None
    color: Color | None = None
    read_only: bool = False
    protected: bool = False


def list_profiles(config: Path | None = None) -> list[ProfileInfo]:
    """All of them, in the file's order. Raises ConfigError where the file makes no sense."""
    profiles = read_profiles(config or config_file()).profiles
    return [
        ProfileInfo(name, one.url, one.core, one.color, bool(one.read_only), bool(one.protected))
        for name, one in profiles.items()
        if one.url is not None
    ]


DEFAULT_INTERVAL_S = 5.0
PROFILE_VARIABLE = "SCAICORE_TUI_PROFILE"
_VARIABLES = {"url": "SCAICORE_TUI_URL", "api": "SCAICORE_TUI_API", "tenant": TENANT_VARIABLE}
_GRID_VARIABLES = ("SCAIGRID_BASE_URL", "SCAIGRID_HOST")
_DEFAULTS: dict[str, Any] = {
    "url": None,
    "api": Api.SCAIFLOW,
    "core": None,
    "interval": DEFAULT_INTERVAL_S,
    "timeout": DEFAULT_TIMEOUT_S,
    "read_only": False,
    "protected": False,
    "color": None,
    "keep_days": None,
    "keep_mb": None,
    "low_bandwidth": False,
    "ca_file": None,
    "tenant": None,
}


class Flags(Struct, frozen=True):
    """What was said on the command line; None is unsaid."""

    url: str | None = None
    api: str | None = None
    profile: str | None = None
    core: str | None = None
    interval: float | None = None
    read_only: bool = False
    low_bandwidth: bool = False
    token_file: Path | None = None


class Setting(NamedTuple):
    """A value, and what said so: a flag, a variable of the environment, a profile, or `default`."""

    value: Any
    source: str


class Settings(Struct, frozen=True):
    """All that was settled. `selected_by` is what named the profile; empty where nothing did, and it need not exist."""

    file: Path
    name: str
    selected_by: str
    names: tuple[str, ...]
    values: dict[str, Setting]
    tokens: TokenSettings

    @property
    def source_label(self) -> str:
        """How its profile is told as a source."""
        return _of_profile(self.name)

    @property
    def is_url_from_profile(self) -> bool:
        """Whether the URL is the profile's, so that its name says which API it is."""
        url = self.tokens.profile.url
        return url is not None and url == self.values["url"].value

    @property
    def override_warning(self) -> str:
        """That the environment has another address than the profile; empty where it has not, or a flag has the word."""
        source = self.values["url"].source
        is_meant = self.is_url_from_profile or self.tokens.profile.url is None or source.startswith("--")
        return "" if is_meant else f"{source} wins over the url of profile {self.name}"

    def target(self) -> Target | None:
        """The API to talk to; None where nothing says which. Raises ConfigError for what makes no sense."""
        value = {key: setting.value for key, setting in self.values.items()}
        if value["url"] is None:
            return None
        sources = self.tokens.sources()
        token, token_source, renewing = resolve_token(sources)
        if value["ca_file"] is not None:
            value["ca_file"] = expand_home(value["ca_file"], "ca_file")
        return Target(
            **value | {"url": check_url(value["url"], has_token=bool(sources))},
            name=self.name,
            token=token,
            token_source=token_source,
            sources=renewing,
            is_url_from_profile=self.is_url_from_profile,
        )


def resolve_target(flags: Flags, env: Mapping[str, str] | None = None, config: Path | None = None) -> Target | None:
    """The API to talk to; None where nothing says which. Raises ConfigError for what makes no sense."""
    return load_settings(flags, env, config).target()


def load_settings(
    flags: Flags, env: Mapping[str, str] | None = None, config: Path | None = None, *, prefer_profile: bool = False
) -> Settings:
    """All settings with their sources. Raises ConfigError for what makes no sense.

    With `prefer_profile`, a profile that a person chose, its address and token win over the environment.
    """
    env = os.environ if env is None else env
    path = config or config_file()
    content = read_profiles(path)
    name, asked_by = _name(flags, env, path, content)
    profile = content.profiles.get(name, Profile())
    if prefer_profile:
        env = _without_overridden(profile, env)
    values = {key: next(_candidates(key, flags, env, name, profile)) for key in _DEFAULTS}
    if values["url"].value is None:
        values |= _of_grid(values, env)
    values["api"] = Setting(_api(values["api"]), values["api"].source)
    tokens = TokenSettings(env, name, profile, flags.token_file, _tenant(values["tenant"]))
    return Settings(path, name, asked_by, tuple(content.profiles), values, tokens)


def _without_overridden(profile: Profile, env: Mapping[str, str]) -> dict[str, str]:
    """The environment without what the profile says itself."""
    own = {_VARIABLES["url"], _VARIABLES["api"]} if profile.url is not None else set()
    if any(getattr(profile, key) is not None for key in TOKEN_KEYS):
        own.add(TOKEN_VARIABLE)
    return {name: value for name, value in env.items() if name not in own}


def _name(flags: Flags, env: Mapping[str, str], path: Path, content: ProfileFile) -> tuple[str, str]:
    """The profile's name, and what asked for it."""
    asked = flags.profile or env.get(PROFILE_VARIABLE)
    if not asked:
        return content.default, ""
    if asked not in content.profiles:
        known = ", ".join(content.profiles) or "none"
        raise ConfigError(f"no profile {asked!r} in {path}", hint=f"profiles there: {known}")
    return asked, "--profile" if flags.profile else PROFILE_VARIABLE


def _candidates(key: str, flags: Flags, env: Mapping[str, str], name: str, profile: Profile) -> Iterator[Setting]:
    """What each source says of a setting, the strongest first."""
    if said := getattr(flags, key, None):
        yield Setting(said, f"--{key.replace('_', '-')}")
    if (variable := _VARIABLES.get(key)) and (text := env.get(variable)):
        yield Setting(text, variable)
    if (kept := getattr(profile, key)) is not None:
        yield Setting(kept, _of_profile(name))
    yield Setting(_DEFAULTS[key], "default")


def _of_grid(values: Mapping[str, Setting], env: Mapping[str, str]) -> dict[str, Setting]:
    """With nothing but `SCAIGRID_*` set, the ScaiGrid is spoken to itself."""
    variable = next((name for name in _GRID_VARIABLES if env.get(name)), None)
    if variable is None:
        return {}
    url = env[variable]
    found = {"url": Setting(url if "://" in url else f"https://{url}", variable)}
    return found | ({"api": Setting(Api.SCAIGRID, variable)} if values["api"].source == "default" else {})


def _of_profile(name: str) -> str:
    return f"profile {name}"


def _api(setting: Setting) -> Api:
    try:
        return Api(setting.value)
    except ValueError:
        raise ConfigError(f"no API {setting.value!r} ({setting.source})", hint=f"one of: {', '.join(Api)}") from None


def _tenant(setting: Setting) -> str | None:
    tenant: str | None = setting.value
    if tenant is not None and not TENANT_PATTERN.fullmatch(tenant):
        raise ConfigError(f"not a tenant's id: {tenant!r} ({setting.source})", hint="letters, digits, - and _")
    return tenant
