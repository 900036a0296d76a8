"""Checks the configuration of the app: the names of themes and views, and the keys that it changes. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from textual.theme import BUILTIN_THEMES

from scaicore_tui.config.profiles import ConfigProblem, ProfileFile, nearest
from scaicore_tui.config.ui import EVERYWHERE, KeyEntry, KeyTable, UiTable, key_entries
from scaicore_tui.text import one_line
from scaicore_tui.tui.key_contexts import CHOOSING, KeyAction, KeyContext
from scaicore_tui.tui.key_names import ENTER_KEYS, NAMED_KEYS, SAME_BYTE, is_typed, parse_key, shown_key
from scaicore_tui.tui.keymap import ACTIONS, ChangedKeys, changed_actions_in, default_actions_in
from scaicore_tui.tui.run_list_model import View
from scaicore_tui.tui.theme import SHORT_NAMES

# Here a focused field takes what is typed.
TEXT_CONTEXTS = frozenset({KeyContext.COMMENT, KeyContext.INPUT, KeyContext.ENTITY, KeyContext.TYPING_OUT})
MOVING_ACTIONS = frozenset(
    {"cursor_down", "cursor_up", "page_down", "page_up", "first", "last"}
    | {"option_down", "option_up", "read_down", "read_up", "next_pane", "previous_pane", "next_field"}
)
# Keys that people hold, or press without a look: no action that writes may have one.
MOVEMENT_KEYS = frozenset(key for action in ACTIONS if action.id in MOVING_ACTIONS for key in action.keys)
MOVEMENT_KEYS |= {"left", "right", "space", "backspace"}
# The action whose keys are the numbers of the answers.
CHOOSE, DIGITS = "choose", frozenset("123456789")
_KEY_EXAMPLES = (*NAMED_KEYS, *(f"ctrl+{letter}" for letter in "abcdefghklnopqrstuvwxyz"))
_MAX_NAMED = 3


def app_problems(content: ProfileFile) -> Iterator[ConfigProblem]:
    """Yield the problems of `[ui]`, of the same table of each profile, and of `[keys]`."""
    yield from _ui_problems(content.ui, "ui", content.views)
    for name, profile in content.profiles.items():
        if profile.ui is not None:
            yield from _ui_problems(profile.ui, f"profiles.{name}.ui", content.views)
    yield from parse_changes(content.keys)[1]


def _ui_problems(table: UiTable, location: str, views: Iterable[str]) -> Iterator[ConfigProblem]:
    """Yield the problems of a table at `location`; `views` are the names of the saved views."""
    themes = [*SHORT_NAMES, *SHORT_NAMES.values(), *BUILTIN_THEMES]
    yield from _unknown("theme", table.theme, themes, location)
    yield from _unknown("view", table.view, [*View, *views], location)


def _unknown(key: str, name: str | None, known: list[str], location: str) -> Iterator[ConfigProblem]:
    if name is not None and name not in known:
        yield ConfigProblem(
            f"{location}.{key}", f"no {key} is named {one_line(name)!r}", one_line(nearest(name, known))
        )


def parse_changes(table: KeyTable) -> tuple[ChangedKeys, list[ConfigProblem]]:
    """Return the keys that the table changes, and all problems; with a problem, the keys cannot be used."""
    changed: ChangedKeys = {}
    problems = list[ConfigProblem]()
    locations = dict[tuple[KeyContext, str], str]()
    for entry in key_entries(table):
        keys = tuple(parse_key(key) or "" for key in entry.keys)
        found = list(_entry_problems(entry, keys))
        problems += found
        if not found:
            for context, action in _actions(entry):
                changed[context, action.id] = keys
                locations[context, action.id] = entry.location
    return changed, [*problems, *_clashes(changed, locations), *_unsafe_writes(changed, locations)]


def _actions(entry: KeyEntry) -> list[tuple[KeyContext, KeyAction]]:
    """Return the actions that an entry is about, with their contexts."""
    named = list(KeyContext) if entry.context is None else [_context(entry.context)]
    found = [(one, _action(one, entry.action)) for one in named if one is not None]
    return [(context, action) for context, action in found if action is not None]


def _context(name: str) -> KeyContext | None:
    return next((one for one in KeyContext if one.config_name == name), None)


def _action(context: KeyContext, name: str) -> KeyAction | None:
    return next((one for one in default_actions_in(context) if one.config_name == name), None)


def _entry_problems(entry: KeyEntry, keys: tuple[str, ...]) -> Iterator[ConfigProblem]:
    if problem := _name_problem(entry):
        yield problem
        return
    in_text = [(context.config_name, action) for context, action in _actions(entry) if context in TEXT_CONTEXTS]
    for written, key in zip(entry.keys, keys, strict=True):
        shown = one_line(written)
        if not key:
            yield ConfigProblem(entry.location, f"no key is named {shown!r}", _key_hint(written))
        elif same := SAME_BYTE.get(key):
            yield ConfigProblem(
                entry.location, f"most terminals send {shown} as {shown_key(same)}", "use another key, for example f5"
            )
        elif key in DIGITS and any(context in CHOOSING for context, _ in _actions(entry)):
            yield ConfigProblem(entry.location, f"{shown} chooses an answer there", "use another key")
        elif is_typed(key) and (contexts := [name for name, action in in_text if key not in action.keys]):
            where = f"in {', '.join(contexts)} a text field takes {shown}"
            yield ConfigProblem(entry.location, where, "use a key with ctrl+ there, or name the other contexts")


def _name_problem(entry: KeyEntry) -> ConfigProblem | None:
    """Return what is wrong with the names of context and action; None if both are known."""
    context = None if entry.context is None else _context(entry.context)
    if entry.context is not None and context is None:
        table, _, _ = entry.location.rpartition(".")
        known = [EVERYWHERE, *(one.config_name for one in KeyContext)]
        return ConfigProblem(one_line(table), "no part of the app has that name", nearest(entry.context, known))
    actions = ACTIONS if context is None else default_actions_in(context)
    names = list(dict.fromkeys(action.config_name for action in actions))
    location = one_line(entry.location)
    if entry.action not in names:
        where = "" if context is None else f" in {context.config_name}"
        return ConfigProblem(location, f"no action{where} has that name", nearest(entry.action, names))
    if any(action.takes_key for action in actions if action.config_name == entry.action):
        return ConfigProblem(location, "these keys are the numbers of the answers", "remove this line")
    return None


def _key_hint(written: str) -> str:
    hint = nearest(written.lower(), _KEY_EXAMPLES)
    return hint if hint.startswith("did") else "for example R, ?, f5, ctrl+r, alt+x, pagedown"


def _clashes(changed: ChangedKeys, locations: dict[tuple[KeyContext, str], str]) -> Iterator[ConfigProblem]:
    """Yield each key that two actions of one context have now."""
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for context in dict.fromkeys(context for context, _ in changed):
        owners: dict[str, str] = {}
        for action in changed_actions_in(context, changed):
            for key in dict.fromkeys(action.keys):
                other = owners.setdefault(key, action.id)
                if other != action.id:
                    mine, theirs = sorted((action.id, other), key=lambda name: (context, name) not in locations)
                    found[locations[context, mine], theirs, key].append(context.config_name)
    for (location, other, key), contexts in found.items():
        yield ConfigProblem(
            location,
            f"{shown_key(key)} is also the key of {other}, in {_listed(contexts)}",
            "use another key" if other == CHOOSE else f"use another key, or give {other} another one",
        )


def _unsafe_writes(changed: ChangedKeys, locations: dict[tuple[KeyContext, str], str]) -> Iterator[ConfigProblem]:
    """Yield each action that writes and has a key that is pressed without a look, unless it has it by default."""
    movement = MOVEMENT_KEYS.union(*(keys for (_, name), keys in changed.items() if name in MOVING_ACTIONS))
    found = dict[tuple[str, str], None]()
    for (context, name), keys in changed.items():
        action = next(one for one in default_actions_in(context) if one.id == name)
        reasons = (_why_not_to_write(key, movement) for key in keys if action.writes and key not in action.keys)
        found |= dict.fromkeys((locations[context, name], reason) for reason in reasons if reason)
    for location, reason in found:
        yield ConfigProblem(location, f"{reason}: an action that writes cannot have it", "use another key")


def _why_not_to_write(key: str, movement: frozenset[str]) -> str:
    """Return why no action that writes may have a key; empty if one may."""
    shown = shown_key(key)
    if key in ENTER_KEYS:
        return "enter is pressed again and again"
    if key in movement:
        return f"{shown} moves the cursor"
    if key in DIGITS:
        return f"{shown} chooses an answer"
    if key.startswith("alt+"):
        # On a slow connection both bytes arrive together, as they do for the one key.
        return f"esc and then {shown.removeprefix('alt+')} may arrive as {shown}"
    return ""


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    more = f" and {len(known) - _MAX_NAMED} more" if len(known) > _MAX_NAMED else ""
    return ", ".join(known[:_MAX_NAMED]) + more
