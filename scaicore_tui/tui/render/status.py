"""What the status bar says: of the connection, the counts and the feed. Pure; every moment is given.

It must never make data look fresher than it is.
"""

from __future__ import annotations

from math import floor, log10

from msgspec import Struct

from scaicore_tui.config.target import Color
from scaicore_tui.runs import RunStatus
from scaicore_tui.runs.status_style import RUN_STYLES
from scaicore_tui.session import ConnectionState, ConnectionStatus, PendingStatus, SourceStatus
from scaicore_tui.text import one_line
from scaicore_tui.timefmt import format_age, format_duration
from scaicore_tui.tui.render.line import STRONG, Span, badge, length

SILENCE = "no answer for three intervals"


def problem_text(standing: StatusModel) -> str:
    """What is wrong, with both parts of what is read or with one of them; or else what it is good to know.

    Empty where all is well.
    """
    link = standing.connection
    events, checkpoints = (_why(standing, part) for part in link.sources)
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


def _why(standing: StatusModel, part: SourceStatus) -> str:
    """Why a part of what is shown is old; empty where it is not, or where nobody wants to know."""
    if part.error is not None:
        return str(part.error)
    is_silent = part.answered_at is not None and standing.connection.is_stale(part, standing.now)
    return SILENCE if is_silent and not standing.connection.paused else ""


def _age_of_checkpoints(standing: StatusModel) -> float | None:
    """How old the oldest of those that are kept is: of many pages the first one is read most often."""
    known, oldest_at = standing.connection.checkpoints.age(standing.now), standing.oldest_checkpoint_at
    return known if known is None or oldest_at is None else max(known, standing.now - oldest_at)


def _of_one(name: str, why: str, known: float | None, kept: str) -> str:
    """What is wrong with one part, and how old what is shown of it is."""
    return (
        f"{name}: {why} · {'none was read' if known is None else f'{kept} kept, {format_age(known)} old'}"
        if why
        else ""
    )


def _joined(why: str, kept: str, standing: StatusModel) -> str:
    tries = f"{standing.connection.failures} tries failed" if standing.connection.failures > 1 else ""
    way_out = "" if standing.connection.paused else "r tries now"
    return " · ".join(part for part in (why, kept, tries, way_out) if part)


def _events(standing: StatusModel) -> str:
    return f"{standing.event_count:,} events"


def _checkpoints(standing: StatusModel) -> str:
    return f"{standing.checkpoint_count:,} waiting"


def _clocks(standing: StatusModel) -> str:
    """The server's clock and ours differ so much that ages would be wrong."""
    link = standing.connection
    if not link.is_skewed:
        return ""
    side = "behind" if link.clock_skew > 0 else "ahead of"
    return (
        f"this machine's clock is {format_age(abs(link.clock_skew))} {side} the server's: ages are told by the server's"
    )


# An answer may take so many seconds before it is worth a word.
OVERDUE = 1.0
# A token that lasts only so many seconds more is somebody's business.
TOKEN_SOON = 600.0

# A listing of so many pages is repeated less often than its first page, whose age the status bar tells.
MANY_PAGES = 2

# The theme has no violet: that is its accent.
_INKS = {Color.VIOLET: "accent"}

_SIGNS = {
    ConnectionState.CONNECTING: ("·", "grey"),
    ConnectionState.LIVE: ("●", "green"),
    ConnectionState.PAUSED: ("‖", "amber"),
    ConnectionState.STALE: ("?", "amber"),
    ConnectionState.OFFLINE: ("✗", "red"),
}


class StatusModel(Struct, frozen=True):
    """All that the status bar tells. `now` is monotonic seconds, as the moments of `link` are.

    It is told anew after `pace` seconds at the latest. Offline `recorded_for` is the age of the newest event that was
    recorded, in seconds. `color` is what the name stands on, where its profile says that; `token_left` is how many
    seconds the token has, where it says so, and `token_renews` whether another one follows.
    `oldest_checkpoint_at` is when the checkpoint that was read longest ago was true, in monotonic seconds.
    `unread` is what of the server's pages was not read, and why.
    """

    connection: ConnectionStatus
    now: float
    name: str
    core: str | None
    read_only: bool
    counts: dict[RunStatus, int]
    event_count: int
    checkpoint_count: int = 0
    oldest_checkpoint_at: float | None = None
    unreadable: int = 0
    journal_trouble: str = ""
    ledger_problem: str = ""
    pace: int = 1
    recorded_for: float | None = None
    color: Color | None = None
    token_left: float | None = None
    token_renews: bool = False
    unread: str = ""

    @property
    def state(self) -> ConnectionState:
        return self.connection.state(self.now)


def connection_spans(standing: StatusModel, room: int | None = None) -> list[Span]:
    """State, age of what is shown, next try; the last in fewer words where there is not `room` for all of them."""
    if standing.recorded_for is not None:
        return [("▪ offline", "amber strong"), (f": {recording_text(standing)}", "amber")]
    sign, colour = _SIGNS[standing.state]
    known = standing.connection.age(standing.now)
    pieces: list[Span] = [(f"{sign} {standing.state}", colour + STRONG)]
    if known is not None:
        pieces.append((f" {_known(known, standing.pace)}", colour))
    pieces.append((" · ", "grey"))
    left = None if room is None else room - length(pieces)
    return [*pieces, (next_poll_text(standing, left), "grey")]


def recording_text(standing: StatusModel) -> str:
    """What is shown where nothing is asked for, and how old it is at the least."""
    newest = "no event" if not standing.event_count else f"newest event {format_age(standing.recorded_for or 0.0)} ago"
    return f"journal of {one_line(standing.name, 24)}, {newest}"


def _known(seconds: float, pace: int) -> str:
    """The age of what is shown. Where it stands for a while, what it will not exceed until it is told anew."""
    return format_age(seconds) if pace == 1 else f"<{format_age((seconds // pace + 2) * pace)}"


def next_poll_text(standing: StatusModel, room: int | None = None) -> str:
    """When the next answer is asked for, or what all requests go to meanwhile; in so many cells, if it can be."""
    link = standing.connection
    if link.paused:
        return "p resumes"
    if link.held_until is not None and link.held_until > standing.now:
        return f"rate limit, next {format_age(link.held_until - standing.now)}"
    if link.behind is not None:
        return backfill_text(link.behind)
    left = None if link.next_at is None else link.next_at - standing.now
    if left is None or left < -OVERDUE:
        return "asking"
    # While all is well one count is enough: what changes every second is sent every second.
    return poll_interval(link, room) if standing.state is ConnectionState.LIVE else f"next {format_age(left)}"


def poll_interval(link: ConnectionStatus, room: int | None) -> str:
    """How often is polled, and the rate limit where that makes it less often than was asked for."""
    if link.limit is None:
        return f"every {format_age(link.interval)}"
    seconds = f"every {link.effective_interval:g} s"
    forms = (link.interval_note, f"{seconds}: limit {link.limit:,}/min", seconds)
    return next((words for words in forms if room is None or len(words) <= room), seconds)


def backfill_text(behind: int) -> str:
    """How much lies between what is shown and the newest that was known before: an estimate, in two digits."""
    if not behind:
        return "catching up"
    step = 10 ** max(0, len(str(behind)) - 2)
    return f"catching up, {'~' if step > 1 else ''}{round(behind / step) * step:,} behind"


def pending_count(count: int, status: PendingStatus, now: float, patience: float, *, is_listing: bool) -> str:
    """How many checkpoints are pending, at `now` in monotonic seconds. Of many pages, whether all were read, and how
    long ago that was at most, once it is longer than a single page may be without being called stale: `patience`."""
    is_whole = not status.cut_short and (status.is_listed or not is_listing)
    total = f"{count:,}" if is_whole else f"{count:,}+"
    is_one_page = is_whole and status.pages < MANY_PAGES
    known = 0.0 if status.oldest_at is None or is_one_page else now - status.oldest_at
    return total if known <= patience else f"{total}, {'all' if is_whole else 'some'} read {format_age(known)} ago"


def count_spans(standing: StatusModel) -> list[Span]:
    """How many runs wait, failed, and run; a zero stays quiet."""
    pieces: list[Span] = []
    for status in (RunStatus.WAITING, RunStatus.FAILED, RunStatus.RUNNING):
        count = standing.counts.get(status, 0)
        colour = RUN_STYLES[status].colour + STRONG if count else "grey"
        pieces += [(f"{count:,}", colour), (f" {status}  ", "grey")]
    return pieces


def feed_spans(standing: StatusModel) -> list[Span]:
    """What was read: latency, events in all and of the last poll; what can't be read, and answers that were dropped
    because they came too late."""
    if standing.recorded_for is not None:
        return [(f"{standing.event_count:,} events", "grey")]
    link, latency = standing.connection, standing.connection.events.latency_ms
    told = f"~{format_duration(_about(latency))}" if latency is not None else "–"
    pieces: list[Span] = [(f"{told} · {standing.event_count:,} events", "grey"), (f" +{link.new_events}", "grey")]
    if standing.unreadable:
        pieces.append((f" · {standing.unreadable:,} unreadable", "amber"))
    if link.stale_dropped:
        pieces.append((f" · {link.stale_dropped} late dropped", "amber"))
    return pieces


def _about(value: float) -> float:
    """The nearest of 1, 2, 5, 10, 20, …: what is measured anew with each poll should rarely look different."""
    size: float = 10 ** floor(log10(max(1.0, value)))
    return min((size * step for step in (1, 2, 5, 10)), key=lambda near: abs(log10(max(1.0, value) / near)))


def name_span(name: str, color: Color | None, width: int | None = None) -> Span:
    """What the session is called, on the colour of its profile."""
    shown = one_line(name, width)
    return (shown, "accent strong") if color is None else badge(shown, _INKS.get(color, str(color)))


def token_spans(standing: StatusModel) -> list[Span]:
    """How long the token lasts: loud where it runs out soon and no other follows, or where it has."""
    left = standing.token_left
    if left is None:
        return []
    if left <= 0:
        return [(" · ", "grey"), ("token ran out", "red strong")]
    is_soon = left <= TOKEN_SOON and not standing.token_renews
    return [(f" · token {format_age(left)}", "amber" if is_soon else "grey")]


def filter_spans(standing: StatusModel) -> list[Span]:
    """The Core filter, whether writing is off, and what is left of the token."""
    pieces: list[Span] = [(one_line(standing.core, 24) if standing.core else "all cores", "grey")]
    if standing.read_only:
        pieces.append((" · read-only", "amber"))
    return pieces + token_spans(standing)
