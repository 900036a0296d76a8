"""Why the screen is not live, in words: what failed, what is kept, what to press. Pure; every moment is given."""

from __future__ import annotations

from scaicore_tui.runs.words import age
from scaicore_tui.session import Part
from scaicore_tui.tui.link_words import Standing

SILENCE = "no answer for three intervals"


def trouble(standing: Standing) -> str:
    """What is wrong, with both parts of what is read or with one of them; or else what it is good to know.

    Empty where all is well.
    """
    link = standing.link
    events, checkpoints = (_why(standing, part) for part in link.parts)
    if not events and not checkpoints:
        return standing.journal_trouble or standing.ledger_problem or _clocks(standing) or standing.unread
    if events == checkpoints:
        waiting = f" and {_checkpoints(standing)}" if standing.checkpoint_count else ""
        return _joined(events, f"{_events(standing)}{waiting} kept", standing)
    told = [
        _of_one("events", events, link.events.age(standing.now), _events(standing)),
        _of_one("checkpoints", checkpoints, _age_of_checkpoints(standing), _checkpoints(standing)),
    ]
    return _joined(" · ".join(filter(None, told)), "" if events and checkpoints else "the rest is live", standing)


def _why(standing: Standing, part: Part) -> str:
    """Why a part of what is shown is old; empty where it is not, or where nobody wants to know."""
    if part.error is not None:
        return str(part.error)
    is_silent = part.answered_at is not None and standing.link.is_old(part, standing.now)
    return SILENCE if is_silent and not standing.link.paused else ""


def _age_of_checkpoints(standing: Standing) -> float | None:
    """How old the oldest of those that are kept is: of many pages the first one is read most often."""
    known, oldest_at = standing.link.checkpoints.age(standing.now), standing.oldest_checkpoint_at
    return known if known is None or oldest_at is None else max(known, standing.now - oldest_at)


def _of_one(name: str, why: str, known: float | None, kept: str) -> str:
    """What is wrong with one part, and how old what is shown of it is."""
    return f"{name}: {why} · {'none was read' if known is None else f'{kept} kept, {age(known)} old'}" if why else ""


def _joined(why: str, kept: str, standing: Standing) -> str:
    tries = f"{standing.link.failures} tries failed" if standing.link.failures > 1 else ""
    way_out = "" if standing.link.paused else "r tries now"
    return " · ".join(part for part in (why, kept, tries, way_out) if part)


def _events(standing: Standing) -> str:
    return f"{standing.event_count:,} events"


def _checkpoints(standing: Standing) -> str:
    return f"{standing.checkpoint_count:,} waiting"


def _clocks(standing: Standing) -> str:
    """The server's clock and ours differ so much that ages would be wrong."""
    link = standing.link
    if not link.is_skewed:
        return ""
    side = "behind" if link.skew > 0 else "ahead of"
    return f"this machine's clock is {age(abs(link.skew))} {side} the server's: ages are told by the server's"
