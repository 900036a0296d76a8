"""The description of one change: the only thing that travels from the journal to the screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from scaicore_tui.protocol.checkpoints import Checkpoint
from scaicore_tui.protocol.events import Event
from scaicore_tui.runs.gaps import Gap
from scaicore_tui.runs.model import RunStatus
from scaicore_tui.runs.summary import Summary
from scaicore_tui.units import Position


class Delta(Struct, frozen=True):
    """One change. A delta without content says that only the connection status changed.

    The thread that writes the journal makes one for each commit; the index applies it, which sets the status of its
    summaries, and the session publishes the same object.

    Attributes:
        upserted: the new summaries of the runs that changed, by id.
        removed: ids of the runs that were deleted from the journal.
        vacated: positions at which no run begins any more: of removed runs, and of runs that gained older events.
        loaded: positions of stored runs by status, which are known from now on, without their summaries.
        gaps: all gaps, oldest first, if they changed; else None.
        checkpoints: all pending checkpoints, if they changed; else None.
        event_count: number of events that were added; negative if events were deleted.
        unreadable_count: how many of them could not be read completely.
        events: those that were appended as the newest of the feed.
        last_position: the position of the newest of `events`; None if events were inserted elsewhere.
        live_event_counts: number of new events per run, only for `events`.
        is_history: the events were stored before, or are older than all others: they do not count as live.
        is_loaded: the runs were only loaded from the journal, or deleted from it: many such deltas may follow.
    """

    upserted: Mapping[str, Summary] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    vacated: Sequence[Position] = ()
    loaded: Mapping[RunStatus, Iterable[Position]] = field(default_factory=dict)
    gaps: Sequence[Gap] | None = None
    checkpoints: Sequence[Checkpoint] | None = None
    event_count: int = 0
    unreadable_count: int = 0
    events: Sequence[Event] = ()
    last_position: Position | None = None
    live_event_counts: Mapping[str, int] = field(default_factory=Counter)
    is_history: bool = True
    is_loaded: bool = False

    @property
    def has_runs(self) -> bool:
        """True if it changed runs, or the gaps between them."""
        return bool(self.upserted or self.removed or self.loaded) or self.gaps is not None

    def concerns(self, execution_id: str) -> bool:
        """Return True if it may change what is shown of a run: its events, or the gaps they are in."""
        return execution_id in self.upserted or execution_id in self.removed or self.gaps is not None

    def then(self, later: Delta) -> Delta:
        """Return one delta to publish for this and the `later` one, both of which were applied."""
        if not (self.has_runs or self.vacated or self.checkpoints is not None):
            return later
        return replace(
            later,
            upserted={**self.upserted, **later.upserted},
            removed=self.removed | later.removed,
            vacated=[*self.vacated, *later.vacated],
            gaps=self.gaps if later.gaps is None else later.gaps,
            checkpoints=self.checkpoints if later.checkpoints is None else later.checkpoints,
            # What is live in either is to be noticed.
            is_history=self.is_history and later.is_history,
        )
