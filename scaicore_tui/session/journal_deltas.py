"""Turn what a viewer read from a journal into deltas, and apply them to its index: as if its own poll had brought them.

Runs that only gained events at the end of the feed keep what is in memory of them, and the events are applied to it.
Runs whose histories changed in another way are forgotten, and read again when they are shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from scaicore_tui.protocol import Event
from scaicore_tui.runs import Delta, RunIndex, Summary
from scaicore_tui.store.changes import Changes, Content, JournalState, Known


class _Gained(Struct, frozen=True):
    """The gain of a run in memory: `is_rebuilt` if its history changed otherwise than at its end."""

    is_rebuilt: bool
    live_count: int


def known_by(index: RunIndex, state: JournalState | None) -> Known:
    """Return what a viewer knows that has read a state of the journal, or none yet."""
    if state is None:
        return Known()
    last = -1 if index.last_position is None else index.last_position
    newest = index.gaps[-1] if index.gaps else None
    is_top_open = newest is not None and newest.next_at is None and newest.next_execution is None
    return Known(
        state.revision, state.lineage, last, index.runs.held_ids | index.followed_ids, index.followed_ids, is_top_open
    )


def apply_content(index: RunIndex, content: Content, asked: Collection[str]) -> Delta:
    """Replace all that is known by what was read. `asked` are the runs whose summaries were asked for."""
    index.set_pending(content.pending)
    index.apply(_gained_by_followed(index, content.summaries))
    index.gaps, index.event_count = content.gaps, content.state.event_count
    index.last_position = content.last_position
    delta = index.replace_all(content.positions, content.changes, content.summaries)
    return Delta(
        delta.upserted,
        frozenset(asked) - delta.upserted.keys(),
        delta.vacated,
        delta.loaded,
        content.gaps,
        content.pending,
        is_loaded=True,
    )


def _gained_by_followed(index: RunIndex, summaries: Sequence[Summary]) -> Delta:
    """Return the delta by which followed runs gained events; not those whose begin moved, which gained history."""
    olds = ((summary, index.get(summary.execution_id)) for summary in summaries)
    kept = [summary for summary, old in olds if old is not None and old.position == summary.position]
    followed = {one.execution_id: one for one in kept if one.execution_id in index.followed_ids}
    return Delta(followed, is_history=False)


def apply_changes(index: RunIndex, known: Known, changes: Changes) -> list[Delta]:
    """Apply what changed but the pending checkpoints; return the deltas to publish."""
    in_memory, event_counts = index.runs.held_ids | index.followed_ids, Counter(e.execution_id for e in changes.events)
    gained = {
        summary.execution_id: _gained(index, summary, known, changes, event_counts[summary.execution_id])
        for summary in changes.summaries
        if summary.execution_id in in_memory
    }
    appended, rebuilt = dict[str, Summary](), dict[str, Summary]()
    for summary in changes.summaries:
        key = summary.execution_id
        is_rebuilt = key in gained and gained[key].is_rebuilt
        (rebuilt if is_rebuilt or key not in changes.live else appended)[key] = summary
    deltas = [
        index.apply(Delta(rebuilt, changes.removed, changes.vacated, gaps=changes.gaps)),
        # Also those that were rebuilt: their live events count.
        index.apply(_appended(appended | rebuilt, changes, gained)),
    ]
    index.event_count = changes.state.event_count
    _forget_inexact(index, appended)
    return [delta for delta in deltas if delta.has_runs or delta.vacated]


def _gained(index: RunIndex, summary: Summary, known: Known, changes: Changes, appended_count: int) -> _Gained:
    """Return what a run in memory gained; `appended_count` are its events at the end of the feed, with repeats."""
    key = summary.execution_id
    old = index.get(key)
    if old is None or key not in known.watched:
        return _Gained(is_rebuilt=True, live_count=0)
    is_moved, more = old.position != summary.position, summary.event_count - old.event_count
    new = changes.new_counts.get(key, 0)
    # What was inserted is new as well if it filled a gap; at the begin of a run it is history.
    inserted = 0 if is_moved else max(0, more - new)
    return _Gained(is_moved or more != appended_count, new + inserted)


def _appended(summaries: Mapping[str, Summary], changes: Changes, gained: Mapping[str, _Gained]) -> Delta:
    """Return the delta of the events at the end of the feed."""
    live = {key: summary for key, summary in summaries.items() if key in changes.live}
    # A run may have left the memory since its events were asked for.
    extended = {key for key, one in gained.items() if not one.is_rebuilt}
    events: Sequence[Event] = [event for event in changes.events if event.execution_id in extended]
    counts = Counter({key: one.live_count for key, one in gained.items() if key in live})
    return Delta(live, events=events, last_position=changes.last_position, live_event_counts=counts, is_history=False)


def _forget_inexact(index: RunIndex, appended: Mapping[str, Summary]) -> None:
    """Forget the complete runs in memory that do not have as many events as their summaries say."""
    counts = {key: index.runs.event_count(key) for key in appended}
    index.runs.forget([key for key, count in counts.items() if count not in (None, appended[key].event_count)])
