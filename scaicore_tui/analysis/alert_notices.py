"""The notices about incidents, as they are sent: rule, counts, times and links, never a payload. Pure.

Core and node ids, statuses and ids of runs are all that comes from outside, as values of the JSON alone: neither `text`
nor the environment of a command has them, except encoded in a link.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NotRequired, TypedDict

from scaicore_tui.analysis.alert_incidents import Change, Incident
from scaicore_tui.analysis.alert_rules import Match, Rule
from scaicore_tui.config.alerts import MAX_COUNT
from scaicore_tui.runs.deep_link import DeepLink
from scaicore_tui.text import one_line
from scaicore_tui.timefmt import MICROS_PER_SECOND, format_age, format_iso
from scaicore_tui.units import Micros

MAX_ITEMS = 10
VARIABLE = "SCAICORE_TUI_ALERT"
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


class ItemDocument(TypedDict):
    """A run or a checkpoint that counts. `status` of a checkpoint is its type; `at` its deadline."""

    link: str | None
    core_id: str | None
    node_id: str | None
    status: str | None
    at: str | None


class NoticeDocument(TypedDict):
    """One notice."""

    rule: str
    state: str
    incident: str
    text: str
    profile: str
    count: int
    limit: int
    window_s: float | None
    deadline_s: float | None
    since: str | None
    at: str | None
    link: str | None
    items: list[ItemDocument]
    test: NotRequired[bool]


def notice_document(
    rule: Rule, change: Change, incident: Incident, matches: Sequence[Match], now: Micros, profile: str
) -> NoticeDocument:
    """Return the document about `matches`, the newest or most urgent first. `incident` is the oldest of those meant."""
    items = [_item(match, profile) for match in matches[:MAX_ITEMS]]
    return {
        "rule": rule.name,
        "state": change.value,
        "incident": _incident_id(rule, incident, profile),
        "text": f"alert {rule.name}: {_sentence(rule, change, incident, len(matches), now)}",
        "profile": profile,
        "count": len(matches),
        "limit": rule.count,
        "window_s": None if rule.deadline is not None else rule.window / MICROS_PER_SECOND,
        "deadline_s": None if rule.deadline is None else rule.deadline / MICROS_PER_SECOND,
        "since": format_iso(incident.began_at),
        "at": format_iso(now),
        "link": next((item["link"] for item in items if item["link"] is not None), None),
        "items": items,
    }


def notice_line(document: NoticeDocument) -> bytes:
    """Return a notice as one line of JSON, in ASCII."""
    return json.dumps(document).encode()


def notice_variables(document: NoticeDocument) -> Mapping[str, str]:
    """Return the environment variables of a command that is run for a notice."""
    values = {
        "": document["rule"],
        "_STATE": document["state"],
        "_INCIDENT": document["incident"],
        "_TEXT": document["text"],
        "_PROFILE": one_line(document["profile"]),
        "_COUNT": str(document["count"]),
        "_LIMIT": str(document["limit"]),
        "_SINCE": document["since"] or "",
        "_LINK": document["link"] or "",
    }
    return {f"{VARIABLE}{name}": value for name, value in values.items()}


def _sentence(rule: Rule, change: Change, incident: Incident, count: int, now: Micros) -> str:
    age = format_age((now - incident.began_at) / MICROS_PER_SECOND)
    if change is Change.RESOLVED:
        return f"over after {age}"
    number = f"{count:,}{' or more' if count >= MAX_COUNT else ''}"
    if rule.deadline is not None:
        what = f"the deadline of {number} checkpoint{'' if count == 1 else 's'} is within {_span(rule.deadline)}"
    else:
        what = f"{number} run{'' if count == 1 else 's'} in {_span(rule.window)}, limit {rule.count:,}"
    return what if change is Change.FIRED else f"{what}, for {age} now"


def _span(micros: Micros) -> str:
    """Return a time such as `90m`, in the largest unit that needs no fraction."""
    seconds = micros // MICROS_PER_SECOND
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return f"{seconds // size}{unit}"


def _item(match: Match, profile: str) -> ItemDocument:
    link = None if match.execution_id is None else str(DeepLink(match.execution_id, profile, match.node_id))
    return {
        "link": link,
        "core_id": match.core_id,
        "node_id": match.node_id,
        "status": match.status,
        "at": format_iso(match.at),
    }


def _incident_id(rule: Rule, incident: Incident, profile: str) -> str:
    """Return an id that is the same in all notices about an incident, and that no other incident has."""
    source = json.dumps([profile, rule.name, rule.digest, incident.began_at])
    return sha256(source.encode()).hexdigest()[:16]
