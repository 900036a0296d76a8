"""Replays: what a run tells that is to be replayed, and which run came of which. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from scaicore_tui.actions import Submission
from scaicore_tui.protocol import Event
from scaicore_tui.protocol.events import STARTED
from scaicore_tui.runs import Run
from scaicore_tui.text import display_name, one_line

# What one run is to another, and that other: `replay of` and an id, or `replayed` and `as` an id.
Relation = tuple[str, str]


class ReplaySource(Struct, frozen=True):
    """A run to replay. `entity_id` is what its start told, whatever that is; None where it told none."""

    run: Run
    entity_id: Any = None

    @property
    def entity(self) -> str:
        """The entity, where it is a text that can be shown and edited as it is; else empty."""
        told = self.entity_id
        return told if isinstance(told, str) and told == one_line(told).strip() else ""


def find_replay_source(run: Run, events: Iterable[Event]) -> ReplaySource:
    """What the `events` of `run` tell of its start."""
    started = next((event for event in events if event.type == STARTED), None)
    return ReplaySource(run, started.payload.get("entity_id") if started is not None else None)


def replay_relations(submissions: Iterable[Submission], execution_id: str) -> list[Relation]:
    """The replays that this run came of, or that came of it, oldest first."""
    found: list[Relation] = []
    for sent in submissions:
        if not sent.is_replay or sent.execution_id is None:
            continue
        likely = " (likely)" if sent.is_likely_match else ""
        if sent.execution_id == execution_id:
            found.append(("replay of", f"{display_name(sent.target_id)}{likely}"))
        elif sent.target_id == execution_id:
            found.append(("replayed", f"as {display_name(sent.execution_id)}{likely}"))
    return found
