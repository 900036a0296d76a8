"""A scan of JSON text, token by token, that replaces values and leaves everything else as it is. Pure.

The text may be invalid, have members of the same name, or be nested deeper than a decoder accepts.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence

from scaicore_tui.json_text import write

# Deeper names are not in paths: each value would take time proportional to its depth.
MAX_PATH_LENGTH = 32
_SIGN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{},:]|[^\s\[\]{},:"]++', re.DOTALL)
_ESCAPED = re.compile(r"\\u([0-9A-Fa-f]{4})")


class Member:
    """The current member of an object, or item of a list.

    Attributes:
        name: the name of the member; None in a list.
        named_by: an earlier member, or item, that says what the value is.
    """

    __slots__ = ("index", "is_object", "is_value", "name", "named_by", "reason")

    def __init__(self, *, is_object: bool, reason: str = "") -> None:
        self.is_object = is_object
        # In an object, a string is a name until a colon follows.
        self.is_value = not is_object
        self.index = 0
        self.name: str | None = None
        self.named_by = ""
        # Why all in this object or list is secret.
        self.reason = reason

    def next(self) -> None:
        """Go to the next member or item."""
        self.index += 1
        self.name = None
        self.is_value = not self.is_object
        if not self.is_object and self.index > 1:
            self.named_by = ""


class JsonScan(ABC):
    """Replaces values of JSON text, as its methods say. A scan is for one text."""

    def __init__(self) -> None:
        self._levels = [Member(is_object=False)]

    @abstractmethod
    def reason(self, member: Member, path: Sequence[str]) -> str:
        """Return why all of a value is secret; empty if it is not."""

    @abstractmethod
    def names_value(self, member: Member, text: str) -> bool:
        """Return True if a text is the name of the value beside it."""

    @abstractmethod
    def secret(self, source: str, text: str | None, reason: str, member: Member, path: Sequence[str]) -> str | None:
        """Return what stands for a value that is secret; None if it stays. `text` is None for what is no string."""

    @abstractmethod
    def plain(self, text: str, path: Sequence[str]) -> str:
        """Return a string, or the name of a member, without secrets in it."""

    def replace(self, source: str) -> str:
        """Return the text with all secrets replaced."""
        parts, end = list[str](), 0
        for found in _SIGN.finditer(source):
            sign = found[0]
            if sign in "[]{},:":
                self._mark(sign)
            elif (new := self._scalar(sign)) is not None:
                parts += [source[end : found.start()], new]
                end = found.end()
        return "".join([*parts, source[end:]])

    def _mark(self, sign: str) -> None:
        member = self._levels[-1]
        if sign in "[{":
            reason = member.reason or self.reason(member, self._path())
            self._levels.append(Member(is_object=sign == "{", reason=reason))
        elif sign in "]}":
            if len(self._levels) > 1:
                self._levels.pop()
        elif sign == ":":
            member.is_value = True
        else:
            member.next()

    def _path(self) -> Sequence[str]:
        return [level.name for level in self._levels[:MAX_PATH_LENGTH] if level.name is not None]

    def _scalar(self, source: str) -> str | None:
        """Return what stands for a string, number or literal; None if it stays."""
        member = self._levels[-1]
        text = _decode(source) if source[0] == '"' else None
        if not member.is_value:
            above = self._path()
            member.name = source if text is None else text
            return None if text is None else _changed(text, self.plain(text, above))
        path = self._path()
        reason = member.reason or self.reason(member, path)
        if reason:
            new = self.secret(source, text, reason, member, path)
            return None if new is None else write(new)
        if text is None:
            return None
        if self.names_value(member, text):
            member.named_by = text
        return _changed(text, self.plain(text, path))


def _decode(source: str) -> str:
    """Return the text of a string; of one that is invalid, what is between its quotes."""
    if "\\" not in source:
        return source[1:].removesuffix('"')
    try:
        return str(json.loads(source, strict=False))
    except ValueError:
        return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), source[1:].removesuffix('"'))


def _changed(old: str, new: str) -> str | None:
    return None if old == new else write(new)
