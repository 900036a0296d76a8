"""Seeded chance and the ids that follow from it; it keeps no state, so nothing depends on who asks first."""

from __future__ import annotations

import random
import secrets


def dice(*parts: object) -> random.Random:
    """A generator that depends on `parts` alone: the same in every process, whatever was drawn elsewhere."""
    return random.Random("/".join(map(str, parts)))  # noqa: S311 -- simulation, not secrets


def seeded_id(prefix: str, *parts: object) -> str:
    """`prefix_` and twelve hex digits that follow from `parts`."""
    return f"{prefix}_{dice(prefix, *parts).getrandbits(48):012x}"


def request_id() -> str:
    """A fresh id of one HTTP request."""
    return f"req_{secrets.token_hex(6)}"
