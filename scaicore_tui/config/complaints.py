"""What is wrong in the profiles' file: each thing with its place, in words, and how to mend it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from scaicore_tui.config.keys import KEYS

_UNKNOWN_KEY = re.compile(r"unknown field `(.+)`")
_SECRET_KEY = re.compile("token|key|secret|password|bearer|auth", re.IGNORECASE)
_NO_SECRETS = "this file never holds one: token_env names a variable, token_file a file readable by you alone"
_TYPE = re.compile(r"`(\w+)( \| null)?`")
_TYPES = {
    "str": "text",
    "float": "a number",
    "int": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}


class Complaint(Struct, frozen=True):
    """`place` is the key with the tables that it stands in, as TOML has them; empty for the whole file."""

    place: str
    words: str
    fix: str = ""

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.place, self.words)))


def complaints(table: Mapping[str, Any], kind: type[Struct], at: str) -> Iterator[Complaint]:
    """All that is wrong with a table as a `kind`, key by key; and where no key is, with all of them together."""
    found = [complaint for key, value in table.items() for complaint in _of({key: value}, kind, at)]
    yield from found or _of(table, kind, at)


def convert_path(kind: type, value: Any) -> Any:
    """What msgspec does not make by itself: a path, or nothing else."""
    from pathlib import Path

    if kind is not Path or not isinstance(value, str):
        raise ValueError(f"expected a path, got {type(value).__name__}")
    return Path(value)


def _of(table: Mapping[str, Any], kind: type[Struct], at: str) -> Iterator[Complaint]:
    try:
        msgspec.convert(table, kind, dec_hook=convert_path)
    except msgspec.ValidationError as error:
        yield _complaint(str(error), at, kind.__struct_fields__)


def _complaint(words: str, at: str, known: Sequence[str]) -> Complaint:
    """What msgspec says, in TOML's words; of an unknown key the nearest one that is known."""
    reason, _, place = words.partition(" - at ")
    found = _UNKNOWN_KEY.search(reason)
    key = found[1] if found else re.split(r"[.\[]", place.strip("`").removeprefix("$").lstrip("."))[0]
    name = ".".join(filter(None, (at, key)))
    if found is None:
        fix = f"{KEYS[key].line(key)}, say: {KEYS[key].meaning}" if key in KEYS else ""
        return Complaint(name, _plain(reason), fix)
    if _SECRET_KEY.search(key):
        return Complaint("", f"unknown key {name}", _NO_SECRETS)
    import difflib

    near = difflib.get_close_matches(key, known, 1)
    return Complaint("", f"unknown key {name}", f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}")


def _plain(reason: str) -> str:
    """What msgspec says, without its names of types."""
    words = _TYPE.sub(lambda found: _TYPES.get(found[1], found[1]), reason)
    return words[:1].lower() + words[1:]
