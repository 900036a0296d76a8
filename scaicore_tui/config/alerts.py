"""Alert rules: the tables `[alerts.NAME]` of the configuration file, and what is wrong in them as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from scaicore_tui.config.target import check_url, is_loopback
from scaicore_tui.config.token_sources import TOKEN_KEYS, Arguments
from scaicore_tui.errors import ConfigError

# More runs than this are not counted.
MAX_COUNT = 1_000
MAX_WINDOW_S, MIN_REMIND_S = 30 * 86_400, 60
NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# Names of headers that a token may be in (RFC 9110 §5.1), without those that steer the connection.
_HEADER = re.compile(r"(?!(?:host|connection|content-.*|transfer-.*|te|upgrade)$)[A-Za-z0-9-]{1,64}", re.IGNORECASE)
_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

Span = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,4}[smhd]\Z")]


class AlertTable(Struct, forbid_unknown_fields=True, frozen=True):
    """The keys of one `[alerts.NAME]`; those that belong together are checked by `table_problems`."""

    where: str | None = None
    count: Annotated[int, Meta(ge=1, le=MAX_COUNT)] | None = None
    window: Span | None = None
    deadline: Span | None = None
    remind: Span | None = None
    resolve: bool = False
    profiles: Annotated[tuple[str, ...], Meta(min_length=1, max_length=100)] | None = None
    bell: bool = False
    command: Arguments | None = None
    webhook: str | None = None
    token_env: str | None = None
    token_file: Path | None = None
    token_command: Arguments | None = None
    token_header: str | None = None

    def is_for(self, profile: str) -> bool:
        """Return whether the rule is evaluated while this profile is recorded."""
        return self.profiles is None or profile in self.profiles


def seconds_of(span: str) -> int:
    """Return the seconds of a text such as `5m`."""
    return int(span[:-1]) * _UNITS_S[span[-1]]


def table_problems(name: str, table: AlertTable) -> Iterator[tuple[str, ConfigError]]:
    """Yield the keys of a rule that cannot work, with the error; an empty key for the rule as a whole."""
    if not NAME.fullmatch(name):
        yield "", ConfigError("not a name for an alert", hint="use up to 64 of letters, digits, - _ and .")
    if table.where is None and table.deadline is None:
        yield "", ConfigError("no condition is set", hint='set where = "status:failed", or deadline = "15m"')
    yield from _condition_problems(table)
    yield from _webhook_problems(table)


def _condition_problems(table: AlertTable) -> Iterator[tuple[str, ConfigError]]:
    for key in ("count", "window"):
        if table.deadline is not None and getattr(table, key) is not None:
            yield key, ConfigError("not used with deadline", hint=f"remove {key}: each checkpoint counts by itself")
    for key, limit in (("window", MAX_WINDOW_S), ("deadline", MAX_WINDOW_S)):
        if (span := getattr(table, key)) is not None and seconds_of(span) > limit:
            yield key, ConfigError(f"{span} is too long", hint="at most 30d")
    if table.remind is not None and seconds_of(table.remind) < MIN_REMIND_S:
        yield "remind", ConfigError(f"{table.remind} is too short", hint="at least 1m")


def _webhook_problems(table: AlertTable) -> Iterator[tuple[str, ConfigError]]:
    given = [key for key in TOKEN_KEYS if getattr(table, key) is not None]
    if len(given) > 1:
        yield given[1], ConfigError(f"{' and '.join(given)} are given", hint="use only one of them")
    if table.webhook is None:
        for key in (*given, *(["token_header"] if table.token_header is not None else [])):
            yield key, ConfigError("there is no webhook", hint=f"set webhook, or remove {key}")
        return
    yield from (("webhook", error) for error in _address_problems(table.webhook))
    if table.token_header is not None:
        if not given:
            yield "token_header", ConfigError("there is no token", hint=f"set one of {', '.join(TOKEN_KEYS)}")
        if not _HEADER.fullmatch(table.token_header):
            yield "token_header", ConfigError("not a header for a token", hint='for example "X-Api-Key"')


def _address_problems(url: str) -> Iterator[ConfigError]:
    """Yield what is wrong with the address of a webhook. Its path and query may be secrets: no message has them."""
    try:
        parts = urlsplit(url)
        check_url(f"{parts.scheme}://{parts.netloc}", has_token=False)
    except (ConfigError, ValueError):
        yield ConfigError("not a web address", hint="use the form https://alerts.example.com/hook")
        return
    if not url.isascii() or not url.isprintable() or " " in url:
        yield ConfigError("the address has characters that no URL can have", hint="encode them with %")
    if parts.scheme != "https" and not is_loopback(parts.hostname):
        yield ConfigError("alerts are never sent unencrypted", hint="use https:// (http:// works on loopback only)")
    if parts.fragment:
        yield ConfigError("the address must not have a fragment", hint="remove what follows #")
