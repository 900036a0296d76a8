"""The registry of key actions. Bindings, footer, help, palette and manual are made from it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct
from textual.binding import Binding


class Place(StrEnum):
    """Where the focus is; the value is what a person calls it."""

    RUNS = "runs"
    NODES = "nodes"
    CHECKPOINTS = "checkpoints"
    DETAIL = "run"
    INBOX = "inbox"
    ANSWER = "answer"
    COMMENT = "comment"
    BULK = "several"
    RESULTS = "results"
    REPLAY = "replay"
    INPUT = "input"
    ENTITY = "entity"
    TYPING_OUT = "typing out"
    PROFILES = "profiles"
    HELP = "help"
    WELCOME = "welcome"


LISTS = frozenset({Place.RUNS, Place.NODES, Place.CHECKPOINTS})
READING = LISTS | {Place.DETAIL, Place.INBOX}
MOVING = READING | {Place.HELP, Place.PROFILES}
INBOXES = frozenset({Place.CHECKPOINTS, Place.INBOX})
ANSWERING = frozenset({Place.ANSWER, Place.COMMENT})
CHOOSING = frozenset({Place.ANSWER, Place.BULK})
DIALOGS = frozenset({Place.ANSWER, Place.COMMENT, Place.REPLAY})
TYPING = frozenset({Place.INPUT})
REPLAYING = TYPING | {Place.REPLAY, Place.ENTITY}
LATER_FIELDS = frozenset({Place.COMMENT, Place.ENTITY, Place.TYPING_OUT})
# Where text is edited, the key takes back what was typed.
STOPPABLE = READING | CHOOSING | {Place.RESULTS, Place.HELP, Place.WELCOME}
SCROLLING = CHOOSING | {Place.RESULTS, Place.REPLAY, Place.ENTITY, Place.TYPING_OUT}


class Action(Struct, frozen=True):
    """Something a key does. `label` is for the footer, where it is empty the footer leaves it out."""

    id: str
    keys: tuple[str, ...]
    label: str
    words: str
    places: frozenset[Place]
    writes: bool = False

    @property
    def key_names(self) -> str:
        """The keys as a person reads them."""
        return " ".join(_KEY_NAMES.get(key, key) for key in self.keys)

    @property
    def first_key(self) -> str:
        """The key that the footer shows."""
        return _KEY_NAMES.get(self.keys[0], self.keys[0])


_KEY_NAMES = {
    "down": "↓",
    "up": "↑",
    "question_mark": "?",
    "slash": "/",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
}

# In the order in which a footer has room for them.
ACTIONS: tuple[Action, ...] = (
    Action("send", ("enter", "ctrl+s"), "send", "send the chosen answer once", frozenset({Place.ANSWER}), writes=True),
    Action("send", ("ctrl+s",), "send", "send the chosen answer once", frozenset({Place.COMMENT}), writes=True),
    Action(
        "send",
        ("enter", "ctrl+s"),
        "send",
        "send the answer once to each listed checkpoint",
        frozenset({Place.BULK}),
        writes=True,
    ),
    Action(
        "cautious",
        ("s", "ctrl+r"),
        "stop or go on",
        "stop on the first failure, or continue after failures",
        frozenset({Place.BULK}),
    ),
    Action("send", ("enter", "ctrl+s"), "replay", "invoke the Core again, once", REPLAYING - TYPING, writes=True),
    Action("send", ("ctrl+s",), "replay", "invoke the Core again, once", TYPING, writes=True),
    Action("send", ("enter", "ctrl+s"), "send", "send the write once", frozenset({Place.TYPING_OUT}), writes=True),
    Action("edit", ("e",), "edit", "edit the input", frozenset({Place.REPLAY})),
    Action("editor", ("o", "ctrl+o"), "editor", "edit the input in $VISUAL or $EDITOR", frozenset({Place.REPLAY})),
    Action("editor", ("ctrl+o",), "editor", "edit the input in $VISUAL or $EDITOR", TYPING),
    Action("next_field", ("tab",), "entity", "go to the field for the entity", REPLAYING - {Place.ENTITY}),
    Action("captured", ("u",), "captured", "restore the captured input; ctrl+z undoes this", frozenset({Place.REPLAY})),
    Action("demo", ("d", "enter"), "start the demo", "start the demo on this machine", frozenset({Place.WELCOME})),
    Action("answer", ("a",), "answer", "answer the checkpoint; then choose with 1–9", READING, writes=True),
    Action(
        "filter",
        ("slash",),
        "filter",
        "filter by type, Core, assignee or title; !word excludes",
        frozenset({Place.INBOX}),
    ),
    Action("view", ("v",), "done", "show answered checkpoints, or pending ones", frozenset({Place.INBOX})),
    Action("continue", ("c",), "continue", "continue the breakpoint", READING, writes=True),
    Action("mark", ("space",), "mark", "mark it; a then gives all marked ones the same answer", INBOXES),
    Action("continue_all", ("C",), "", "continue all breakpoints of this node or Core", INBOXES, writes=True),
    Action(
        "replay",
        ("R",),
        "replay",
        "replay: invoke the Core again, same or edited input",
        READING,
        writes=True,
    ),
    Action("next_error", ("e",), "next error", "go to the next error", frozenset({Place.RUNS, Place.DETAIL})),
    Action("open", ("enter",), "open", "open the run, or answer the checkpoint", LISTS),
    Action("open", ("enter",), "", "answer the checkpoint", frozenset({Place.INBOX})),
    Action("inbox", ("i",), "inbox", "open the inbox: pending checkpoints by urgency", LISTS | {Place.DETAIL}),
    Action("previous_error", ("E",), "", "go to the previous error", frozenset({Place.RUNS, Place.DETAIL})),
    Action("filter", ("slash",), "filter", "filter the runs by words; !word excludes", LISTS),
    Action("view", ("v",), "view", "change the view: all, failed, waiting, running", LISTS),
    Action("follow", ("f",), "follow", "follow the newest run, or stay on this one", frozenset({Place.RUNS})),
    Action("next_pane", ("tab",), "pane", "next pane", LISTS),
    Action("previous_pane", ("shift+tab",), "", "previous pane", LISTS),
    Action("pause", ("p",), "pause", "pause or resume polling", READING),
    Action("refresh_now", ("r",), "refresh", "refresh now", READING),
    Action("copy", ("y",), "copy", "copy the id", READING),
    Action("copy_all", ("Y",), "", "copy the whole run or checkpoint as JSON", READING),
    Action("copy", ("y",), "copy", "copy the input as it would be sent", frozenset({Place.REPLAY})),
    Action("copy", ("ctrl+y",), "", "copy the whole checkpoint as JSON", frozenset({Place.ANSWER})),
    Action("profile", ("P",), "profile", "switch to another profile", READING),
    Action("profile", ("P",), "profiles", "choose a profile", frozenset({Place.WELCOME})),
    Action("switch", ("enter",), "switch", "open this profile", frozenset({Place.PROFILES})),
    Action("theme", ("t",), "", "switch between light and dark", READING),
    Action("repaint", ("ctrl+l",), "", "redraw the screen", READING),
    Action("app.suspend_process", ("ctrl+z",), "", "suspend the app; fg in the shell resumes it", STOPPABLE),
    Action("cursor_down", ("down", "j"), "", "down", MOVING),
    Action("cursor_up", ("up", "k"), "", "up", MOVING),
    Action("page_down", ("pagedown",), "", "page down", MOVING),
    Action("page_down", ("space",), "", "page down", (READING | {Place.HELP}) - INBOXES),
    Action("page_up", ("pageup",), "", "page up", MOVING),
    Action("first", ("g", "home"), "", "go to the start", MOVING),
    Action("last", ("G", "end"), "", "go to the end", MOVING),
    Action("next_field", ("tab",), "comment", "write a comment", CHOOSING),
    Action("next_field", ("tab",), "next", "go to the next field", LATER_FIELDS),
    Action("fields", ("ctrl+t",), "", "insert the form's fields into the comment", ANSWERING),
    Action("option_down", ("down",), "", "next option", CHOOSING),
    Action("option_up", ("up",), "", "previous option", CHOOSING),
    Action("read_down", ("pagedown",), "", "scroll down", SCROLLING),
    Action("read_up", ("pageup",), "", "scroll up", SCROLLING),
    Action("back", ("escape",), "", "dismiss the notice, then reset view and filter", LISTS),
    Action("back", ("escape",), "back", "dismiss the notice, then go back", frozenset({Place.DETAIL})),
    Action("back", ("escape",), "back", "dismiss the notice, clear the filter, go back", frozenset({Place.INBOX})),
    Action("back", ("escape",), "cancel", "cancel; typed text is kept", DIALOGS),
    Action("back", ("escape",), "cancel", "cancel; marks and typed text are kept", frozenset({Place.BULK})),
    Action(
        "back", ("escape",), "cancel", "cancel; the word must be typed again next time", frozenset({Place.TYPING_OUT})
    ),
    Action("back", ("escape",), "close", "close; unfinished writes continue", frozenset({Place.RESULTS})),
    Action("back", ("escape",), "back", "stop typing; the text is kept", REPLAYING - {Place.REPLAY}),
    Action("back", ("escape", "q"), "stay", "stay on this profile", frozenset({Place.PROFILES})),
    Action("back", ("escape", "question_mark", "q"), "close", "close the help", frozenset({Place.HELP})),
    Action("help", ("question_mark",), "help", "show the keys of this view", READING),
    Action("command_palette", ("ctrl+p",), "", "find any action by name", READING),
    Action("quit", ("q",), "quit", "quit", READING | {Place.WELCOME}),
)

MOVES = ("cursor_down", "cursor_up", "page_down", "page_up", "first", "last")


def actions_at(place: Place, *, read_only: bool = False) -> list[Action]:
    """What can be done at a place; nothing that writes in a read-only session."""
    return [action for action in ACTIONS if place in action.places and not (read_only and action.writes)]


def writes(action_id: str) -> bool:
    """Whether that action sends something that changes a run."""
    return any(action.writes for action in ACTIONS if action.id == action_id)


def key_writes(place: Place, key: str) -> bool:
    """Whether that key sends something there, or opens what does."""
    return any(action.writes and key in action.keys for action in actions_at(place))


def bindings(places: Iterable[Place], *, only: Iterable[str] | None = None, but: Iterable[str] = ()) -> list[Binding]:
    """The bindings for `places`, of all actions or of the `only` ones, without the `but` ones."""
    wanted, unwanted, found = set(places), set(but), list[Binding]()
    for action in ACTIONS:
        if action.places & wanted and action.id not in unwanted and (only is None or action.id in only):
            found += [Binding(key, action.id, action.words, show=False) for key in action.keys]
    return found
