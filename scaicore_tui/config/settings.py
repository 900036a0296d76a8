"""Flag, environment, profile, default: in that order, for every setting (README, Configuration)."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from scaicore_tui.config.paths import config_file
from scaicore_tui.config.profiles import Profile, read_profiles
from scaicore_tui.config.target import Api, Target, check_url
from scaicore_tui.errors import ConfigError
from scaicore_tui.secret import Secret

DEFAULT_INTERVAL = 5.0


class Flags(Struct, frozen=True):
    """What was said on the command line; None is unsaid."""

    url: str | None = None
    api: str | None = None
    profile: str | None = None
    core: str | None = None
    interval: float | None = None
    read_only: bool = False
    low_bandwidth: bool = False


def resolve_target(flags: Flags, env: Mapping[str, str] | None = None, config: Path | None = None) -> Target | None:
    """The API to talk to; None where nothing says which. Raises ConfigError for what makes no sense."""
    env = os.environ if env is None else env
    name, profile = _profile(flags, env, config or config_file())
    url, api = _address(flags, env, profile)
    if url is None:
        return None
    token, source = _token(env, profile)
    return Target(
        url=check_url(url, has_token=token is not None),
        api=api,
        name=name,
        token=token,
        token_source=source,
        core=flags.core or profile.core,
        interval=flags.interval or profile.interval or DEFAULT_INTERVAL,
        read_only=flags.read_only or bool(profile.read_only),
        protected=bool(profile.protected),
        keep_days=profile.keep_days,
        keep_mb=profile.keep_mb,
        low_bandwidth=flags.low_bandwidth or bool(profile.low_bandwidth),
        ca_file=profile.ca_file.expanduser() if profile.ca_file is not None else None,
    )


def _profile(flags: Flags, env: Mapping[str, str], path: Path) -> tuple[str, Profile]:
    asked = flags.profile or env.get("SCAICORE_TUI_PROFILE")
    content = read_profiles(path)
    if asked and asked not in content.profiles:
        known = ", ".join(content.profiles) or "none"
        raise ConfigError(f"no profile {asked!r} in {path}", hint=f"profiles there: {known}")
    name = asked or content.default
    return name, content.profiles.get(name, Profile())


def _address(flags: Flags, env: Mapping[str, str], profile: Profile) -> tuple[str | None, Api]:
    """URL and API. With nothing but `SCAIGRID_*` set, the ScaiGrid is spoken to itself."""
    url = flags.url or env.get("SCAICORE_TUI_URL") or profile.url
    said = flags.api or env.get("SCAICORE_TUI_API") or profile.api
    if url is None:
        url = env.get("SCAIGRID_BASE_URL") or env.get("SCAIGRID_HOST")
        said = said or Api.SCAIGRID
        if url and "://" not in url:
            url = f"https://{url}"
    return url, _api(said or Api.SCAIFLOW)


def _api(said: str) -> Api:
    try:
        return Api(said)
    except ValueError:
        raise ConfigError(f"no API {said!r}", hint=f"one of: {', '.join(Api)}") from None


def _token(env: Mapping[str, str], profile: Profile) -> tuple[Secret | None, str]:
    """The token and where it came from. Never a flag: command lines are seen by everybody on a machine."""
    names = ("SCAICORE_TUI_TOKEN", profile.token_env, "SCAIGRID_API_KEY")
    if not env.get(names[0]) and profile.token_file is not None:
        return _token_file(profile.token_file.expanduser())
    for name in names:
        if name and env.get(name):
            return _sendable(env[name], name), name
    return None, ""


def _token_file(path: Path) -> tuple[Secret, str]:
    """What the file holds. Its path is told where there is such a file: else it may be a token in the wrong place."""
    try:
        with path.open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & 0o077 and os.name == "posix":
                raise ConfigError(f"{path} can be read by others", hint=f"chmod 600 {shlex.quote(str(path))}")
            return _sendable(file.read(), "the token file"), str(path)
    except OSError as error:
        raise ConfigError(f"the profile's token_file can't be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigError("the profile's token_file is no text") from None


def _sendable(text: str, source: str) -> Secret:
    secret = Secret(text.strip())
    if not secret.is_sendable:
        raise ConfigError(f"{source} holds no token: a header can't carry it", hint="look for spaces and line breaks")
    return secret
