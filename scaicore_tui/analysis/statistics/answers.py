"""The times that people take to answer checkpoints, by type and assignee; those that expired are apart."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.analysis.statistics.histogram import exact_quantile
from scaicore_tui.analysis.steps import PERSON_KINDS
from scaicore_tui.protocol.checkpoints import BREAKPOINT, Checkpoint
from scaicore_tui.protocol.events import Event
from scaicore_tui.runs.model import NodeVisit, Run
from scaicore_tui.runs.reduce import apply
from scaicore_tui.timefmt import MICROS_PER_SECOND, parse
from scaicore_tui.units import Micros

# A checkpoint is created while its node is entered; the clocks of the two servers may differ by this much.
MAX_SKEW_MICROS = 60 * MICROS_PER_SECOND
EXPIRED = "expired"
_MICROS_PER_MS = 1_000


class Asked(Struct, frozen=True):
    """A checkpoint that was put to a person.

    Attributes:
        closed_at: when it was closed; None if that is unknown.
        is_open: it was not closed so far as is known.
        is_expired: it was closed by its deadline and not by a person.
    """

    id: str
    core_id: str | None
    execution_id: str | None
    checkpoint_type: str
    assignee: str
    created_at: Micros
    expires_at: Micros | None = None
    closed_at: Micros | None = None
    is_open: bool = False
    is_expired: bool = False


class AnswerFigures(Struct, frozen=True):
    """Checkpoints of one type and assignee; the durations are exact, over those `timed`: answered at a known time."""

    checkpoint_type: str
    assignee: str
    asked: int
    answered: int
    expired: int
    pending: int
    timed: int
    p50_ms: float | None
    p95_ms: float | None

    @property
    def expired_share(self) -> float:
        """The share of the closed ones that expired, from 0 to 1."""
        closed = self.answered + self.expired
        return self.expired / closed if closed else 0.0


def asked_of(row: Checkpoint) -> Asked | None:
    """Return a checkpoint as the API lists it; None if it does not say when it was created."""
    created = row.created
    if created is None:
        return None
    return Asked(
        row.id,
        row.core_id,
        row.execution_id,
        row.checkpoint_type,
        row.assignee_raw or "",
        created,
        row.expires,
        parse(row.resolved_at),
        is_open=row.is_pending,
        is_expired=row.status == EXPIRED,
    )


def closed_by_events(asked: Asked, events: Iterable[Event], now: Micros) -> Asked:
    """Return `asked` with the time at which it was closed, as far as the events of its run tell.

    That is the end of the visit of a node that waits for people, which contains its creation; for a breakpoint, the
    next event of the run. An answer at or after the deadline is the work of the deadline: the server closes it a few
    minutes late (API §3). Without such a visit, it is open if it was pending at the last poll (`is_open`).
    """
    is_open, closed_at = asked.is_open, None
    run = Run(asked.execution_id or "")
    for event in events:
        apply(run, event)
        is_next = event.at is not None and event.at > asked.created_at
        if closed_at is None and is_next and asked.checkpoint_type.casefold() == BREAKPOINT:
            is_open, closed_at = False, event.at
    visit = _waiting_visit(asked, run)
    if visit is not None:
        is_open, closed_at = visit.is_open and not run.is_over, visit.ended_at
    at = closed_at if closed_at is not None else now
    is_expired = asked.expires_at is not None and at >= asked.expires_at and (closed_at is not None or is_open)
    return replace(asked, closed_at=closed_at, is_open=is_open and not is_expired, is_expired=is_expired)


def answer_figures(rows: Iterable[Asked]) -> list[AnswerFigures]:
    """Return the figures by type and assignee, those asked most often first."""
    groups: dict[tuple[str, str], list[Asked]] = {}
    for row in rows:
        groups.setdefault((row.checkpoint_type, row.assignee), []).append(row)
    found = [_figures(kind, assignee, members) for (kind, assignee), members in groups.items()]
    return sorted(found, key=lambda row: (-row.asked, row.checkpoint_type, row.assignee))


def _figures(kind: str, assignee: str, rows: list[Asked]) -> AnswerFigures:
    answered = [row for row in rows if not row.is_open and not row.is_expired]
    durations = [
        max(0, row.closed_at - row.created_at) / _MICROS_PER_MS for row in answered if row.closed_at is not None
    ]
    return AnswerFigures(
        checkpoint_type=kind,
        assignee=assignee,
        asked=len(rows),
        answered=len(answered),
        expired=sum(row.is_expired for row in rows),
        pending=sum(row.is_open for row in rows),
        timed=len(durations),
        p50_ms=exact_quantile(durations, 0.5),
        p95_ms=exact_quantile(durations, 0.95),
    )


def _waiting_visit(asked: Asked, run: Run) -> NodeVisit | None:
    """Return the visit in which the checkpoint was created: of several, the one entered closest to that."""
    found = [
        visit
        for node in run.nodes.values()
        if node.block_kind in PERSON_KINDS
        for visit in node.visits
        if visit.entered_at is not None
        and visit.entered_at <= asked.created_at + MAX_SKEW_MICROS
        and (visit.ended_at is None or visit.ended_at >= asked.created_at - MAX_SKEW_MICROS)
    ]
    return min(found, key=lambda visit: abs((visit.entered_at or 0) - asked.created_at), default=None)
