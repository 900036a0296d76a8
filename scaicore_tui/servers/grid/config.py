"""The settings of one embedded ScaiGrid. Reads no environment and no file."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


def _demo_tokens() -> dict[str, str]:
    return {f"sgk_demo_{secrets.token_hex(12)}": role for role in ("manager", "viewer")}


@dataclass(frozen=True)
class GridConfig:
    """The settings of a grid. Raises ValueError for an invalid `rate` or `speed`.

    `db` is the SQLite file; None for a database in memory. `rate` is in runs per minute; 0 for no traffic. `tokens`
    maps bearer tokens to the roles of `http.auth`. `speed` divides every simulated latency. While `max_runs` are
    executing or suspended, no more can be invoked.
    """

    db: Path | None = None
    seed: int = 7
    rate: float = 6.0
    rate_limits: bool = True
    tokens: Mapping[str, str] = field(default_factory=_demo_tokens, repr=False)
    history: bool = True
    speed: float = 1.0
    max_runs: int = 500

    def __post_init__(self) -> None:
        if not 0 <= self.rate < math.inf:
            raise ValueError(f"rate must be 0 or more runs a minute, not {self.rate}")
        if not 0 < self.speed < math.inf:
            raise ValueError(f"speed must be more than 0, not {self.speed}")
