"""Incidents of alert rules: when one begins, is to be announced again, and is over. Pure: the time is passed in.

An incident begins when the condition of its rule holds, and is announced once. It is over when the condition has not
held for as long as the rule says, without a break: counts that go up and down around the limit are one incident.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.analysis.alert_rules import Rule
from scaicore_tui.units import Micros

# Of one rule. More checkpoints that are due at once are announced when others are not any more.
MAX_INCIDENTS = 1_000


class Change(StrEnum):
    """The kinds of notices about incidents."""

    FIRED = "fired"
    REMINDED = "reminded"
    RESOLVED = "resolved"


class Incident(Struct, frozen=True, omit_defaults=True):
    """One incident. Times are microseconds since 1970. `ended_at` is when the condition ended, None while it holds."""

    began_at: Micros
    notified_at: Micros
    ended_at: Micros | None = None


# By key: the id of a checkpoint, or an empty text.
Incidents = Mapping[str, Incident]


class Step(Struct, frozen=True):
    """The incidents after one evaluation, and the keys of those that changed."""

    incidents: Incidents
    changes: Mapping[Change, Collection[str]]


def advance(rule: Rule, incidents: Incidents, active: Collection[str], now: Micros, *, is_complete: bool) -> Step:
    """Return the incidents of a rule at `now`, when the condition holds for the keys `active`.

    Unless the data `is_complete`, nothing ends: what is missing may be among what was not read.
    """
    left: dict[str, Incident] = {}
    changes: dict[Change, list[str]] = {}
    holding = frozenset(active)
    for key, incident in incidents.items():
        after, change = _advance_one(rule, incident, now, holds=key in holding, is_complete=is_complete)
        if after is not None:
            left[key] = after
        if change is not None:
            changes.setdefault(change, []).append(key)
    new = [key for key in dict.fromkeys(active) if key not in incidents][: MAX_INCIDENTS - len(left)]
    if new:
        left |= {key: Incident(now, now) for key in new}
        changes[Change.FIRED] = new
    return Step(left, changes)


def _advance_one(
    rule: Rule, incident: Incident, now: Micros, *, holds: bool, is_complete: bool
) -> tuple[Incident | None, Change | None]:
    if holds:
        is_due = rule.remind is not None and now - incident.notified_at >= rule.remind
        notified_at = now if is_due else min(now, incident.notified_at)
        return Incident(min(now, incident.began_at), notified_at), Change.REMINDED if is_due else None
    if not is_complete:
        return incident, None
    ended_at = now if incident.ended_at is None else min(now, incident.ended_at)
    if now - ended_at >= rule.hold:
        return None, Change.RESOLVED
    return replace(incident, ended_at=ended_at), None
