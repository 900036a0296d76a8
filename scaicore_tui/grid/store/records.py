"""The rows as the rest of the grid sees them: plain values, which know nothing of SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from scaicore_tui.grid.stamps import stamp, stamp_or_none


class Event(TypedDict):
    """One entry of the feed, as it goes over the wire."""

    type: str
    core_id: str
    timestamp: str
    payload: dict[str, Any]


@dataclass(frozen=True)
class Execution:
    """One run of one Core; a sub-flow's has another run as its root.

    `status` is `running`, `suspended`, `completed` or `failed`. `origin` tells `traffic` from calls of the `api`.
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
    """A place where a run waits for an answer; `body` holds the fields that are shown and never searched by."""

    id: str
    core_id: str
    execution_id: str
    status: str
    created_at: float
    expires_at: float | None = None
    body: Mapping[str, Any] = field(default_factory=dict)

    def option_ids(self) -> list[str]:
        """The resolutions it takes."""
        return [str(option["id"]) if isinstance(option, Mapping) else str(option) for option in self.body["options"]]

    def as_row(self) -> dict[str, Any]:
        """The checkpoint as it goes over the wire."""
        return {
            "id": self.id,
            "core_id": self.core_id,
            "execution_id": self.execution_id,
            "status": self.status,
            **self.body,
            "created_at": stamp(self.created_at),
            "expires_at": stamp_or_none(self.expires_at),
        }
