"""Seeded randomness, and the ids derived from it. Stateless, so no result depends on the order of the calls."""

from __future__ import annotations

import random


def seeded_random(*parts: object) -> random.Random:
    """Return a generator that depends on `parts` alone: the same in every process."""
    return random.Random("/".join(map(str, parts)))  # noqa: S311 -- simulation, not secrets


def seeded_id(prefix: str, *parts: object) -> str:
    """Return `prefix_` and twelve hex digits that depend on `parts` alone."""
    return f"{prefix}_{seeded_random(prefix, *parts).getrandbits(48):012x}"
