"""The rows of the store as plain values, independent of SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypedDict, TypeVar

from scaicore_tui.servers.grid.timestamps import format_timestamp, format_timestamp_or_none

Row = TypeVar("Row")


class Positioned(NamedTuple, Generic[Row]):
    """A row with its position in its table."""

    position: int
    row: Row


class Event(TypedDict):
    """One event of the feed, as the API returns it."""

    type: str
    core_id: str
    timestamp: str
    payload: dict[str, Any]


@dataclass(frozen=True)
class Execution:
    """One run of one Core. The `root_id` of a sub-flow's run is the run that started it all.

    `status` is `running`, `suspended`, `completed` or `failed`. `origin` is `traffic` or `api`.
    """

    id: str
    core_id: str
    root_id: str
    origin: str
    entry: str
    status: str
    started_at: float
    instance_key: str | None
    input: Mapping[str, Any]
    output: Any = None
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Checkpoint:
    """A paused run's request for a person. `body` has the fields that are only shown, never searched."""

    id: str
    core_id: str
    execution_id: str
    status: str
    created_at: float
    expires_at: float | None = None
    body: Mapping[str, Any] = field(default_factory=dict)

    def option_ids(self) -> list[str]:
        """Return the resolutions that it accepts."""
        return [str(option["id"]) if isinstance(option, Mapping) else str(option) for option in self.body["options"]]

    def as_row(self) -> dict[str, Any]:
        """Return the checkpoint as the API shows it."""
        return {
            "id": self.id,
            "core_id": self.core_id,
            "execution_id": self.execution_id,
            "status": self.status,
            **self.body,
            "created_at": format_timestamp(self.created_at),
            "expires_at": format_timestamp_or_none(self.expires_at),
        }


@dataclass(frozen=True)
class Step:
    """The state of one step; `state` is `entered`, `exited`, `failed` or `noted`."""

    path: str
    state: str
    value: Any
