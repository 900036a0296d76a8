"""The parts of the screen that have keys of their own, and the form of a key action."""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct

from scaicore_tui.tui.key_names import shown_key


class KeyContext(StrEnum):
    """A part of the screen that has keys of its own. The value is its name in help and manual."""

    RUNS = "runs"
    NODES = "nodes"
    CHECKPOINTS = "checkpoints"
    CAUSES = "causes"
    DETAIL = "run"
    COMPARE = "compare"
    INBOX = "inbox"
    FORM = "form"
    ANSWER = "answer"
    COMMENT = "comment"
    BULK = "several"
    RESULTS = "results"
    REPLAY = "replay"
    REPLAY_ALL = "replay several"
    REPLAYS = "replays"
    INPUT = "input"
    ENTITY = "entity"
    TYPING_OUT = "typing out"
    PROFILES = "profiles"
    FILE = "file"
    HELP = "help"
    WELCOME = "welcome"

    @property
    def config_name(self) -> str:
        """The name of its table in `[keys]`."""
        return self.value.replace(" ", "-")


LISTS = frozenset({KeyContext.RUNS, KeyContext.NODES, KeyContext.CHECKPOINTS})
FILE = frozenset({KeyContext.FILE})
DETAIL = frozenset({KeyContext.DETAIL})
COMPARE = frozenset({KeyContext.COMPARE})
RUN = DETAIL | COMPARE
ON_RUNS = LISTS | RUN | {KeyContext.INBOX, KeyContext.FORM}
READING = ON_RUNS | {KeyContext.CAUSES, KeyContext.REPLAYS}
MOVING = READING | {KeyContext.HELP, KeyContext.PROFILES, KeyContext.FILE}
CAUSES = frozenset({KeyContext.CAUSES})
REPLAYS = frozenset({KeyContext.REPLAYS})
FORM = frozenset({KeyContext.FORM})
INBOXES = frozenset({KeyContext.CHECKPOINTS, KeyContext.INBOX})
MARKING = INBOXES | {KeyContext.RUNS}
ANSWERING = frozenset({KeyContext.ANSWER, KeyContext.COMMENT})
CHOOSING = frozenset({KeyContext.ANSWER, KeyContext.BULK})
DIALOGS = frozenset({KeyContext.ANSWER, KeyContext.COMMENT, KeyContext.REPLAY, KeyContext.REPLAY_ALL})
TYPING = frozenset({KeyContext.INPUT})
REPLAYING = TYPING | {KeyContext.REPLAY, KeyContext.ENTITY}
LATER_FIELDS = frozenset({KeyContext.COMMENT, KeyContext.ENTITY, KeyContext.TYPING_OUT})
# Where the app can be suspended by ctrl+z. In text fields, ctrl+z undoes an edit.
STOPPABLE = READING | CHOOSING | {KeyContext.REPLAY_ALL, KeyContext.RESULTS, KeyContext.HELP, KeyContext.WELCOME}
# Dialogs that list their keys in the help; in their text fields, the key is typed.
HELPED_DIALOGS = CHOOSING | {KeyContext.RESULTS, KeyContext.REPLAY, KeyContext.REPLAY_ALL}
SCROLLING = HELPED_DIALOGS | {KeyContext.ENTITY, KeyContext.TYPING_OUT}


class KeyAction(Struct, frozen=True):
    """An action, its keys, and the contexts in which they work. An empty `label` hides it from the footer.

    With `takes_key`, the key that was pressed is the argument of the action: its screen has the bindings.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    description: str
    contexts: frozenset[KeyContext]
    writes: bool = False
    takes_key: bool = False

    @property
    def config_name(self) -> str:
        """Its name in `[keys]`."""
        return self.id.rpartition(".")[2]

    @property
    def key_names(self) -> str:
        """The display names of all keys, separated by blanks; of digits the first and the last."""
        if self.takes_key:
            return self.first_key
        return " ".join(map(shown_key, self.keys))

    @property
    def first_key(self) -> str:
        """The display name of the first key, for the footer; of digits the first and the last."""
        if self.takes_key:
            return f"{self.keys[0]}–{self.keys[-1]}"
        return shown_key(self.keys[0])


_CLAUSE_END = re.compile(r"[;,:(]")


def first_clause(description: str) -> str:
    """Return the first clause of a description, for messages of one line."""
    return _CLAUSE_END.split(description)[0].strip()
