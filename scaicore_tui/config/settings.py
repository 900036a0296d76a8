"""Resolve every setting from option, environment, profile and default, in that order, and record its source."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct

from scaicore_tui.config.paths import config_file, expand_home
from scaicore_tui.config.profiles import Profile, ProfileFile, read_profiles
from scaicore_tui.config.target import DEFAULT_TIMEOUT_S, Api, Color, Target, check_url
from scaicore_tui.config.token_sources import TENANT_PATTERN, TOKEN_KEYS
from scaicore_tui.config.tokens import TENANT_VARIABLE, TOKEN_VARIABLE, TokenSettings, resolve_token
from scaicore_tui.config.ui import KeyTable, UiTable
from scaicore_tui.errors import ConfigError


class ProfileInfo(Struct, frozen=True):
    """A profile that has a URL."""

    name: str
    url: str
    core: str | None = None
    color: Color | None = None
    read_only: bool = False
    protected: bool = False


def list_profiles(config: Path | None = None) -> list[ProfileInfo]:
    """Return the profiles that have a URL, in the order of the file. Raises ConfigError if the file is invalid."""
    profiles = read_profiles(config or config_file()).profiles
    return [
        ProfileInfo(name, profile.url, profile.core, profile.color, bool(profile.read_only), bool(profile.protected))
        for name, profile in profiles.items()
        if profile.url is not None
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
    "journal": None,
    "keep_days": None,
    "keep_mb": None,
    "low_bandwidth": False,
    "ca_file": None,
    "flows": None,
    "redact": (),
    "tenant": None,
}


class Flags(Struct, frozen=True):
    """Options of the command line; None if not given."""

    url: str | None = None
    api: str | None = None
    profile: str | None = None
    core: str | None = None
    interval: float | None = None
    read_only: bool = False
    low_bandwidth: bool = False
    token_file: Path | None = None


class Setting(NamedTuple):
    """A value and its source: an option, an environment variable, a profile, or `default`."""

    value: Any
    source: str


class Settings(Struct, frozen=True):
    """All settings with their sources.

    `selected_by` is the option or variable that chose the profile `name`; if empty, it is the default profile, which
    need not exist. `names` are all profiles in the file. `ui` is how the app looks, and `keys` are the keys that the
    file changes in it.
    """

    file: Path
    name: str
    selected_by: str
    names: tuple[str, ...]
    values: dict[str, Setting]
    tokens: TokenSettings
    ui: dict[str, Setting]
    keys: KeyTable

    @property
    def source_label(self) -> str:
        """The profile as the source of a setting, for people."""
        return _profile_label(self.name)

    @property
    def is_url_from_profile(self) -> bool:
        """True if the URL comes from the profile, so that the profile's name identifies the API."""
        url = self.tokens.profile.url
        return url is not None and url == self.values["url"].value

    @property
    def override_warning(self) -> str:
        """Warning that the environment overrides the profile's URL; empty if it does not, or if an option does."""
        source = self.values["url"].source
        is_intended = self.is_url_from_profile or self.tokens.profile.url is None or source.startswith("--")
        return "" if is_intended else f"{source} overrides the url of profile {self.name}"

    def target(self) -> Target | None:
        """Return the API to connect to; None if no URL is set. Raises ConfigError for an invalid setting."""
        value = {key: setting.value for key, setting in self.values.items()}
        if value["url"] is None:
            return None
        sources = self.tokens.sources()
        token, token_source, renewing = resolve_token(sources)
        for key in ("ca_file", "flows"):
            if value[key] is not None:
                value[key] = expand_home(value[key], key)
        return Target(
            **value | {"url": check_url(value["url"], has_token=bool(sources))},
            name=self.name,
            token=token,
            token_source=token_source,
            sources=renewing,
            is_url_from_profile=self.is_url_from_profile,
            ui=self.ui_table,
        )

    @property
    def ui_table(self) -> UiTable:
        """How the app looks."""
        return UiTable(**{key: setting.value for key, setting in self.ui.items()})


def resolve_target(flags: Flags, env: Mapping[str, str] | None = None, config: Path | None = None) -> Target | None:
    """Return the API to connect to; None if no URL is set. Raises ConfigError for an invalid setting."""
    return load_settings(flags, env, config).target()


def load_settings(
    flags: Flags, env: Mapping[str, str] | None = None, config: Path | None = None, *, prefer_profile: bool = False
) -> Settings:
    """Return all settings with their sources. Raises ConfigError for an invalid setting.

    With `prefer_profile`, the profile's URL and token override those of the environment.
    """
    env = os.environ if env is None else env
    path = config or config_file()
    content = read_profiles(path)
    name, selected_by = _select_profile(flags, env, path, content)
    profile = content.profiles.get(name, Profile())
    if prefer_profile:
        env = _without_overridden(profile, env)
    values = {key: next(_candidates(key, flags, env, name, profile)) for key in _DEFAULTS}
    if values["url"].value is None:
        values |= _grid_settings(values, env)
    values["api"] = Setting(_parse_api(values["api"]), values["api"].source)
    tokens = TokenSettings(env, name, profile, flags.token_file, _parse_tenant(values["tenant"]))
    ui = _ui_settings(profile, name, content.ui)
    return Settings(path, name, selected_by, tuple(content.profiles), values, tokens, ui, content.keys)


def _ui_settings(profile: Profile, name: str, shared: UiTable) -> dict[str, Setting]:
    """Return each key of `[ui]` with its value, that of the profile first, and its source."""
    sources = ((profile.ui or UiTable(), _profile_label(name)), (shared, "[ui]"))
    found = dict[str, Setting]()
    for key in UiTable.__struct_fields__:
        given = (Setting(value, label) for table, label in sources if (value := getattr(table, key)) is not None)
        found[key] = next(given, Setting(None, "default"))
    return found


def _without_overridden(profile: Profile, env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the variables that the profile sets itself."""
    own = {_VARIABLES["url"], _VARIABLES["api"]} if profile.url is not None else set()
    if any(getattr(profile, key) is not None for key in TOKEN_KEYS):
        own.add(TOKEN_VARIABLE)
    return {name: value for name, value in env.items() if name not in own}


def _select_profile(flags: Flags, env: Mapping[str, str], path: Path, content: ProfileFile) -> tuple[str, str]:
    """Return the profile's name, and the option or variable that chose it."""
    name = flags.profile or env.get(PROFILE_VARIABLE)
    if not name:
        return content.default, ""
    if name not in content.profiles:
        known = ", ".join(content.profiles) or "none"
        raise ConfigError(f"no profile {name!r} in {path}", hint=f"profiles there: {known}")
    return name, "--profile" if flags.profile else PROFILE_VARIABLE


def _candidates(key: str, flags: Flags, env: Mapping[str, str], name: str, profile: Profile) -> Iterator[Setting]:
    """Yield the values of a setting from all sources, highest precedence first."""
    if option := getattr(flags, key, None):
        yield Setting(option, f"--{key.replace('_', '-')}")
    if (variable := _VARIABLES.get(key)) and (text := env.get(variable)):
        yield Setting(text, variable)
    if (value := getattr(profile, key)) is not None:
        yield Setting(value, _profile_label(name))
    yield Setting(_DEFAULTS[key], "default")


def _grid_settings(values: Mapping[str, Setting], env: Mapping[str, str]) -> dict[str, Setting]:
    """Return the settings for a direct connection to ScaiGrid, used if only `SCAIGRID_*` variables are set."""
    variable = next((name for name in _GRID_VARIABLES if env.get(name)), None)
    if variable is None:
        return {}
    url = env[variable]
    found = {"url": Setting(url if "://" in url else f"https://{url}", variable)}
    return found | ({"api": Setting(Api.SCAIGRID, variable)} if values["api"].source == "default" else {})


def _profile_label(name: str) -> str:
    return f"profile {name}"


def _parse_api(setting: Setting) -> Api:
    try:
        return Api(setting.value)
    except ValueError:
        raise ConfigError(
            f"unknown API {setting.value!r} ({setting.source})", hint=f"use one of: {', '.join(Api)}"
        ) from None


def _parse_tenant(setting: Setting) -> str | None:
    tenant: str | None = setting.value
    if tenant is not None and not TENANT_PATTERN.fullmatch(tenant):
        raise ConfigError(f"not a tenant id: {tenant!r} ({setting.source})", hint="use letters, digits, - and _")
    return tenant
