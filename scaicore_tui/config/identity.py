"""Whose feed it is: what tells one journal, or the target of one write, from another. Pure.

A feed is identified by its base URL, the Core it is limited to, the profile, and the caller: the subject and the tenant
of the token. Some of these may be unknown, as a `token_command` runs only when the first request goes out. Where
callers cannot be compared, the profile decides.
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

_USUAL_PORT = {"http": 80, "https": 443}
_NOT_IN_A_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]+")
# Characters. A file name has room for 255 bytes on every system, and SQLite and the lock append to it.
_LONGEST_PROFILE, _LONGEST_HOST = 40, 80
# Hexadecimal digits: 64 bits for a feed, 32 bits for one of its few callers.
_FEED_DIGITS, _CALLER_DIGITS = 16, 8


class Caller(Struct, frozen=True, omit_defaults=True):
    """Who a token belongs to, as far as it says. `key` is a digest of an API key, where nothing else is known.

    The digest has 32 bits, and many keys share each: nobody can turn it back into the key.
    """

    subject: str | None = None
    tenant: str | None = None
    key: str | None = None

    def is_same(self, other: Caller) -> bool | None:
        """Return whether both are one caller, as far as both say; None if they say nothing that can be compared."""
        pairs = ((self.tenant, other.tenant), (self.subject, other.subject), (self.key, other.key))
        alike = [ours == theirs for ours, theirs in pairs if ours and theirs]
        return all(alike) if alike else None

    def is_same_tenant(self, other: Caller) -> bool | None:
        """Return whether both see the same runs and checkpoints; None if that cannot be told."""
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
        """Return whether this one can find out what became of a write that the `other` one sent.

        The Core to which a feed is limited does not matter here: a write has a Core of its own.
        """
        return self.url == other.url and self._may_be_same_caller(other)

    def has_same_targets(self, other: Identity) -> bool:
        """Return whether equal ids of both name the same run or checkpoint, unless it is known that they do not.

        Core and profile make no difference: a checkpoint that was answered through one is answered for all.
        """
        alike = None if self.caller is None or other.caller is None else self.caller.is_same_tenant(other.caller)
        return self.url == other.url and alike is not False

    def _may_be_same_caller(self, other: Identity) -> bool:
        alike = None if self.caller is None or other.caller is None else self.caller.is_same(other.caller)
        return self.profile == other.profile if alike is None else alike

    def to_json(self) -> str:
        """Return it as JSON in ASCII: half a character, which a name may hold, can be stored too."""
        return json.dumps(msgspec.to_builtins(self))

    @classmethod
    def from_json(cls, source: str | bytes) -> Self:
        """Return what `to_json` made `source` of. Raises ValueError if it is none."""
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
        """A file name without its ending that no other identity has, on any file system."""
        caller = "" if self.caller is None else f"-{_digest(self.caller, _CALLER_DIGITS)}"
        return self.feed_stem + caller

    @property
    def feed_stem(self) -> str:
        """The beginning of `file_stem` that does not depend on the caller.

        The digest makes it unique; profile and host are there for people.
        """
        profile = _NOT_IN_A_FILE_NAME.sub("_", self.profile)[:_LONGEST_PROFILE]
        host = _NOT_IN_A_FILE_NAME.sub("_", urlsplit(self.url).netloc)[:_LONGEST_HOST]
        return f"{profile}@{host}-{_digest([self.url, self.profile, self.core], _FEED_DIGITS)}"


def identity_of(target: Target, caller: Caller | None = None) -> Identity:
    """Return the identity of the feed that `target` reads as `caller`."""
    return Identity(normalize_url(target.resources_url), target.name, target.core, caller)


def normalize_url(url: str) -> str:
    """Return the one spelling of `url`: scheme and host in lower case, no usual port, no slash at the end."""
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, _USUAL_PORT.get(scheme)) else f":{parts.port}"
    return f"{scheme}://{host}{port}{parts.path.rstrip('/')}"


def key_digest(key: str) -> str:
    """Return the digest by which API keys are told apart."""
    return _digest(["API key", key], _CALLER_DIGITS)


def _digest(value: object, digits: int) -> str:
    # JSON in ASCII, so that half a character, which a file name or a claim may hold, is encoded too.
    return hashlib.sha256(json.dumps(msgspec.to_builtins(value)).encode()).hexdigest()[:digits]
