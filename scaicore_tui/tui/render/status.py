"""The text of the status bar: connection, counts, feed and problems. Pure; the time is passed in.

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
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import key_name
from scaicore_tui.tui.render.line import STRONG, Span, badge, line_width

NO_ANSWER = "no answer for three intervals"


def problem_text(model: StatusModel) -> str:
    """Return the problem with reading events or checkpoints; or else a less urgent one; empty if there is none."""
    link = model.connection
    events, checkpoints = (_source_problem(model, source) for source in link.sources)
    if not events and not checkpoints:
        return model.journal_problem or model.ledger_problem or _clocks(model) or model.unread_note
    if events == checkpoints:
        waiting = f" and {_checkpoints(model)}" if model.checkpoint_count else ""
        return _problem_line(events, f"{_events(model)}{waiting} kept", model)
    problems = [
        _labelled_problem("events", events, link.events.age(model.now), _events(model)),
        _labelled_problem("checkpoints", checkpoints, _checkpoint_age(model), _checkpoints(model)),
    ]
    rest = "" if events and checkpoints else "the rest is live"
    return _problem_line(" · ".join(filter(None, problems)), rest, model)


def _source_problem(model: StatusModel, source: SourceStatus) -> str:
    """Return why one source is old; empty if it is not, or if polling is paused."""
    if source.error is not None:
        return str(source.error)
    is_silent = source.answered_at is not None and model.connection.is_stale(source, model.now)
    return NO_ANSWER if is_silent and not model.connection.paused else ""


def _checkpoint_age(model: StatusModel) -> float | None:
    """Return the age of the oldest page of checkpoints in seconds: the first page is read more often than the rest."""
    known, oldest_at = model.connection.checkpoints.age(model.now), model.oldest_checkpoint_at
    return known if known is None or oldest_at is None else max(known, model.now - oldest_at)


def _labelled_problem(name: str, problem: str, age: float | None, kept: str) -> str:
    """Return the problem of one source with the age of the data that is shown; empty if there is no problem."""
    if not problem:
        return ""
    return f"{name}: {problem} · {'none read yet' if age is None else f'{kept} kept, {format_age(age)} old'}"


def _problem_line(problem: str, kept: str, model: StatusModel) -> str:
    tries = f"{model.connection.failures} tries failed" if model.connection.failures > 1 else ""
    hint = "" if model.connection.paused else f"{key_name('refresh_now', KeyContext.RUNS)} tries now"
    return " · ".join(part for part in (problem, kept, tries, hint) if part)


def _events(model: StatusModel) -> str:
    return f"{model.event_count:,} events"


def _checkpoints(model: StatusModel) -> str:
    return f"{model.checkpoint_count:,} waiting"


def _clocks(model: StatusModel) -> str:
    """Return a note if this machine's clock differs so much from the server's that ages would be wrong."""
    link = model.connection
    if not link.is_skewed:
        return ""
    side = "behind" if link.clock_skew > 0 else "ahead of"
    return (
        f"this machine's clock is {format_age(abs(link.clock_skew))} {side} the server's · ages use the server's clock"
    )


# A poll that is late by more than this is shown as being in progress.
OVERDUE_S = 1.0
# A token that expires within this time, and is not renewed, is highlighted.
TOKEN_EXPIRES_SOON_S = 600.0

# From this many pages on, the whole listing is read less often than its first page, whose age the status bar shows.
MANY_PAGES = 2

# Violet is the accent of the theme.
_COLOUR_NAMES = {Color.VIOLET: "accent"}

_GLYPHS = {
    ConnectionState.CONNECTING: ("·", "grey"),
    ConnectionState.LIVE: ("●", "green"),
    ConnectionState.PAUSED: ("‖", "amber"),
    ConnectionState.STALE: ("?", "amber"),
    ConnectionState.OFFLINE: ("✗", "red"),
}


class StatusModel(Struct, frozen=True):
    """The values of the status bar. `now` and the times in `connection` are in monotonic seconds.

    `tick_s`: the bar is refreshed at least this often.
    `recording_age_s`: age of the newest recorded event; None unless offline.
    `oldest_checkpoint_at`: when the page of checkpoints read longest ago was read, in monotonic seconds.
    `color`: background of the name, set by the profile.
    `token_left_s`: time until the token expires; None if the token does not say.
    `unread_note`: which of the server's pages were not read, and why.
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
    journal_problem: str = ""
    ledger_problem: str = ""
    tick_s: int = 1
    recording_age_s: float | None = None
    color: Color | None = None
    token_left_s: float | None = None
    is_token_renewable: bool = False
    unread_note: str = ""

    @property
    def state(self) -> ConnectionState:
        return self.connection.state(self.now)


def connection_spans(model: StatusModel, width: int | None = None) -> list[Span]:
    """Return connection state, age of the data and next poll; the last one is shortened to fit into `width` cells."""
    if model.recording_age_s is not None:
        return [("▪ offline", "amber strong"), (f": {recording_text(model)}", "amber")]
    glyph, colour = _GLYPHS[model.state]
    age = model.connection.age(model.now)
    spans: list[Span] = [(f"{glyph} {model.state}", colour + STRONG)]
    if age is not None:
        spans.append((f" {_age_text(age, model.tick_s)}", colour))
    spans.append((" · ", "grey"))
    left = None if width is None else width - line_width(spans)
    return [*spans, (next_poll_text(model, left), "grey")]


def recording_text(model: StatusModel) -> str:
    """Return which journal is shown offline, and the age of its newest event."""
    newest = "no event" if not model.event_count else f"newest event {format_age(model.recording_age_s or 0.0)} ago"
    return f"journal of {one_line(model.name, 24)}, {newest}"


def _age_text(age_s: float, tick_s: int) -> str:
    """Return the age of the data; with a slow tick, an upper bound that holds until the next refresh."""
    return format_age(age_s) if tick_s == 1 else f"<{format_age((age_s // tick_s + 2) * tick_s)}"


def next_poll_text(model: StatusModel, width: int | None = None) -> str:
    """Return when the next poll is due, or what delays it; shortened to `width` cells if possible."""
    link = model.connection
    if link.paused:
        return f"{key_name('pause', KeyContext.RUNS)} resumes"
    if link.held_until is not None and link.held_until > model.now:
        return f"rate limit, next {format_age(link.held_until - model.now)}"
    if link.behind is not None:
        return backfill_text(link.behind)
    if link.recorded_by and link.next_at is None:
        return one_line(f"by {link.recorded_by}", width)
    left = None if link.next_at is None else link.next_at - model.now
    if left is None or left < -OVERDUE_S:
        return "polling"
    # No countdown while live: text that changes every second is sent over the wire every second.
    return poll_interval(link, width) if model.state is ConnectionState.LIVE else f"next {format_age(left)}"


def poll_interval(link: ConnectionStatus, width: int | None) -> str:
    """Return the poll interval, with the rate limit if that makes it longer than configured."""
    if link.limit is None:
        return f"every {format_age(link.interval)}"
    seconds = f"every {link.effective_interval:g} s"
    forms = (link.interval_note, f"{seconds}: limit {link.limit:,}/min", seconds)
    return next((text for text in forms if width is None or len(text) <= width), seconds)


def backfill_text(behind: int) -> str:
    """Return how many events are still to be read, as an estimate with two digits."""
    if not behind:
        return "catching up"
    step = 10 ** max(0, len(str(behind)) - 2)
    return f"catching up, {'~' if step > 1 else ''}{round(behind / step) * step:,} behind"


def pending_count(count: int, status: PendingStatus, now: float, stale_after_s: float, *, is_listing: bool) -> str:
    """Return the number of pending checkpoints, with `+` if not all pages were read, at `now` in monotonic seconds.

    If there are several pages and the oldest was read more than `stale_after_s` ago, its age is added.
    """
    is_whole = not status.cut_short and (status.is_listed or not is_listing)
    total = f"{count:,}" if is_whole else f"{count:,}+"
    is_one_page = is_whole and status.pages < MANY_PAGES
    age = 0.0 if status.oldest_at is None or is_one_page else now - status.oldest_at
    return total if age <= stale_after_s else f"{total}, {'all' if is_whole else 'some'} read {format_age(age)} ago"


def count_spans(model: StatusModel) -> list[Span]:
    """Return the numbers of waiting, failed and running runs; zeros are grey."""
    spans: list[Span] = []
    for status in (RunStatus.WAITING, RunStatus.FAILED, RunStatus.RUNNING):
        count = model.counts.get(status, 0)
        colour = RUN_STYLES[status].colour + STRONG if count else "grey"
        spans += [(f"{count:,}", colour), (f" {status}  ", "grey")]
    return spans


def feed_spans(model: StatusModel) -> list[Span]:
    """Return the state of the feed: API latency, events in total and new ones, unreadable events, late responses."""
    if model.recording_age_s is not None:
        return [(f"{model.event_count:,} events", "grey")]
    link, latency = model.connection, model.connection.events.latency_ms
    rounded = f"~{format_duration(_round_125(latency))}" if latency is not None else "–"
    spans: list[Span] = [(f"{rounded} · {model.event_count:,} events", "grey"), (f" +{link.new_events}", "grey")]
    if model.unreadable:
        spans.append((f" · {model.unreadable:,} unreadable", "amber"))
    if link.stale_dropped:
        spans.append((f" · {link.stale_dropped} late dropped", "amber"))
    return spans


def _round_125(value: float) -> float:
    """Round to 1, 2, 5, 10, 20, …, so that a value measured with each poll rarely changes on the screen."""
    size: float = 10 ** floor(log10(max(1.0, value)))
    return min((size * step for step in (1, 2, 5, 10)), key=lambda near: abs(log10(max(1.0, value) / near)))


def name_span(name: str, color: Color | None, width: int | None = None) -> Span:
    """Return the name of the session on the colour of its profile."""
    shown = one_line(name, width)
    return (shown, "accent strong") if color is None else badge(shown, _COLOUR_NAMES.get(color, str(color)))


def token_spans(model: StatusModel) -> list[Span]:
    """Return the time until the token expires; highlighted if it expires soon and is not renewed, or has expired."""
    left = model.token_left_s
    if left is None:
        return []
    if left <= 0:
        return [(" · ", "grey"), ("token expired", "red strong")]
    is_soon = left <= TOKEN_EXPIRES_SOON_S and not model.is_token_renewable
    return [(f" · token {format_age(left)}", "amber" if is_soon else "grey")]


def filter_spans(model: StatusModel) -> list[Span]:
    """Return the Core filter, the read-only mark, and the time until the token expires."""
    spans: list[Span] = [(one_line(model.core, 24) if model.core else "all cores", "grey")]
    if model.read_only:
        spans.append((" · read-only", "amber"))
    return spans + token_spans(model)
