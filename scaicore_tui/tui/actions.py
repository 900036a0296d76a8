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
    Action("send", ("enter", "ctrl+s"), "send", "send the chosen answer, once", frozenset({Place.ANSWER}), writes=True),
    Action("send", ("ctrl+s",), "send", "send the chosen answer, once", frozenset({Place.COMMENT}), writes=True),
    Action("send", ("enter", "ctrl+s"), "send", "send it to each listed, once", frozenset({Place.BULK}), writes=True),
    Action(
        "cautious", ("s", "ctrl+r"), "stop or go on", "stop at the first surprise, or go on", frozenset({Place.BULK})
    ),
    Action("send", ("enter", "ctrl+s"), "replay", "invoke the Core again, once", REPLAYING - TYPING, writes=True),
    Action("send", ("ctrl+s",), "replay", "invoke the Core again, once", TYPING, writes=True),
    Action(
        "send", ("enter", "ctrl+s"), "send", "send what was typed out, once", frozenset({Place.TYPING_OUT}), writes=True
    ),
    Action("edit", ("e",), "edit", "edit the input", frozenset({Place.REPLAY})),
    Action("editor", ("o", "ctrl+o"), "editor", "edit the input in $VISUAL or $EDITOR", frozenset({Place.REPLAY})),
    Action("editor", ("ctrl+o",), "editor", "edit the input in $VISUAL or $EDITOR", TYPING),
    Action("next_field", ("tab",), "entity", "the entity to run for", REPLAYING - {Place.ENTITY}),
    Action("captured", ("u",), "captured", "the captured input again; ctrl+z undoes that", frozenset({Place.REPLAY})),
    Action("demo", ("d", "enter"), "start the demo", "start the demo on this machine", frozenset({Place.WELCOME})),
    Action("answer", ("a",), "answer", "answer the checkpoint: then 1–9", READING, writes=True),
    Action(
        "filter",
        ("slash",),
        "filter",
        "filter by type, Core, assignee, title; !word excludes",
        frozenset({Place.INBOX}),
    ),
    Action("view", ("v",), "done", "what was answered, and back to what waits", frozenset({Place.INBOX})),
    Action("continue", ("c",), "continue", "continue the breakpoint", READING, writes=True),
    Action("mark", ("space",), "mark", "mark: a then answers all marked ones alike", INBOXES),
    Action("continue_all", ("C",), "", "continue all breakpoints of its node or Core", INBOXES, writes=True),
    Action(
        "replay",
        ("R",),
        "replay",
        "replay: invoke the Core again, as it was or edited",
        READING,
        writes=True,
    ),
    Action("next_error", ("e",), "next error", "next error", frozenset({Place.RUNS, Place.DETAIL})),
    Action("open", ("enter",), "open", "open the run, or answer the checkpoint", LISTS),
    Action("open", ("enter",), "", "answer the checkpoint", frozenset({Place.INBOX})),
    Action("inbox", ("i",), "inbox", "inbox: all that waits, the most urgent first", LISTS | {Place.DETAIL}),
    Action("previous_error", ("E",), "", "previous error", frozenset({Place.RUNS, Place.DETAIL})),
    Action("filter", ("slash",), "filter", "filter the runs by words, and by !words to leave out", LISTS),
    Action("view", ("v",), "view", "view: all, failed, waiting, running", LISTS),
    Action("follow", ("f",), "follow", "follow the newest run, or stay on this one", frozenset({Place.RUNS})),
    Action("next_pane", ("tab",), "pane", "next pane", LISTS),
    Action("previous_pane", ("shift+tab",), "", "previous pane", LISTS),
    Action("pause", ("p",), "pause", "pause polling, or poll again", READING),
    Action("refresh_now", ("r",), "refresh", "refresh now", READING),
    Action("copy", ("y",), "copy", "copy the id", READING),
    Action("copy_all", ("Y",), "", "copy all of the run or checkpoint, as JSON", READING),
    Action("copy", ("y",), "copy", "copy the input, as it would be sent", frozenset({Place.REPLAY})),
    Action("copy", ("ctrl+y",), "", "copy all of the checkpoint, as JSON", frozenset({Place.ANSWER})),
    Action("profile", ("P",), "profile", "another profile: it is opened, and this one closed", READING),
    Action("profile", ("P",), "profiles", "choose a profile", frozenset({Place.WELCOME})),
    Action("switch", ("enter",), "switch", "open that profile", frozenset({Place.PROFILES})),
    Action("theme", ("t",), "", "light or dark", READING),
    Action("repaint", ("ctrl+l",), "", "paint the screen again", READING),
    Action("app.suspend_process", ("ctrl+z",), "", "suspend; fg in the shell brings it back", STOPPABLE),
    Action("cursor_down", ("down", "j"), "", "down", MOVING),
    Action("cursor_up", ("up", "k"), "", "up", MOVING),
    Action("page_down", ("pagedown",), "", "a page down", MOVING),
    Action("page_down", ("space",), "", "a page down", (READING | {Place.HELP}) - INBOXES),
    Action("page_up", ("pageup",), "", "a page up", MOVING),
    Action("first", ("g", "home"), "", "to the beginning", MOVING),
    Action("last", ("G", "end"), "", "to the end", MOVING),
    Action("next_field", ("tab",), "comment", "write a comment", CHOOSING),
    Action("next_field", ("tab",), "next", "on, in the end back to the beginning", LATER_FIELDS),
    Action("fields", ("ctrl+t",), "", "put a form's input fields into the comment", ANSWERING),
    Action("option_down", ("down",), "", "next option", CHOOSING),
    Action("option_up", ("up",), "", "previous option", CHOOSING),
    Action("read_down", ("pagedown",), "", "read on", SCROLLING),
    Action("read_up", ("pageup",), "", "read back", SCROLLING),
    Action("back", ("escape",), "", "dismiss the notice, then the view and the filter", LISTS),
    Action("back", ("escape",), "back", "dismiss the notice, then back", frozenset({Place.DETAIL})),
    Action("back", ("escape",), "back", "dismiss the notice, then the filter, then back", frozenset({Place.INBOX})),
    Action("back", ("escape",), "cancel", "cancel; what was typed is kept", DIALOGS),
    Action("back", ("escape",), "cancel", "cancel; the marks stay, and what was typed", frozenset({Place.BULK})),
    Action("back", ("escape",), "cancel", "cancel; the word is typed anew", frozenset({Place.TYPING_OUT})),
    Action("back", ("escape",), "close", "close; what is under way goes on", frozenset({Place.RESULTS})),
    Action("back", ("escape",), "back", "stop typing; what was typed is kept", REPLAYING - {Place.REPLAY}),
    Action("back", ("escape", "q"), "stay", "stay on this profile", frozenset({Place.PROFILES})),
    Action("back", ("escape", "question_mark", "q"), "close", "close the help", frozenset({Place.HELP})),
    Action("help", ("question_mark",), "help", "help for this view", READING),
    Action("command_palette", ("ctrl+p",), "", "everything by name", READING),
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
