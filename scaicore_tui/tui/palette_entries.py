"""The entries of the command palette: what they are called, and which of them match what is typed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from scaicore_tui.runs import Summary
from scaicore_tui.runs.status_style import RUN_STYLES
from scaicore_tui.text import display_name, one_line
from scaicore_tui.tui.key_contexts import KeyAction, KeyContext, first_clause
from scaicore_tui.tui.keymap import MOVE_ACTIONS, actions_in
from scaicore_tui.tui.render.runs import core_name
from scaicore_tui.tui.run_list_model import View

# Runs that are offered: the newest ones that match.
MAX_RUNS, MAX_RUNS_UNASKED = 20, 5
MAX_NAME_CELLS = 60


class EntryKind(StrEnum):
    """The kinds of entries, by what they do."""

    ACTION = "action"
    VIEW = "view"
    SAVED_VIEW = "saved view"
    CORE = "core"
    RUN = "run"
    THEME = "theme"


class Entry(Struct, frozen=True):
    """One line of the palette. `more` is searched, and not shown.

    `target` is the id or name that its kind acts on; `action` is only set for actions, and comes from the registry.
    """

    kind: EntryKind
    target: str
    name: str
    note: str = ""
    more: str = ""
    action: KeyAction | None = None


_NOUNS: Mapping[KeyContext, str] = {
    KeyContext.NODES: "steps",
    KeyContext.COMMENT: "answer",
    KeyContext.BULK: "answers",
    KeyContext.RESULTS: "answers",
    KeyContext.INPUT: "replay",
    KeyContext.ENTITY: "replay",
    KeyContext.REPLAY_ALL: "replay",
    KeyContext.TYPING_OUT: "answer",
    KeyContext.WELCOME: "app",
}
_NOUN_OF_ACTION: Mapping[str, str] = {
    **dict.fromkeys(("pause", "refresh_now", "profile", "theme", "repaint", "app.suspend_process", "help"), "app"),
    **dict.fromkeys(("quit", "inbox", "demo"), "app"),
    **dict.fromkeys(("answer", "continue", "continue_all", "mark", "mark_alike", "mark_range"), "checkpoint"),
    **dict.fromkeys(("copy", "copy_id", "copy_all", "copy_link"), "clipboard"),
    "replay": "run",
}
_VERBS: Mapping[str, str] = {"answer": "answer", "continue": "continue", "replay": "replay"}
# Of the list of runs they are about runs.
_OF_SELECTION = ("mark", "mark_alike")
_NOT_BY_NAME = {*MOVE_ACTIONS, "command_palette", "back"}


def action_entries(context: KeyContext, *, read_only: bool) -> list[Entry]:
    """Return the actions of a key context, in the order of the footer."""
    actions = (action for action in actions_in(context, read_only=read_only) if action.id not in _NOT_BY_NAME)
    return [
        Entry(EntryKind.ACTION, action.id, action_name(action, context), action.key_names, action.description, action)
        for action in actions
        if not action.takes_key
    ]


def action_name(action: KeyAction, context: KeyContext) -> str:
    """Return the name of an action, as `noun: verb`."""
    is_about_runs = context is KeyContext.RUNS and action.id in _OF_SELECTION
    noun = "run" if is_about_runs else _NOUN_OF_ACTION.get(action.id) or _NOUNS.get(context, str(context))
    return f"{noun}: {_VERBS.get(action.id) or first_clause(action.description)}"


def view_entries(saved: Iterable[str]) -> list[Entry]:
    """Return the views of the list of runs: the built-in ones, and the saved ones by name."""
    built_in = [Entry(EntryKind.VIEW, view.value, f"view: {view}", "runs") for view in View]
    return built_in + [
        Entry(EntryKind.SAVED_VIEW, name, f"view: {one_line(name, MAX_NAME_CELLS)}", "saved") for name in saved
    ]


def core_entries(counted: Iterable[tuple[str, int]]) -> list[Entry]:
    """Return the Cores, each with its number of runs."""
    return [
        Entry(
            EntryKind.CORE,
            core_id,
            f"core: {display_name(core_name(core_id), MAX_NAME_CELLS)}",
            f"{count:,} runs",
            one_line(core_id, MAX_NAME_CELLS),
        )
        for core_id, count in counted
    ]


def run_entries(summaries: Iterable[Summary]) -> list[Entry]:
    """Return runs, each with its Core and its status."""
    return [_run_entry(summary) for summary in summaries]


def theme_entries(names: Iterable[str], current: str) -> list[Entry]:
    """Return the themes; `current` is the name of the one in use."""
    return [
        Entry(EntryKind.THEME, name, f"theme: {one_line(name, MAX_NAME_CELLS)}", "in use" if name == current else "")
        for name in sorted(names)
    ]


def matching(entries: Sequence[Entry], needle: str) -> list[Entry]:
    """Return the entries that have all words of `needle`, those first in whose names a word begins with each."""
    words = needle.casefold().split()
    ranked = ((_rank(entry, words), number, entry) for number, entry in enumerate(entries))
    return [entry for rank, _, entry in sorted(_known(ranked), key=lambda found: found[:2])]


def _known(ranked: Iterable[tuple[int | None, int, Entry]]) -> Iterator[tuple[int, int, Entry]]:
    for rank, number, entry in ranked:
        if rank is not None:
            yield rank, number, entry


def _rank(entry: Entry, words: Iterable[str]) -> int | None:
    """Return how far the entry is from what was typed, 0 for the nearest; None if it does not match."""
    name = entry.name.casefold()
    text = f"{name} {entry.note} {entry.more}".casefold()
    rank = 0
    for word in words:
        if word not in text:
            return None
        rank += _distance(word, name)
    return rank


def _distance(word: str, name: str) -> int:
    if name.startswith(word):
        return 0
    if f" {word}" in name:
        return 1
    return 2 if word in name else 3


def _run_entry(summary: Summary) -> Entry:
    style = RUN_STYLES[summary.status]
    core = display_name(core_name(summary.core_id), MAX_NAME_CELLS)
    name = f"run: {display_name(summary.execution_id, MAX_NAME_CELLS)}  {core}"
    return Entry(EntryKind.RUN, summary.execution_id, name, f"{style.glyph} {style.word}")
