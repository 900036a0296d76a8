"""`config init`: create the configuration file from options or from a person's answers."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output.prompts import ask
from scaicore_tui.cli.output.stderr import say
from scaicore_tui.config import config_file
from scaicore_tui.config.files import is_present
from scaicore_tui.config.target import check_url
from scaicore_tui.config.template import already_exists, create_file, render_profile
from scaicore_tui.config.tokens import TOKEN_VARIABLE
from scaicore_tui.errors import ConfigError, UsageError

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEYS = ("url", "api", "core", "interval", "read_only", "low_bandwidth", "token_file")
_TOKEN_SOURCES = {"1": "token_env", "2": "token_file", "3": "token_command"}


async def write_config(common: Common, given: Mapping[str, Any]) -> None:
    """Create the file; ask for the address and the token if there is no `--url`.

    Raises:
        UsageError: there is no terminal to ask on.
        ConfigError: the file exists already, or a value is invalid.
    """
    path = config_file()
    if is_present(path):
        raise already_exists(path)
    values = {**{key: getattr(common, key) for key in _KEYS}, **given}
    values = {key: value for key, value in values.items() if value not in (None, False)}
    name = common.profile or "default"
    if "url" not in values:
        name, answers = await _ask(name)
        values |= answers
    create_file(path, render_profile(name, _checked(values)))
    say(f"wrote {path}, profile {name}")
    say("check it with scaicore-tui doctor, then open the app with scaicore-tui")


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    check_url(values["url"], has_token=True)
    if "token_env" in values:
        _variable(values["token_env"])
    if isinstance(values.get("token_command"), str):
        values["token_command"] = _split_command(values["token_command"])
    return values


async def _ask(name: str) -> tuple[str, dict[str, Any]]:
    """Ask for the profile's name and keys."""
    if not sys.stdin.isatty():
        raise UsageError("no terminal to ask on", effect="nothing was written", hint="give --url and --token-env NAME")
    name = await _until("Name of the profile", str, name)
    url = await _until("The API's address, such as https://scaiflow.example.com", _address)
    say("Where is the token? 1 environment variable, 2 file, 3 output of a command")
    source = await _until("1, 2 or 3", _token_source, "1")
    if source == "token_env":
        return name, {"url": url, source: await _until("Name of the variable", _variable, TOKEN_VARIABLE)}
    if source == "token_file":
        return name, {"url": url, source: await _until("Path of the file; only you may read it", Path)}
    return name, {"url": url, source: await _until("The command, as you would type it in a shell", _split_command)}


async def _until(question: str, read: Callable[[str], Any], default: str = "") -> Any:
    """Ask until `read` accepts the answer; an empty answer means `default`."""
    while True:
        answer = await ask(f"{question} [{default}]" if default else question) or default
        try:
            if answer:
                return read(answer)
        except ConfigError as error:
            say(str(error))


def _address(text: str) -> str:
    return check_url(text if "://" in text else f"https://{text}", has_token=True)


def _token_source(text: str) -> str:
    if text not in _TOKEN_SOURCES:
        raise ConfigError(f"answer with one of {', '.join(_TOKEN_SOURCES)}")
    return _TOKEN_SOURCES[text]


def _variable(text: str) -> str:
    """Return the name of a variable. A key pasted by mistake looks like one; it is rejected and not repeated."""
    if text.startswith("sgk_") or not _VARIABLE.fullmatch(text):
        raise ConfigError("not the name of a variable", hint="the token itself is never written to this file")
    return text


def _split_command(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"the command cannot be split into words: {error}") from error
