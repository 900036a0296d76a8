"""Saved views: the tables `[views.NAME]` of the configuration file, and the orders and groupings that they may name."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Sort(StrEnum):
    """An order of runs: times and numbers from the largest down, texts from A to Z."""

    STARTED = "started"
    CHANGED = "changed"
    DURATION = "duration"
    EVENTS = "events"
    CORE = "core"
    STATUS = "status"


class Grouping(StrEnum):
    """A fact by which runs are grouped."""

    ERROR = "error"
    VARIANT = "variant"
    CORE = "core"
    NODE = "node"
    STATUS = "status"


class SavedView(Struct, forbid_unknown_fields=True, frozen=True):
    """A query with a name, and how its runs are ordered and grouped."""

    query: str = ""
    sort: Sort | None = None
    group: Grouping | None = None
