"""Units of whole numbers, as names for signatures."""

from __future__ import annotations

from typing import TypeAlias

# A time: microseconds since 1970 UTC.
Micros: TypeAlias = int
# The place of an event in the journal. The feed's order: older events have lower positions, which may be negative.
Position: TypeAlias = int
