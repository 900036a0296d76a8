"""Identify feeds and callers, which separates journals and the targets of writes. Pure.

A feed is identified by its base URL, the Core it is limited to, the profile, and the caller: the subject and the tenant
of the token. Subject and tenant may be unknown, as a `token_command` runs only for the first request. If callers cannot
be compared, the profile decides.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Self
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from scaicore_tui.config.target import Target

_DEFAULT_PORT = {"http": 80, "https": 443}
_NOT_IN_A_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]+")
# Every system allows 255 bytes in a file name; SQLite and the lock append to it.
_MAX_PROFILE_CHARS, _MAX_HOST_CHARS = 40, 80
# Hexadecimal digits: 64 bits for a feed, 32 bits for one of its few callers.
_FEED_DIGITS, _CALLER_DIGITS = 16, 8


class Caller(Struct, frozen=True, omit_defaults=True):
    """The owner of a token, as far as the token says. `key` is a digest of an API key, if nothing else is known.

    The digest has only 32 bits, so the key cannot be recovered from it.
    """

    subject: str | None = None
    tenant: str | None = None
    key: str | None = None

    def is_same(self, other: Caller) -> bool | None:
        """Return whether both are the same caller, by the fields that both have; None if they share none."""
        pairs = ((self.tenant, other.tenant), (self.subject, other.subject), (self.key, other.key))
        alike = [ours == theirs for ours, theirs in pairs if ours and theirs]
        return all(alike) if alike else None

    def is_same_tenant(self, other: Caller) -> bool | None:
        """Return whether both see the same runs and checkpoints; None if that is unknown."""
        if self.tenant and other.tenant:
            return self.tenant == other.tenant
        return self.is_same(other)

    @property
    def label(self) -> str:
        """The caller, for people."""
        if self.key:
            return f"API key {self.key}"
        return " of ".join(part for part in (self.subject, self.tenant) if part) or "an unknown caller"


class Identity(Struct, frozen=True, omit_defaults=True):
    """One feed. `url` is the normalized base URL; `core` is None for the feed of all Cores; `caller` may be unknown."""

    url: str
    profile: str = "default"
    core: str | None = None
    caller: Caller | None = None

    def is_same_feed(self, other: Identity) -> bool:
        """Return whether a journal may hold the events of both."""
        return self.url == other.url and self.core == other.core and self._may_be_same_caller(other)

    def can_look_up(self, other: Identity) -> bool:
        """Return whether this caller can look up the outcome of a write that `other` sent.

        The Core to which a feed is limited does not matter: each write has its own.
        """
        return self.url == other.url and self._may_be_same_caller(other)

    def has_same_targets(self, other: Identity) -> bool:
        """Return False if equal ids in both are known to be different runs or checkpoints, else True.

        Core and profile do not matter: a checkpoint answered through one profile is answered for all.
        """
        alike = None if self.caller is None or other.caller is None else self.caller.is_same_tenant(other.caller)
        return self.url == other.url and alike is not False

    def _may_be_same_caller(self, other: Identity) -> bool:
        alike = None if self.caller is None or other.caller is None else self.caller.is_same(other.caller)
        return self.profile == other.profile if alike is None else alike

    def to_json(self) -> str:
        """Return the identity as ASCII JSON, which can hold lone surrogates in names."""
        return json.dumps(msgspec.to_builtins(self))

    @classmethod
    def from_json(cls, source: str | bytes) -> Self:
        """Return the identity from the output of `to_json`. Raises ValueError if it is invalid."""
        return msgspec.convert(json.loads(source), cls)

    @property
    def host(self) -> str:
        """Host and port."""
        return urlsplit(self.url).netloc

    @property
    def label(self) -> str:
        """The identity, for people."""
        core = "" if self.core is None else f", Core {self.core}"
        caller = "" if self.caller is None else f", {self.caller.label}"
        return f"{self.url} (profile {self.profile}{core}{caller})"

    @property
    def file_stem(self) -> str:
        """A file name without extension, unique to this identity on every file system."""
        caller = "" if self.caller is None else f"-{_digest(self.caller, _CALLER_DIGITS)}"
        return self.feed_stem + caller

    @property
    def feed_stem(self) -> str:
        """The part of `file_stem` that does not depend on the caller.

        The digest makes it unique; profile and host are there for people.
        """
        profile = _NOT_IN_A_FILE_NAME.sub("_", self.profile)[:_MAX_PROFILE_CHARS]
        host = _NOT_IN_A_FILE_NAME.sub("_", urlsplit(self.url).netloc)[:_MAX_HOST_CHARS]
        return f"{profile}@{host}-{_digest([self.url, self.profile, self.core], _FEED_DIGITS)}"


def identity_of(target: Target, caller: Caller | None = None) -> Identity:
    """Return the identity of the feed that `target` reads as `caller`."""
    return Identity(normalize_url(target.resources_url), target.name, target.core, caller)


def normalize_url(url: str) -> str:
    """Return `url` normalized: scheme and host in lower case, no default port, no slash at the end."""
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, _DEFAULT_PORT.get(scheme)) else f":{parts.port}"
    return f"{scheme}://{host}{port}{parts.path.rstrip('/')}"


def key_digest(key: str) -> str:
    """Return the digest that distinguishes API keys."""
    return _digest(["API key", key], _CALLER_DIGITS)


def _digest(value: object, digits: int) -> str:
    # ASCII JSON can encode lone surrogates, which a file name or a claim may hold.
    return hashlib.sha256(json.dumps(msgspec.to_builtins(value)).encode()).hexdigest()[:digits]
