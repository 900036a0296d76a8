"""Decode checkpoints, the requests of paused runs to a person (API §3), and the response to an invoke."""

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
# Placeholder for a field that cannot be decoded.
UNREADABLE = "(unreadable)"


class Presentation(Struct, frozen=True):
    """The question to a person; `sections` are those of a form, as received."""

    title: str = ""
    message: str = ""
    sections: Any = None


class Option(Struct, frozen=True):
    """One possible answer to a checkpoint.

    Attributes:
        id: text of the value, to type, compare or show: a string as it is, other values as JSON. A string that would
            look like another option of the same checkpoint is JSON too.
        label: name for people; may be empty.
        value: the JSON value to send; without one, the id is sent.
    """

    id: str
    label: str = ""
    value: Any = UNSET

    @property
    def name(self) -> str:
        return self.label or self.id

    @property
    def value_to_send(self) -> Any:
        """The JSON value to send as the answer."""
        return self.id if self.value is UNSET else self.value


class Checkpoint(Struct, frozen=True, kw_only=True):
    """A checkpoint of ScaiFlow or ScaiGrid; fields that the product does not send are None or empty.

    `raw` is the whole object as received, with undocumented fields.
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
        """The possible answers; of a breakpoint, Continue. Empty if any text is an answer (API §3)."""
        return (Option(CONTINUE),) if self.is_breakpoint else self.options

    def find_option(self, text: str) -> Option | None:
        """Return the option with `text` as its id, as its value, or as its value in JSON; None if there is none.

        If any text is an answer, return an option for `text` itself.
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
        """The shortest description of the question."""
        return self.presentation.title or self.prompt or self.presentation.message or self.checkpoint_type

    @property
    def body_text(self) -> str:
        """The description of the question without the title."""
        parts = (self.presentation.message, self.prompt)
        return "\n".join(dict.fromkeys(part for part in parts if part and part != self.title))

    @property
    def created(self) -> int | None:
        """Time of creation, in microseconds since 1970."""
        return timefmt.parse(self.created_at)

    @property
    def expires(self) -> int | None:
        """Deadline in microseconds since 1970. Servers enforce it with a delay of minutes (API §3)."""
        return timefmt.parse(self.expires_at)


class CheckpointPage(Struct, frozen=True):
    """One page of checkpoints.

    Attributes:
        unreadable: number of rows that cannot be decoded or have no id.
        skipped, limit: as in EventPage.
    """

    checkpoints: tuple[Checkpoint, ...]
    next_cursor: str | None = None
    unreadable: int = 0
    skipped: int = 0
    limit: int = 0

    @property
    def row_keys(self) -> list[str]:
        """Keys that identify the rows of the page."""
        return [checkpoint.id for checkpoint in self.checkpoints]


# Fields that are texts; None if absent or empty.
_TEXTS = tuple(
    name
    for name in Checkpoint.__struct_fields__
    if name not in ("id", "checkpoint_type", "status", "presentation", "options", "context", "raw")
)


def read_checkpoint(body: bytes) -> Checkpoint:
    """Return the checkpoint in `body`. Raises ValueError if there is none."""
    return _checkpoint(unwrap(parse(body)))


def read_checkpoint_page(body: bytes) -> CheckpointPage:
    """Return the page in `body`, with or without a wrapper. Raises ValueError if there is none."""
    page = envelope.split_list(body, "checkpoints")
    rows = [_row(value, source) for value, source in page["checkpoints"]]
    found = tuple(_checkpoint(row) for row in rows if isinstance(row, dict) and row.get("id"))
    return CheckpointPage(found, read_cursor(page), unreadable=len(rows) - len(found))


def _row(value: Any, source: bytes) -> Any:
    """Return the value of a row; if it cannot be decoded as a whole, decode each member by itself."""
    if value is not lenient_json.UNPARSED:
        return value
    try:
        members, _ = lenient_json.object_at(envelope.decode(source), 0)
    except ValueError:
        return None
    return {name: UNREADABLE if value is lenient_json.UNPARSED else value for name, value in members.items()}


def _checkpoint(value: Any) -> Checkpoint:
    if not isinstance(value, dict) or "id" not in value:
        raise ValueError("the response is not a checkpoint")
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
    """Return JSON text with the spaces of `write`; None if it is not JSON."""
    value = (
        lenient_json.UNPARSED
        if lenient_json.is_too_deep(text.encode("utf-8", "surrogatepass"))
        else lenient_json.parse_or_unparsed(text)
    )
    return None if value is lenient_json.UNPARSED else write(value)


def _status(row: dict[str, Any]) -> str:
    """Return the status in lower case. A row without one is resolved if it has a resolution, else pending."""
    status = as_text(row.get("status")).strip().casefold()
    return status or (PENDING if row.get("resolution") is None else RESOLVED)


def _options(value: Any) -> tuple[Option, ...]:
    """Decode options: strings, or objects with an id and a label; any other value stands for itself."""
    found = [_value_and_label(item) for item in value] if isinstance(value, list) else []
    json_ids = {write(item) for item, _ in found if not isinstance(item, str)}
    return tuple(Option(_option_id(item, json_ids), label, item) for item, label in found)


def _value_and_label(item: Any) -> tuple[Any, str]:
    if not isinstance(item, dict):
        return item, ""
    names = (name for name in ("id", "value", "label") if item.get(name) is not None)
    return item.get(next(names, ""), item), as_text(item.get("label"))


def _option_id(value: Any, json_ids: Container[str]) -> str:
    """Return the id for an option's value; `json_ids` are the ids of the options whose values are not strings."""
    is_plain = isinstance(value, str) and value and value not in json_ids
    return value if is_plain else write(value)


class Invocation(Struct, frozen=True):
    """The response to an invoke. Its form for a run that suspends is undocumented, so every field may be missing.

    `error` is the error text of an invoked run that failed, else empty.
    """

    output: Any = None
    request_id: str | None = None
    duration_ms: float | None = None
    execution_id: str | None = None
    core_id: str | None = None
    error: str = ""


def read_invocation(body: bytes) -> Invocation:
    """Return the invocation in `body`. Raises ValueError if it is not a JSON object, or is an error."""
    inner = unwrap(parse(body))
    if not isinstance(inner, dict):
        raise ValueError("the response is not an invocation")
    return Invocation(
        output=inner.get("output"),
        request_id=as_text_or_none(inner.get("request_id")),
        duration_ms=as_number(inner.get("duration_ms")),
        execution_id=as_text_or_none(inner.get("execution_id")),
        core_id=as_text_or_none(inner.get("core_id")),
        error=_error(inner.get("error")),
    )


def _error(value: Any) -> str:
    """Return the message of an error of any form (API §7)."""
    if isinstance(value, dict):
        return as_text(value.get("message") or value.get("code") or value)
    return as_text(value)
