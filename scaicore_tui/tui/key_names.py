"""Names of keys: as a terminal app knows them, as the footer shows them, and as a person writes them. Pure."""

from __future__ import annotations

import re
import string
import unicodedata

# The order in which the names of keys have them.
MODIFIERS = ("alt", "ctrl", "hyper", "meta", "shift", "super")
NAMED_KEYS = (
    *("enter", "escape", "tab", "space", "backspace", "delete", "insert", "home", "end", "pageup", "pagedown"),
    *("up", "down", "left", "right"),
    *(f"f{number}" for number in range(1, 25)),
)
# Most terminals send the same byte for both.
SAME_BYTE = {"ctrl+m": "enter", "ctrl+i": "tab", "ctrl+left_square_bracket": "escape"}
# What a key that ends a line may send.
ENTER_KEYS = frozenset({"enter", "ctrl+m", "ctrl+j"})

# Names of characters that are shorter than those of Unicode.
_SHORT = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
_SHOWN = {
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
}


def character_key(character: str) -> str | None:
    """Return the name of the key that types a character; None if it has none, or nothing can be seen of it alone."""
    if character.isalnum():
        return character
    if len(character) != 1 or unicodedata.category(character)[0] not in "PS":
        return None
    name = re.sub("[ -]", "_", unicodedata.name(character, "").lower())
    return _SHORT.get(name, name) or None


_PUNCTUATION = {key: character for character in string.punctuation if (key := character_key(character))}


def _typed_character(key: str) -> str | None:
    """Return the character that a key types, of a key that has a longer name; None if it types none."""
    if key in _PUNCTUATION:
        return _PUNCTUATION[key]
    try:
        return unicodedata.lookup(key.replace("_", " ").upper())
    except KeyError:
        return None


_WRITTEN = {shown: key for key, shown in _SHOWN.items()}


def shown_key(key: str) -> str:
    """Return the name of a key for people, such as `?`, `esc` or `ctrl+r`."""
    modifiers, plus, base = key.rpartition("+")
    if base in _SHOWN or len(base) == 1 or _is_named(base):
        return modifiers + plus + _SHOWN.get(base, base)
    return modifiers + plus + (_typed_character(base) or base)


def parse_key(text: str) -> str | None:
    """Return the name of the key that a person wrote, such as `R`, `?`, `question_mark`, `esc` or `ctrl+r`.

    None if there is no such key.
    """
    if not text.isprintable():
        return None
    head, base = (text[:-2], "+") if text.endswith("++") else ("", text)
    if text != "+" and base == text:
        head, _, base = text.rpartition("+")
    modifiers = sorted(filter(None, head.split("+")))
    key = _base_key(base)
    is_shifted_character = modifiers == ["shift"] and key is not None and not _is_named(key)
    if key is None or is_shifted_character or len({*modifiers}) < len(modifiers) or not {*modifiers} <= {*MODIFIERS}:
        return None
    # With a modifier the letters of a terminal have no case.
    return "+".join([*modifiers, key.lower() if modifiers else key])


def is_typed(key: str) -> bool:
    """Return whether a text field takes the key: it types a character, moves the cursor or deletes."""
    return not key.startswith(("ctrl+", "alt+")) and key not in ("escape", "tab", "shift+tab") and not _is_function(key)


def _base_key(text: str) -> str | None:
    if len(text) == 1:
        return "space" if text == " " else _WRITTEN.get(text) or character_key(text)
    character = None if _is_named(text) else _typed_character(text)
    is_name = _is_named(text) or (character is not None and character_key(character) == text)
    return text if is_name else _WRITTEN.get(text)


def _is_named(key: str) -> bool:
    return key in NAMED_KEYS


def _is_function(key: str) -> bool:
    return re.fullmatch(r"(shift\+)?f\d+", key) is not None
