"""The fields of each subject: their kinds, the operators that these take, and the words that some are limited to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from scaicore_tui.analysis.query.tree import And, Not, Op, Or, Tree, tests_in
from scaicore_tui.runs.model import RunStatus


class FieldKind(StrEnum):
    """The kind of the values of a field, in the words of the documentation."""

    TEXT = "text"
    CHOICE = "word"
    NUMBER = "number"
    DURATION = "duration"
    MOMENT = "time"
    FLAG = "property"
    JSON = "value"


_EQUALITY = (Op.HAS, Op.EQUAL, Op.UNEQUAL)
_ORDER = (Op.ABOVE, Op.AT_LEAST, Op.BELOW, Op.AT_MOST)
OPERATORS: Mapping[FieldKind, Sequence[Op]] = {
    FieldKind.TEXT: (*_EQUALITY, Op.MATCHES),
    FieldKind.CHOICE: _EQUALITY,
    FieldKind.NUMBER: (*_EQUALITY, *_ORDER),
    FieldKind.DURATION: (*_EQUALITY, *_ORDER),
    FieldKind.MOMENT: (*_EQUALITY, *_ORDER),
    FieldKind.FLAG: _EQUALITY,
    FieldKind.JSON: (*_EQUALITY, Op.MATCHES, *_ORDER),
}


class Field(Struct, frozen=True):
    """A field. `choices` are the words that it is limited to.

    `is_dear` marks one whose value is only in the events: it is read for each run that may match.
    """

    name: str
    kind: FieldKind
    meaning: str
    choices: tuple[str, ...] = ()
    is_dear: bool = False


class Subject(Struct, frozen=True):
    """The rows that are searched: their name for people, and their fields by name."""

    name: str
    fields: Mapping[str, Field]


def _subject(name: str, *fields: Field) -> Subject:
    return Subject(name, {field.name: field for field in fields})


TEXT, CHOICE, NUMBER = FieldKind.TEXT, FieldKind.CHOICE, FieldKind.NUMBER
DURATION, MOMENT, FLAG, JSON = FieldKind.DURATION, FieldKind.MOMENT, FieldKind.FLAG, FieldKind.JSON
IS, HAS = "is", "has"
CORE = Field("core", TEXT, "id of the Core; = also takes it without core_")
FLOW = Field("flow", TEXT, "name of the flow: the id of its Core without core_")

RUNS = _subject(
    "runs",
    Field("status", CHOICE, "status of the run", tuple(RunStatus)),
    CORE,
    FLOW,
    Field("node", TEXT, "a node that the run visited"),
    Field("failed", TEXT, "the node that failed"),
    Field("error", TEXT, "error of the run"),
    Field("group", TEXT, "error with Core and node, without numbers and ids"),
    Field("id", TEXT, "id of the run"),
    Field("instance", TEXT, "instance key"),
    Field("assignee", TEXT, "who is asked at a pending checkpoint"),
    Field("duration", DURATION, "how long the run took; none while it is open"),
    Field("age", DURATION, "time since it started"),
    Field("idle", DURATION, "time without an event, of a run that is open"),
    Field("started", MOMENT, "when it started"),
    Field("ended", MOMENT, "when it ended"),
    Field("changed", MOMENT, "time of its newest event"),
    Field("events", NUMBER, "number of its events"),
    Field(
        IS,
        FLAG,
        "waiting, running, completed, failed; replay: sent from this machine; late: its start is missing;"
        " slow: a step, or the time without an event, is longer than usual",
        ("waiting", "running", "completed", "failed", "replay", "late", "slow"),
    ),
    Field(HAS, FLAG, "gap: events may be missing", ("gap", "checkpoint", "breakpoint", "error")),
    Field("kind", TEXT, "kind of a block that the run visited", is_dear=True),
    Field("visits", NUMBER, "number of visits of nodes", is_dear=True),
    Field("input", JSON, "input; input.a.b is a member of it", is_dear=True),
    Field("output", JSON, "output; output.a.b is a member of it", is_dear=True),
)
EVENTS = _subject(
    "events",
    Field("type", TEXT, "type of the event"),
    CORE,
    Field("run", TEXT, "id of the run"),
    Field("node", TEXT, "id of the node"),
    Field("kind", TEXT, "kind of the block"),
    Field("at", MOMENT, "time of the event"),
    Field("payload", JSON, "payload; payload.a.b is a member of it"),
)
CHECKPOINTS = _subject(
    "checkpoints",
    Field("type", TEXT, "type of the checkpoint"),
    CORE,
    FLOW,
    Field("node", TEXT, "node that asks"),
    Field("run", TEXT, "id of the run"),
    Field("id", TEXT, "id of the checkpoint"),
    Field("priority", TEXT, "priority"),
    Field("assignee", TEXT, "who is asked"),
    Field("title", TEXT, "what is asked"),
    Field("age", DURATION, "time since it was created"),
    Field("created", MOMENT, "when it was created"),
    Field("expires", MOMENT, "its deadline"),
    Field(IS, FLAG, "mine: you are asked; due: its deadline is near or over", ("mine", "due")),
)


def has_dear(tree: Tree, subject: Subject) -> bool:
    """Return whether `tree` tests a field whose value is only in the events."""
    return any(subject.fields[test.field].is_dear for test in tests_in(tree))


def cheapest_first(tree: Tree, subject: Subject) -> Tree:
    """Return an equal tree in which the parts with dear fields are evaluated last."""
    match tree:
        case And(parts) | Or(parts):
            ordered = sorted(
                (cheapest_first(part, subject) for part in parts), key=lambda part: has_dear(part, subject)
            )
            return type(tree)(tuple(ordered))
        case Not(part):
            return Not(cheapest_first(part, subject))
        case _:
            return tree


def dear_fields(tree: Tree, subject: Subject) -> frozenset[str]:
    """Return the names of the dear fields in `tree`."""
    return frozenset(test.field for test in tests_in(tree) if subject.fields[test.field].is_dear)
