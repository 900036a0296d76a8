"""Answers that were begun: they survive a refusal, and leaving the dialog."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Draft:
    """What a person chose and typed for one checkpoint."""

    resolution: str | None = None
    comment: str = ""
