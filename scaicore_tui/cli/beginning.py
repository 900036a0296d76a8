"""`config init`: the first profiles' file, out of flags or out of what a person answers."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from scaicore_tui.cli.asking import ask
from scaicore_tui.cli.diagnostics import say
from scaicore_tui.cli.flags import Common
from scaicore_tui.config import config_file
from scaicore_tui.config.reading import is_present
from scaicore_tui.config.target import check_url
from scaicore_tui.config.tokens import TOKEN
from scaicore_tui.config.writing import is_there, profile_text, write_new
from scaicore_tui.errors import ConfigError, UsageError

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEYS = ("url", "api", "core", "interval", "read_only", "low_bandwidth", "token_file")
_WAYS = {"1": "token_env", "2": "token_file", "3": "token_command"}


async def write_config(common: Common, said: Mapping[str, Any]) -> None:
    """Write the file. Raises UsageError where somebody has to be asked and nobody is there, ConfigError where there is
    a file already, or what was said makes no sense."""
    path = config_file()
    if is_present(path):
        raise is_there(path)
    told = {**{key: getattr(common, key) for key in _KEYS}, **said}
    told = {key: value for key, value in told.items() if value not in (None, False)}
    name = common.profile or "default"
    if "url" not in told:
        name, answers = await _ask(name)
        told |= answers
    write_new(path, profile_text(name, _checked(told)))
    say(f"wrote {path}, profile {name}")
    say("scaicore-tui doctor looks whether it works, scaicore-tui opens it")


def _checked(told: dict[str, Any]) -> dict[str, Any]:
    check_url(told["url"], has_token=True)
    if "token_env" in told:
        _variable(told["token_env"])
    if isinstance(told.get("token_command"), str):
        told["token_command"] = _words(told["token_command"])
    return told


async def _ask(name: str) -> tuple[str, dict[str, Any]]:
    """The profile's name, and what it says, from a person."""
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to ask", kept="nothing was written", hint="say --url, and --token-env NAME")
    name = await _until("Name of the profile", str, name)
    url = await _until("The API's address, such as https://scaiflow.example.com", _address)
    say("Where is the token? 1 in a variable of the environment, 2 in a file, 3 a command prints it")
    way = await _until("1, 2 or 3", _way, "1")
    if way == "token_env":
        return name, {"url": url, way: await _until("Its name", _variable, TOKEN)}
    if way == "token_file":
        return name, {"url": url, way: await _until("Its path; readable by you alone", Path)}
    return name, {"url": url, way: await _until("The command, as you would type it", _words)}


async def _until(question: str, read: Callable[[str], Any], default: str = "") -> Any:
    """Ask until the answer can be read; Enter alone is the `default`."""
    while True:
        said = await ask(f"{question} [{default}]" if default else question) or default
        try:
            if said:
                return read(said)
        except ConfigError as error:
            say(str(error))


def _address(text: str) -> str:
    return check_url(text if "://" in text else f"https://{text}", has_token=True)


def _way(text: str) -> str:
    if text not in _WAYS:
        raise ConfigError(f"not one of {', '.join(_WAYS)}")
    return _WAYS[text]


def _variable(text: str) -> str:
    """A variable's name. A key pasted here looks like one: it is told apart, and not repeated."""
    if text.startswith("sgk_") or not _VARIABLE.fullmatch(text):
        raise ConfigError("not a variable's name", hint="the token itself is never written to this file")
    return text


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"the command makes no sense: {error}") from error
