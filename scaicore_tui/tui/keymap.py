"""The registry of key actions: the single source of bindings, footer, help, palette and manual."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace
from textual.binding import Binding

from scaicore_tui.tui.key_contexts import (
    ANSWERING,
    CAUSES,
    CHOOSING,
    COMPARE,
    DETAIL,
    DIALOGS,
    FILE,
    FORM,
    HELPED_DIALOGS,
    INBOXES,
    LATER_FIELDS,
    LISTS,
    MARKING,
    MOVING,
    ON_RUNS,
    READING,
    REPLAYING,
    REPLAYS,
    RUN,
    SCROLLING,
    STOPPABLE,
    TYPING,
    KeyAction,
    KeyContext,
)
from scaicore_tui.tui.key_names import shown_key

# In order of importance: a narrow footer shows only the first ones.
ACTIONS: tuple[KeyAction, ...] = (
    KeyAction(
        "choose",
        tuple("123456789"),
        "choose",
        "choose this answer, for the marked ones if any are; enter sends it",
        frozenset({KeyContext.INBOX}),
        takes_key=True,
    ),
    KeyAction(
        "send", ("enter",), "send", "send the chosen answer once, and go on", frozenset({KeyContext.INBOX}), writes=True
    ),
    KeyAction("next_field", ("tab",), "comment", "write a comment; tab goes back", frozenset({KeyContext.INBOX})),
    KeyAction(
        "mark",
        ("space",),
        "mark",
        "mark it and go on; all marked ones get the same answer",
        frozenset({KeyContext.INBOX}),
    ),
    KeyAction(
        "mark_alike",
        ("asterisk",),
        "mark all",
        "mark all listed ones with the same type and options, or none",
        frozenset({KeyContext.INBOX}),
    ),
    KeyAction(
        "read_form",
        ("shift+tab",),
        "",
        "scroll the form and unfold its context; shift+tab goes back",
        frozenset({KeyContext.INBOX}),
    ),
    KeyAction("fold", ("enter",), "fold", "fold or unfold a value of the context", FORM),
    KeyAction("read_form", ("shift+tab",), "list", "go back to the list", FORM),
    KeyAction(
        "send", ("enter", "ctrl+s"), "send", "send the chosen answer once", frozenset({KeyContext.ANSWER}), writes=True
    ),
    KeyAction("send", ("ctrl+s",), "send", "send the chosen answer once", frozenset({KeyContext.COMMENT}), writes=True),
    KeyAction(
        "send",
        ("enter", "ctrl+s"),
        "send",
        "send the answer once to each listed checkpoint",
        frozenset({KeyContext.BULK}),
        writes=True,
    ),
    KeyAction(
        "toggle_stop_on_failure",
        ("s", "ctrl+r"),
        "stop or go on",
        "stop on the first failure, or continue after failures",
        frozenset({KeyContext.BULK}),
    ),
    KeyAction("send", ("enter", "ctrl+s"), "replay", "invoke the Core again, once", REPLAYING - TYPING, writes=True),
    KeyAction("send", ("ctrl+s",), "replay", "invoke the Core again, once", TYPING, writes=True),
    KeyAction(
        "send", ("enter", "ctrl+s"), "send", "send the write once", frozenset({KeyContext.TYPING_OUT}), writes=True
    ),
    KeyAction("edit", ("e",), "edit", "edit the input", frozenset({KeyContext.REPLAY})),
    KeyAction(
        "editor", ("o", "ctrl+o"), "editor", "edit the input in $VISUAL or $EDITOR", frozenset({KeyContext.REPLAY})
    ),
    KeyAction("editor", ("ctrl+o",), "editor", "edit the input in $VISUAL or $EDITOR", TYPING),
    KeyAction("next_field", ("tab",), "entity", "go to the field for the entity", REPLAYING - {KeyContext.ENTITY}),
    KeyAction(
        "captured", ("u",), "captured", "restore the captured input; ctrl+z undoes this", frozenset({KeyContext.REPLAY})
    ),
    KeyAction(
        "demo", ("d", "enter"), "start the demo", "start the demo on this machine", frozenset({KeyContext.WELCOME})
    ),
    KeyAction("answer", ("a",), "answer", "answer the checkpoint; then choose with 1–9", ON_RUNS, writes=True),
    KeyAction(
        "filter",
        ("slash",),
        "filter",
        "filter by a query: words, !words, tests such as is:due",
        frozenset({KeyContext.INBOX}),
    ),
    KeyAction("view", ("v",), "answered", "show answered checkpoints, or pending ones", frozenset({KeyContext.INBOX})),
    KeyAction("mine", ("m",), "mine", "show what is assigned to you, or all", frozenset({KeyContext.INBOX})),
    KeyAction("follow_link", ("x",), "run", "open the run of the checkpoint", frozenset({KeyContext.INBOX})),
    KeyAction("continue", ("c",), "continue", "continue the breakpoint", ON_RUNS, writes=True),
    KeyAction(
        "mark",
        ("space",),
        "mark",
        "mark it and go on; a then gives all marked ones the same answer",
        frozenset({KeyContext.CHECKPOINTS}),
    ),
    KeyAction(
        "mark",
        ("space",),
        "",
        "mark it and go on; R then replays all marked ones, d compares with the marked one",
        frozenset({KeyContext.RUNS}),
    ),
    KeyAction("mark_alike", ("asterisk",), "", "mark all listed runs, or none", frozenset({KeyContext.RUNS})),
    KeyAction("mark_range", ("M",), "", "mark all from the last mark to here", frozenset({KeyContext.INBOX})),
    KeyAction("continue_all", ("C",), "", "continue all breakpoints of this node or Core", INBOXES, writes=True),
    KeyAction(
        "replay",
        ("R",),
        "replay",
        "replay: same or edited input; in a list, all marked runs",
        ON_RUNS,
        writes=True,
    ),
    KeyAction(
        "next_error", ("e",), "next error", "go to the next error", frozenset({KeyContext.RUNS, KeyContext.DETAIL})
    ),
    KeyAction("open", ("enter",), "open", "open the run, or answer the checkpoint", LISTS),
    KeyAction("fold", ("enter",), "fold", "fold or unfold; without anything to fold, inspect the step", DETAIL),
    KeyAction("next_match", ("n",), "next", "go to the next difference; while values are searched, match", COMPARE),
    KeyAction("previous_match", ("N",), "", "go to the previous difference, or match", COMPARE),
    KeyAction("fold", ("enter",), "values", "show both values; there, fold or unfold what is equal", COMPARE),
    KeyAction("older_run", ("right_square_bracket",), "other run", "compare with the next run of the Core", COMPARE),
    KeyAction("newer_run", ("left_square_bracket",), "", "compare with the previous run of the Core", COMPARE),
    KeyAction("next_pane", ("tab",), "", "go to the values, and back", COMPARE),
    KeyAction("filter", ("slash",), "search", "search the values", COMPARE),
    KeyAction("follow_link", ("x",), "open B", "open the other run; esc comes back", COMPARE),
    KeyAction("view", ("v",), "view", "next view of the run", RUN),
    KeyAction("next_pane", ("tab",), "inspect", "go to the inspector of the step, and back", DETAIL),
    KeyAction("newer_run", ("left_square_bracket",), "", "previous run of the list", DETAIL),
    KeyAction("older_run", ("right_square_bracket",), "", "next run of the list", DETAIL),
    KeyAction(
        "filter",
        ("slash",),
        "search",
        "search the values of the step, or filter events: words, type:, node:, kind:, !not",
        DETAIL,
    ),
    KeyAction("compare", ("d",), "compare", "compare the run with a marked one, or one that worked", DETAIL),
    KeyAction(
        "compare", ("d",), "", "compare the run with a marked one, or one that worked", LISTS | {KeyContext.INBOX}
    ),
    KeyAction("filter", ("slash",), "search", "search the keys", frozenset({KeyContext.HELP})),
    KeyAction("next_match", ("n",), "", "go to the next match", DETAIL),
    KeyAction("previous_match", ("N",), "", "go to the previous match", DETAIL),
    KeyAction(
        "follow_link", ("x",), "link", "open the link: checkpoint, likely sub-run, original, last good run", DETAIL
    ),
    KeyAction("earlier", ("left",), "time", "show the run as of the event before; esc returns to now", RUN),
    KeyAction("later", ("right",), "", "show the run as of the next event", RUN),
    KeyAction("earlier_change", ("left_curly_bracket",), "", "go back to the state change before", RUN),
    KeyAction("later_change", ("right_curly_bracket",), "", "go to the next state change", RUN),
    KeyAction("earlier_visit", ("left_parenthesis",), "", "go back to the visit of this node before", DETAIL),
    KeyAction("later_visit", ("right_parenthesis",), "", "go to the next visit of this node", DETAIL),
    KeyAction("moment", ("at",), "", "show the run as of an event or a time that is typed", RUN),
    KeyAction("first_event", ("0",), "", "show the run as of its first event", RUN),
    KeyAction("last_event", ("dollar_sign",), "", "show the run as of its last event", RUN),
    KeyAction("zoom_in", ("plus",), "", "zoom in on the time of the selected step", DETAIL),
    KeyAction("zoom_out", ("minus",), "", "zoom out", DETAIL),
    KeyAction("whole_run", ("equals_sign",), "", "show all of the run on the time axis, or the selected step", DETAIL),
    KeyAction("enlarge", ("z",), "", "enlarge the steps, or the inspector, to all of the screen; and back", DETAIL),
    KeyAction("idle", ("I",), "", "fold long idle times on the time axis, or show them", DETAIL),
    KeyAction("view_timeline", ("1",), "", "steps on the time axis", RUN),
    KeyAction("view_order", ("2",), "", "steps in order, with their results", RUN),
    KeyAction("view_flow", ("3",), "", "the flow, with what the run did in it", RUN),
    KeyAction("view_events", ("4",), "", "events as received", RUN),
    KeyAction("view_input", ("5",), "", "input of the run", RUN),
    KeyAction("view_output", ("6",), "", "output or error of the run", RUN),
    KeyAction("view_compare", ("7",), "", "the run compared with another one", RUN),
    KeyAction("inbox", ("i",), "inbox", "open the inbox: pending checkpoints by urgency", LISTS | RUN),
    KeyAction(
        "previous_error", ("E",), "", "go to the previous error", frozenset({KeyContext.RUNS, KeyContext.DETAIL})
    ),
    KeyAction(
        "filter",
        ("slash",),
        "filter",
        "filter by a query: words, !words, tests such as status:failed; there, ctrl+s saves it as a view",
        LISTS,
    ),
    KeyAction("view", ("v",), "view", "change the view: all, failed, waiting, running, saved ones", LISTS),
    KeyAction("sort", ("s",), "sort", "sort by change, start, duration, Core, status", LISTS),
    KeyAction(
        "follow",
        ("f",),
        "follow",
        "follow the run that changed last, or stay on this one",
        frozenset({KeyContext.RUNS}),
    ),
    KeyAction("next_pane", ("tab",), "pane", "next pane", LISTS),
    KeyAction("previous_pane", ("shift+tab",), "", "previous pane", LISTS),
    KeyAction("causes", ("b",), "by cause", "failures by their cause", LISTS),
    KeyAction("replays", ("V",), "", "list the replays of marked runs, with their verdicts", LISTS),
    KeyAction(
        "send",
        ("enter", "ctrl+s"),
        "replay all",
        "invoke the Cores again, once for each listed run",
        frozenset({KeyContext.REPLAY_ALL}),
        writes=True,
    ),
    KeyAction("open_replay", ("enter",), "open", "open the run that the replay started", REPLAYS),
    KeyAction("stop_replays", ("s",), "stop", "send no more of them; the one that was sent is followed", REPLAYS),
    KeyAction("list_runs", ("enter",), "list", "list the runs that failed from this cause", CAUSES),
    KeyAction("period", ("T",), "period", "tell of another period: 15 min, 60 min, 24 h, 7 d", LISTS | CAUSES),
    KeyAction("back", ("escape",), "back", "dismiss the notice, then go back", CAUSES | REPLAYS),
    KeyAction("earlier_bar", ("left",), "", "list the runs of the bar before; esc lists all", LISTS),
    KeyAction("later_bar", ("right",), "", "list the runs of the bar after", LISTS),
    KeyAction("enlarge", ("z",), "", "enlarge the pane to all of the screen; and back", LISTS),
    KeyAction("grow_pane", ("plus",), "", "make the pane larger; the mouse moves its border", LISTS),
    KeyAction("shrink_pane", ("minus",), "", "make the pane smaller", LISTS),
    KeyAction("reset_panes", ("equals_sign",), "", "give the panes their usual sizes", LISTS),
    KeyAction("ages", ("A",), "", "show when runs changed, or how long ago", frozenset({KeyContext.RUNS})),
    KeyAction("pause", ("p",), "pause", "pause or resume polling", READING),
    KeyAction("refresh_now", ("r",), "refresh", "refresh now", READING),
    KeyAction("copy", ("y",), "copy", "copy the id", READING - RUN),
    KeyAction("copy", ("y",), "copy", "copy what differs as JSON: both values, with their path", COMPARE),
    KeyAction("copy", ("y",), "copy", "copy the value at the cursor; of a step its result or error", DETAIL),
    KeyAction("copy_id", ("ctrl+y",), "", "copy the id of the run", RUN),
    KeyAction("copy_link", ("L",), "", "copy a link to the run, visit and event: for `open` and `show`", ON_RUNS),
    KeyAction("copy_all", ("Y",), "", "copy the whole run, comparison or checkpoint as JSON", READING),
    KeyAction("copy", ("y",), "copy", "copy the input as it would be sent", frozenset({KeyContext.REPLAY})),
    KeyAction("copy", ("ctrl+y",), "", "copy the whole checkpoint as JSON", frozenset({KeyContext.ANSWER})),
    KeyAction("write_file", ("w",), "write file", "write the run to a file: report, events, trace", ON_RUNS),
    KeyAction("choose", tuple("123456789"), "format", "choose the format", FILE, takes_key=True),
    KeyAction("save", ("enter",), "write", "write the file", FILE),
    KeyAction("redact", ("r",), "secrets", "replace what looks like a secret, or keep it", FILE),
    KeyAction("next_field", ("tab",), "name", "change the name of the file; tab goes back", FILE),
    KeyAction("back", ("escape", "q"), "cancel", "cancel", FILE),
    KeyAction("profile", ("P",), "profile", "switch to another profile", READING),
    KeyAction("profile", ("P",), "profiles", "choose a profile", frozenset({KeyContext.WELCOME})),
    KeyAction("switch", ("enter",), "switch", "open this profile", frozenset({KeyContext.PROFILES})),
    KeyAction("theme", ("t",), "", "switch between light and dark", READING),
    KeyAction("repaint", ("ctrl+l",), "", "redraw the screen", READING),
    KeyAction("app.suspend_process", ("ctrl+z",), "", "suspend the app; fg in the shell resumes it", STOPPABLE),
    KeyAction("cursor_down", ("down", "j"), "", "down", MOVING),
    KeyAction("cursor_up", ("up", "k"), "", "up", MOVING),
    KeyAction("page_down", ("pagedown",), "", "page down", MOVING),
    KeyAction("page_down", ("space",), "", "page down", (READING | {KeyContext.HELP}) - MARKING),
    KeyAction("page_up", ("pageup",), "", "page up", MOVING),
    KeyAction("first", ("g", "home"), "", "go to the start", MOVING),
    KeyAction("last", ("G", "end"), "", "go to the end", MOVING),
    KeyAction("next_field", ("tab",), "comment", "write a comment", CHOOSING),
    KeyAction("next_field", ("tab",), "next", "go to the next field", LATER_FIELDS),
    KeyAction("fields", ("ctrl+t",), "", "insert the form's fields into the comment", ANSWERING),
    KeyAction("option_down", ("down",), "", "next option", CHOOSING),
    KeyAction("option_up", ("up",), "", "previous option", CHOOSING),
    KeyAction("read_down", ("pagedown",), "", "scroll down", SCROLLING),
    KeyAction("read_up", ("pageup",), "", "scroll up", SCROLLING),
    KeyAction("back", ("escape",), "", "dismiss the notice, go to the runs, then reset view and filter", LISTS),
    KeyAction("back", ("escape",), "back", "dismiss the notice, then go back", RUN | FORM),
    KeyAction(
        "back", ("escape",), "back", "dismiss the notice, clear the filter, go back", frozenset({KeyContext.INBOX})
    ),
    KeyAction("back", ("escape",), "cancel", "cancel; typed text is kept", DIALOGS),
    KeyAction("back", ("escape",), "cancel", "cancel; marks and typed text are kept", frozenset({KeyContext.BULK})),
    KeyAction(
        "back",
        ("escape",),
        "cancel",
        "cancel; the word must be typed again next time",
        frozenset({KeyContext.TYPING_OUT}),
    ),
    KeyAction("back", ("escape",), "close", "close; unfinished writes continue", frozenset({KeyContext.RESULTS})),
    KeyAction("back", ("escape",), "back", "stop typing; the text is kept", REPLAYING - {KeyContext.REPLAY}),
    KeyAction("back", ("escape", "q"), "stay", "stay on this profile", frozenset({KeyContext.PROFILES})),
    KeyAction(
        "back", ("escape", "question_mark", "q"), "close", "end the search, then close", frozenset({KeyContext.HELP})
    ),
    KeyAction("help", ("question_mark",), "help", "show the keys of this view", READING),
    KeyAction("help", ("question_mark",), "", "show the keys of this dialog", HELPED_DIALOGS),
    KeyAction("command_palette", ("ctrl+p",), "", "find any action by name", READING),
    KeyAction("quit", ("q",), "quit", "quit", READING | {KeyContext.WELCOME}),
)

MOVE_ACTIONS = ("cursor_down", "cursor_up", "page_down", "page_up", "first", "last")


# The keys of actions that the configuration changes, by context and action.
ChangedKeys = dict[tuple[KeyContext, str], tuple[str, ...]]
# Those in use: set once, before the first screen. Bindings have the default keys; `to_default_key` translates.
_in_use: ChangedKeys = {}


def use_keys(changed: Mapping[tuple[KeyContext, str], tuple[str, ...]]) -> None:
    """Use these keys in place of the default ones, from now on, in all of the app."""
    _in_use.clear()
    _in_use.update(changed)


def actions_in(context: KeyContext, *, read_only: bool = False) -> list[KeyAction]:
    """Return the actions of `context` with the keys in use, without those that write if `read_only`."""
    return [one for one in changed_actions_in(context, _in_use) if not (read_only and one.writes)]


def default_actions_in(context: KeyContext) -> list[KeyAction]:
    """Return the actions of `context` with their default keys."""
    return [action for action in ACTIONS if context in action.contexts]


def changed_actions_in(context: KeyContext, changed: ChangedKeys) -> list[KeyAction]:
    """Return the actions of `context` with changed keys. Of an action that has two entries, one is left then."""
    found, given = list[KeyAction](), set[str]()
    for action in default_actions_in(context):
        keys = changed.get((context, action.id))
        if keys is None:
            found.append(action)
        elif action.id not in given:
            found.append(replace(action, keys=keys))
            given.add(action.id)
    return found


def key_name(action_id: str, context: KeyContext) -> str:
    """Return the display name of the first key of an action, for messages: in `context` if the action is there."""
    found = [one for one in actions_in(context) if one.id == action_id]
    found = found or [one for other in KeyContext for one in actions_in(other) if one.id == action_id]
    return found[0].first_key


def to_default_key(context: KeyContext, key: str) -> str | None:
    """Return the default key of what `key` does in `context`: that is bound. None if it lost its action."""
    if not _in_use:
        return key
    changed = [one for one in default_actions_in(context) if (context, one.id) in _in_use]
    for action in changed:
        if key in _in_use[context, action.id]:
            return action.keys[0]
    is_former = any(key in action.keys for action in changed)
    return None if is_former and not any(key in one.keys for one in actions_in(context)) else key


def action_now_on(context: KeyContext, key: str) -> str:
    """Return where the action went that had `key` by default in `context`, for people."""
    former = next(action for action in default_actions_in(context) if key in action.keys)
    name = former.config_name.replace("_", " ")
    return f"{shown_key(key)}: {name} is on {key_name(former.id, context)} now"


def is_write_action(action_id: str) -> bool:
    """Return whether the action sends a write, or opens a dialog that does."""
    return any(action.writes for action in ACTIONS if action.id == action_id)


def is_write_key(context: KeyContext, key: str) -> bool:
    """Return whether a default key sends a write in `context`, or opens a dialog that does."""
    return any(action.writes and key in action.keys for action in default_actions_in(context))


def bindings(
    contexts: Iterable[KeyContext], *, only: Iterable[str] | None = None, exclude: Iterable[str] = ()
) -> list[Binding]:
    """Return the bindings of `contexts`: of all actions, or of the ids in `only`, without those in `exclude`."""
    wanted, excluded, found = set(contexts), set(exclude), list[Binding]()
    for action in ACTIONS:
        if (
            action.contexts & wanted
            and not action.takes_key
            and action.id not in excluded
            and (only is None or action.id in only)
        ):
            found += [Binding(key, action.id, action.description, show=False) for key in action.keys]
    return found
