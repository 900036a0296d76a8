"""Checkpoints (API §3): paused runs, waiting for a person."""

from __future__ import annotations

from collections.abc import Container
from itertools import chain
from typing import Any

from msgspec import UNSET, Struct, field

from scaicore_tui import timefmt
from scaicore_tui.json_text import write
from scaicore_tui.protocol import envelope, lenient_json
from scaicore_tui.protocol.envelope import parse, read_cursor, unwrap
from scaicore_tui.protocol.lenient_json import as_number, as_text, as_text_or_none

BREAKPOINT = "debug_breakpoint"
CONTINUE = "continue"
PENDING = "pending"
RESOLVED = "resolved"
# Stands for what can't be read of a checkpoint.
UNREADABLE = "(unreadable)"


class Presentation(Struct, frozen=True):
    """What a person is asked; `sections` are a form's, as they came."""

    title: str = ""
    message: str = ""
    sections: Any = None


class Option(Struct, frozen=True):
    """One possible answer: `value` is what is sent, `label` what is read.

    `id` stands for the value where it is typed, compared or shown: a string is itself, all else is JSON, as is a string
    that would look like another option of its checkpoint. Without a `value` it is the `id` that is sent.
    """

    id: str
    label: str = ""
    value: Any = UNSET

    @property
    def name(self) -> str:
        return self.label or self.id

    @property
    def value_to_send(self) -> Any:
        """The JSON value that answers with this option."""
        return self.id if self.value is UNSET else self.value


class Checkpoint(Struct, frozen=True, kw_only=True):
    """A checkpoint as either product shows it; fields that one of them lacks are None or empty.

    `source` is all of it, as it came: also what nobody has documented.
    """

    id: str
    core_id: str | None = None
    checkpoint_type: str = ""
    status: str = PENDING
    presentation: Presentation = Presentation()
    options: tuple[Option, ...] = ()
    created_at: str | None = None
    execution_id: str | None = None
    node_id: str | None = None
    flow_name: str | None = None
    prompt: str | None = None
    context: Any = None
    priority: str | None = None
    assignee_raw: str | None = None
    expires_at: str | None = None
    expiry_action: str | None = None
    resolution: str | None = None
    comment: str | None = None
    resolved_by: str | None = None
    resolved_at: str | None = None
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def is_breakpoint(self) -> bool:
        return self.checkpoint_type.casefold() == BREAKPOINT

    @property
    def answers(self) -> tuple[Option, ...]:
        """What may be chosen: of a breakpoint it is Continue. Empty where any text is an answer (API §3)."""
        return (Option(CONTINUE),) if self.is_breakpoint else self.options

    def find_option(self, text: str) -> Option | None:
        """Return the option that `text` stands for: its id, its value as text, or as JSON of the same type.

        Where any text is an answer, it is one by itself.
        """
        if not self.answers:
            return Option(text)
        source = _normal_json(text)
        by_id = (option for option in self.answers if option.id == text)
        by_text = (option for option in self.answers if option.value_to_send == text)
        by_json = (option for option in self.answers if write(option.value_to_send) == source)
        return next(chain(by_id, by_text, by_json), None)

    @property
    def is_pending(self) -> bool:
        return self.status == PENDING

    @property
    def title(self) -> str:
        """The shortest thing that says what is asked."""
        return self.presentation.title or self.prompt or self.presentation.message or self.checkpoint_type

    @property
    def body_text(self) -> str:
        """Everything that says what is asked, the title excepted."""
        parts = (self.presentation.message, self.prompt)
        return "\n".join(dict.fromkeys(part for part in parts if part and part != self.title))

    @property
    def created(self) -> int | None:
        """When it began to wait, in microseconds since 1970."""
        return timefmt.parse(self.created_at)

    @property
    def expires(self) -> int | None:
        """Its deadline, in microseconds since 1970. Enforced with a delay of minutes (API §3)."""
        return timefmt.parse(self.expires_at)


class CheckpointPage(Struct, frozen=True):
    """One page of checkpoints; so many more are `unreadable`, or have no id. `passed` and `limit` are those of
    an EventPage."""

    checkpoints: tuple[Checkpoint, ...]
    next_cursor: str | None = None
    unreadable: int = 0
    skipped: int = 0
    limit: int = 0

    @property
    def row_keys(self) -> list[str]:
        """What tells its rows from others."""
        return [checkpoint.id for checkpoint in self.checkpoints]


# What is read as text, or as None where it is absent or empty.
_TEXTS = tuple(
    name
    for name in Checkpoint.__struct_fields__
    if name not in ("id", "checkpoint_type", "status", "presentation", "options", "context", "raw")
)


def read_checkpoint(body: bytes) -> Checkpoint:
    """The checkpoint in `body`. Raises ValueError where there is none."""
    return _checkpoint(unwrap(parse(body)))


def read_checkpoint_page(body: bytes) -> CheckpointPage:
    """The page in `body`, whichever wrapper it wears. Raises ValueError where there is none."""
    page = envelope.split_list(body, "checkpoints")
    rows = [_row(value, source) for value, source in page["checkpoints"]]
    found = tuple(_checkpoint(row) for row in rows if isinstance(row, dict) and row.get("id"))
    return CheckpointPage(found, read_cursor(page), unreadable=len(rows) - len(found))


def _row(value: Any, source: bytes) -> Any:
    """A row's value; of one that can't be read as a whole, each member by itself."""
    if value is not lenient_json.UNPARSED:
        return value
    try:
        members, _ = lenient_json.object_at(envelope.decode(source), 0)
    except ValueError:
        return None
    return {name: UNREADABLE if value is lenient_json.UNPARSED else value for name, value in members.items()}


def _checkpoint(value: Any) -> Checkpoint:
    if not isinstance(value, dict) or "id" not in value:
        raise ValueError("it is no checkpoint")
    return Checkpoint(
        id=as_text(value["id"]),
        checkpoint_type=as_text(value.get("checkpoint_type")),
        status=_status(value),
        presentation=_presentation(value.get("presentation")),
        options=_options(value.get("options")),
        context=value.get("context"),
        raw=value,
        **{name: as_text_or_none(value.get(name)) for name in _TEXTS},
    )


def _presentation(value: Any) -> Presentation:
    if not isinstance(value, dict):
        return Presentation(message=as_text(value))
    return Presentation(as_text(value.get("title")), as_text(value.get("message")), value.get("sections"))


def _normal_json(text: str) -> str | None:
    """JSON text with its spaces where `write` puts them; None where it is none."""
    value = (
        lenient_json.UNPARSED
        if lenient_json.is_too_deep(text.encode("utf-8", "surrogatepass"))
        else lenient_json.parse_or_unparsed(text)
    )
    return None if value is lenient_json.UNPARSED else write(value)


def _status(row: dict[str, Any]) -> str:
    """A status in lower case, however it is written. A row without one is pending, unless it tells a resolution."""
    told = as_text(row.get("status")).strip().casefold()
    return told or (PENDING if row.get("resolution") is None else RESOLVED)


def _options(value: Any) -> tuple[Option, ...]:
    """Options are strings, or objects with an id and a label; other values are taken as they are."""
    found = [_value_and_label(item) for item in value] if isinstance(value, list) else []
    others = {write(item) for item, _ in found if not isinstance(item, str)}
    return tuple(Option(_id(item, others), label, item) for item, label in found)


def _value_and_label(item: Any) -> tuple[Any, str]:
    if not isinstance(item, dict):
        return item, ""
    names = (name for name in ("id", "value", "label") if item.get(name) is not None)
    return item.get(next(names, ""), item), as_text(item.get("label"))


def _id(value: Any, others: Container[str]) -> str:
    """The text that stands for an option's value; `others` are those of the options that are no strings."""
    is_plain = isinstance(value, str) and value and value not in others
    return value if is_plain else write(value)


class Invocation(Struct, frozen=True):
    """The answer to an invoke. What comes when the run suspends is undocumented: every field may be missing.

    `error` is what a run that was invoked, and failed, tells; empty where it tells none.
    """

    output: Any = None
    request_id: str | None = None
    duration_ms: float | None = None
    execution_id: str | None = None
    core_id: str | None = None
    error: str = ""


def read_invocation(body: bytes) -> Invocation:
    """The invocation in `body`. Raises ValueError where it is no JSON object, or an error."""
    inner = unwrap(parse(body))
    if not isinstance(inner, dict):
        raise ValueError("it is no invocation")
    return Invocation(
        output=inner.get("output"),
        request_id=as_text_or_none(inner.get("request_id")),
        duration_ms=as_number(inner.get("duration_ms")),
        execution_id=as_text_or_none(inner.get("execution_id")),
        core_id=as_text_or_none(inner.get("core_id")),
        error=_error(inner.get("error")),
    )


def _error(value: Any) -> str:
    """Return the best text of an error of any shape (API §7)."""
    if isinstance(value, dict):
        return as_text(value.get("message") or value.get("code") or value)
    return as_text(value)
