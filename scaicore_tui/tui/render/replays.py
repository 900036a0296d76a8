"""Replays: what is known about the run to replay, and which run is a replay of which. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from msgspec import Struct

from scaicore_tui.actions import Submission
from scaicore_tui.runs import Run
from scaicore_tui.text import display_name, one_line


class Relation(NamedTuple):
    """A fact about a run and its replays: ("replay of", run id), or ("replayed", "as " and run id)."""

    name: str
    value: str


class ReplaySource(Struct, frozen=True):
    """A run to replay. `entity_id` is the JSON value in its start event; None if there is none."""

    run: Run
    entity_id: Any = None

    @property
    def entity(self) -> str:
        """The entity id if it is a text that can be shown and edited unchanged; else empty."""
        value = self.entity_id
        return value if isinstance(value, str) and value == one_line(value).strip() else ""


def find_replay_source(run: Run) -> ReplaySource:
    """Return `run` with the entity id from its start event."""
    return ReplaySource(run, None if run.start is None else run.start.payload.get("entity_id"))


def replay_relations(submissions: Iterable[Submission], execution_id: str) -> list[Relation]:
    """Return the run that this run is a replay of, and the replays of this run, oldest first."""
    relations: list[Relation] = []
    for sent in submissions:
        if not sent.is_replay or sent.execution_id is None:
            continue
        likely = " (likely)" if sent.is_likely_match else ""
        if sent.execution_id == execution_id:
            relations.append(Relation("replay of", f"{display_name(sent.target_id)}{likely}"))
        elif sent.target_id == execution_id:
            relations.append(Relation("replayed", f"as {display_name(sent.execution_id)}{likely}"))
    return relations
