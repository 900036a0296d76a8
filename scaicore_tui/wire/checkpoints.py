"""Checkpoints (API §3): paused runs, waiting for a person."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError, field_validator

from scaicore_tui.wire import timestamps
from scaicore_tui.wire.base import OptionalText, Text, Wire
from scaicore_tui.wire.envelope import cursor, parse, unwrap

BREAKPOINT = "debug_breakpoint"
CONTINUE = "continue"
PENDING = "pending"


class Presentation(Wire):
    """What a person is asked."""

    title: Text = ""
    message: Text = ""


class Option(Wire):
    """One possible answer: `id` is what is sent, `label` what is read."""

    id: Text
    label: Text = ""

    @property
    def name(self) -> str:
        return self.label or self.id


class Checkpoint(Wire):
    """A checkpoint as either product shows it; fields that one of them lacks are None or empty."""

    id: Text
    core_id: OptionalText = None
    checkpoint_type: Text = ""
    status: Text = PENDING
    presentation: Presentation = Presentation()
    options: tuple[Option, ...] = ()
    created_at: OptionalText = None
    execution_id: OptionalText = None
    node_id: OptionalText = None
    flow_name: OptionalText = None
    prompt: OptionalText = None
    context: Any = None
    priority: OptionalText = None
    assignee_raw: OptionalText = None
    expires_at: OptionalText = None
    expiry_action: OptionalText = None
    resolution: OptionalText = None
    comment: OptionalText = None
    resolved_by: OptionalText = None
    resolved_at: OptionalText = None
    source: dict[str, Any] = Field(default_factory=dict, exclude=True, repr=False)

    @field_validator("presentation", mode="before")
    @classmethod
    def _presentation(cls, value: Any) -> Any:
        return value if isinstance(value, dict | Presentation) else {"message": value}

    @field_validator("options", mode="before")
    @classmethod
    def _options(cls, value: Any) -> Any:
        """Options are strings, or objects with an id and a label."""
        if not isinstance(value, list | tuple):
            return ()
        return [_option(option) for option in value]

    @property
    def is_breakpoint(self) -> bool:
        return self.checkpoint_type == BREAKPOINT

    @property
    def is_pending(self) -> bool:
        return self.status == PENDING

    @property
    def title(self) -> str:
        """The shortest thing that says what is asked."""
        return self.presentation.title or self.prompt or self.presentation.message or self.checkpoint_type

    @property
    def question(self) -> str:
        """Everything that says what is asked, the title excepted."""
        parts = (self.presentation.message, self.prompt)
        return "\n".join(dict.fromkeys(part for part in parts if part and part != self.title))

    @property
    def created(self) -> int | None:
        """When it began to wait, in microseconds since 1970."""
        return timestamps.parse(self.created_at)

    @property
    def expires(self) -> int | None:
        """Its deadline, in microseconds since 1970. Enforced with a delay of minutes (API §3)."""
        return timestamps.parse(self.expires_at)


class CheckpointPage(Wire):
    """One page of checkpoints."""

    checkpoints: tuple[Checkpoint, ...]
    next_cursor: str | None = None


def read_checkpoint(body: bytes) -> Checkpoint:
    """The checkpoint in `body`. Raises ValueError where there is none."""
    return _checkpoint(unwrap(parse(body)))


def read_checkpoint_page(body: bytes) -> CheckpointPage:
    """The page in `body`, whichever wrapper it wears. Raises ValueError where there is none."""
    inner = unwrap(parse(body))
    rows = inner.get("checkpoints") if isinstance(inner, dict) else None
    if not isinstance(rows, list):
        raise ValueError("the answer has no list of checkpoints")
    return CheckpointPage(
        checkpoints=tuple(_checkpoint(row) for row in rows if isinstance(row, dict) and row.get("id")),
        next_cursor=cursor(inner),
    )


def _checkpoint(value: Any) -> Checkpoint:
    if not isinstance(value, dict):
        raise ValueError("the answer is no checkpoint")
    try:
        return Checkpoint.model_validate(value | {"source": value})
    except ValidationError as error:
        raise ValueError(f"a checkpoint without {error.errors()[0]['loc'][0]}") from error


def _option(value: Any) -> Any:
    if isinstance(value, dict):
        identity = value.get("id", value.get("value", value.get("label", "")))
        return value | {"id": identity}
    return value if isinstance(value, Option) else {"id": value}
