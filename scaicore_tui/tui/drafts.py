"""Answers and replays that were begun: they survive a refusal, and leaving the dialog."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Draft:
    """What a person chose and typed for one checkpoint."""

    resolution: str | None = None
    comment: str = ""


@dataclass
class ReplayDraft:
    """What a person typed for the replay of one run; None where it is still what the run itself tells."""

    text: str | None = None
    entity_id: str | None = None
