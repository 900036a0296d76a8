"""The state that all screens of a session share: notices, drafts, marks, and why an action is not possible.

Reads the session and never awaits it; only the bridge does that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.actions import Progress, Submission, gate, latest_by_target
from scaicore_tui.actions.gate import CLOSED_REASONS
from scaicore_tui.actions.shared_writes import describe, holds_claim, is_done, progress_of
from scaicore_tui.analysis.checkpoint_order import in_inbox_order, latest_first
from scaicore_tui.analysis.review_form import asked_words
from scaicore_tui.config.views import SavedView
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import Delta, Gap, GapRow, Run, Summary, gaps_within, missing_events_note
from scaicore_tui.session import Session, TeamDelta, submission_of
from scaicore_tui.text import one_line, quote
from scaicore_tui.timefmt import to_seconds
from scaicore_tui.tui.key_contexts import KeyAction, KeyContext
from scaicore_tui.tui.keymap import actions_in
from scaicore_tui.tui.notices import (
    MAX_SUBJECT_CELLS,
    Notice,
    Notices,
    progress_colour,
    progress_words,
    submission_notice,
)
from scaicore_tui.tui.query_history import History
from scaicore_tui.tui.render.inbox import ResolvedCheckpoints
from scaicore_tui.tui.render.line import Span
from scaicore_tui.tui.render.replays import Relation, replay_relations
from scaicore_tui.tui.render.status import StatusModel, name_span, pending_count

if TYPE_CHECKING:
    # Loaded with the first hints: the first screen appears sooner.
    from scaicore_tui.analysis.slow_hints import SlowHint
    from scaicore_tui.analysis.statistics.figures import NodeFigures
    from scaicore_tui.session.replay_batch import ReplayBatch


class Draft(Struct):
    """The option and comment entered for one checkpoint, or for a batch."""

    resolution: str | None = None
    comment: str = ""


class ReplayDraft(Struct):
    """The input and entity entered for the replay of one run; None where the run's own value is unchanged."""

    text: str | None = None
    entity_id: str | None = None


class Drafts:
    """Unsent text by its target. A missing draft is created empty."""

    def __init__(self) -> None:
        self._answers: dict[str, Draft] = {}
        self._batches: dict[str, Draft] = {}
        self._replays: dict[str, ReplayDraft] = {}

    def answer(self, checkpoint_id: str) -> Draft:
        """Return the draft for a single checkpoint."""
        return self._answers.setdefault(checkpoint_id, Draft())

    def batch(self, checkpoint_ids: Sequence[str]) -> Draft:
        """Return the shared draft of a batch; it is reused when the batch grows."""
        existing = (self._batches[key] for key in checkpoint_ids if key in self._batches)
        draft = next(existing, Draft())
        self._batches |= dict.fromkeys(checkpoint_ids, draft)
        return draft

    def replay(self, execution_id: str) -> ReplayDraft:
        """Return the draft for the replay of a run."""
        return self._replays.setdefault(execution_id, ReplayDraft())

    def discard(self, target_id: str) -> None:
        """Remove all drafts for a target, once a write to it was accepted."""
        for drafts in (self._answers, self._batches, self._replays):
            drafts.pop(target_id, None)


# So many runs can be marked: each of them can become a write.
MAX_MARKED_RUNS = 100
SENDING_MARK: Span = ("sending…", progress_colour(Progress.SENDING))
QUEUED_MARK: Span = ("to be sent…", progress_colour(Progress.SENDING))
_SHOWN_REPLAY_PROGRESS = (
    Progress.SENDING,
    Progress.NOT_SENT,
    Progress.REFUSED,
    Progress.UNKNOWN,
    Progress.NOT_RECEIVED,
)


class AppState:
    """The state shared by the screens of one session.

    `name` is the session's name in the status bar; `tick_s` is the interval at which ages are refreshed.
    """

    def __init__(self, session: Session, name: str, tick_s: int = 1) -> None:
        self.session = session
        self.name = name
        self.tick_s = tick_s
        self.notices = Notices()
        self.drafts = Drafts()
        self.marked: set[str] = set()
        # The ids of the marked runs, in the order in which they were marked.
        self.marked_runs: dict[str, None] = {}
        # The replays of marked runs that were sent last, or are being sent; None if there were none.
        self.replays: ReplayBatch | None = None
        self.resolved = ResolvedCheckpoints()
        # The queries used before, and the views of the configuration by name.
        self.query_history, self.checkpoint_history = History(), History()
        self.views: Mapping[str, SavedView] = {}
        self.finished_batches: dict[tuple[str, ...], str] = {}
        # Answers that were confirmed and are not submissions yet: of a batch, each waits for the one before.
        self._queued: dict[str, Span] = {}
        self._reported_gaps = self._closed_gaps()

    @property
    def read_only(self) -> bool:
        return self.session.target.read_only

    @property
    def offline(self) -> bool:
        """True if only a journal is shown, and nothing is fetched."""
        return self.session.target.offline

    @property
    def protected(self) -> bool:
        """True if each write must be confirmed by typing a word."""
        return self.session.target.protected and not self.read_only

    @property
    def now(self) -> float:
        """The time in seconds since 1970."""
        return self.session.now

    def status(self) -> StatusModel:
        """Return the values that the status bar shows."""
        session, newest_at = self.session, self.session.recorded_through
        return StatusModel(
            connection=session.connection,
            now=session.clock.monotonic(),
            name=self.name,
            core=session.target.core,
            read_only=self.read_only,
            counts=dict(session.index.counts),
            event_count=session.index.event_count,
            checkpoint_count=len(session.checkpoints),
            oldest_checkpoint_at=session.pending_status.oldest_at,
            unreadable=session.unreadable_count,
            journal_problem=session.journal_problem,
            ledger_problem=session.ledger_problem,
            tick_s=self.tick_s,
            recording_age_s=None if newest_at is None else self.now - to_seconds(newest_at),
            color=session.target.color,
            token_left_s=session.token.seconds_left,
            is_token_renewable=session.token.is_renewable,
            unread_note=" · ".join(session.unread_reasons),
        )

    def pending_count(self) -> str:
        """Return the number of pending checkpoints as text, with a note if the listing is incomplete or old."""
        session = self.session
        count, now = len(session.checkpoints), session.clock.monotonic()
        stale_after_s = session.connection.stale_after
        return pending_count(count, session.pending_status, now, stale_after_s, is_listing=session.is_listing)

    def name_spans(self, colour: str = "text strong") -> Sequence[Span]:
        """Return the name of the session, to stand behind the description of a write."""
        background = self.session.target.color
        if background is None:
            return [(f" · {one_line(self.name)}", colour)]
        return [(" ", "text"), name_span(self.name, background)]

    def add_notice(self, text: str, colour: str = "text", *, key: str = "message", sticky: bool = False) -> None:
        """Add a notice, in place of the last one with the same `key`."""
        self.notices.add(Notice(text, colour, key, sticky, self.session.clock.monotonic()))

    def tick(self) -> None:
        """Refresh the ages in notices, and remove expired ones."""
        now = self.session.clock.monotonic()
        for submission in self.session.submissions:
            if submission.progress is Progress.ACCEPTED:
                self.notices.replace(submission_notice(submission, now))
        self.notices.expire(now)

    def apply(self, delta: Delta) -> None:
        """Notify about gaps and writes, and remove the draft and mark of an accepted answer."""
        if delta.checkpoints is not None:
            self.marked &= {checkpoint.id for checkpoint in delta.checkpoints}
        if delta.gaps is not None:
            self._notify_lost_events()
        if isinstance(delta, TeamDelta):
            self._notify_of_others(delta)
        submission = submission_of(delta)
        if submission is None:
            return
        self._queued.pop(submission.target_id, None)
        if submission.is_replay and submission.sent_at is not None:
            self.marked_runs.pop(submission.target_id, None)
        # Replays of marked runs are reported together.
        if self.replays is None or not self.replays.owns(submission):
            self.notices.add(submission_notice(submission, self.session.clock.monotonic()))
        if submission.progress in CLOSED_REASONS:
            self.drafts.discard(submission.target_id)
            self.marked.discard(submission.target_id)

    def notify_other_session(self, name: str, submission: Submission) -> None:
        """Notify about the progress of a write of the parked session `name`."""
        notice = submission_notice(submission, self.session.clock.monotonic())
        self.notices.add(replace(notice, text=f"{one_line(name)}: {notice.text}", sticky=True, group_by=""))

    def set_resolved(self, checkpoints: tuple[Checkpoint, ...], problem: str) -> None:
        """Replace the resolved checkpoints; with a `problem`, keep the old ones and add it."""
        if problem:
            self.resolved = replace(self.resolved, problem=problem)
        else:
            self.resolved = ResolvedCheckpoints(latest_first(checkpoints), self.session.clock.monotonic())

    @property
    def is_pending_known(self) -> bool:
        """True if the pending checkpoints were read; only then does an empty list mean that there are none.

        A journal records checkpoints only if there were any, so an empty list says nothing offline.
        """
        if self.offline:
            return bool(self.session.checkpoints)
        return self.session.connection.checkpoints.answered_at is not None

    @property
    def pending(self) -> tuple[Checkpoint, ...]:
        """The pending checkpoints, in the order of the inbox."""
        return in_inbox_order(self.session.checkpoints, self.now)

    def toggle_mark(self, checkpoint_id: str) -> None:
        """Mark a checkpoint to be answered together with others, or remove its mark."""
        self.marked ^= {checkpoint_id}

    def set_replays(self, batch: ReplayBatch) -> None:
        """Note the replays of marked runs; once all have ended, add a notice with the number of each verdict."""
        from scaicore_tui.tui.render.replay_rows import are_all_good, finished_text

        self.replays = batch
        if batch.is_finished:
            is_good = are_all_good(batch)
            self.add_notice(finished_text(batch), "green" if is_good else "amber", key="replays", sticky=not is_good)

    def marked_partner(self, run: Summary) -> Summary | None:
        """Return the run to compare a run with: the only other one that is marked, if it is known."""
        others = [key for key in self.marked_runs if key != run.execution_id]
        return self.session.index.get(others[0]) if len(others) == 1 else None

    def toggle_run_mark(self, execution_id: str) -> bool:
        """Mark a run to do something with all marked ones, or remove its mark; return False if too many are marked."""
        if execution_id in self.marked_runs:
            del self.marked_runs[execution_id]
        elif len(self.marked_runs) < MAX_MARKED_RUNS:
            self.marked_runs[execution_id] = None
        else:
            return False
        return True

    def allowed_actions(
        self, context: KeyContext, writes: gate.WriteContext, run: Run | None, checkpoint: Checkpoint | None
    ) -> list[KeyAction]:
        """Return the actions of a key context, without those that the gate does not allow on what is selected."""
        actions = actions_in(context, read_only=self.read_only)
        return [action for action in actions if _is_allowed(action.id, writes, run, checkpoint)]

    def begin_answer(self, checkpoint_id: str) -> None:
        """Record that an answer is being sent: its row says so from the key press on."""
        self._queued[checkpoint_id] = SENDING_MARK

    def is_sending(self, checkpoint_id: str) -> bool:
        """Return whether an answer was confirmed that is not a submission yet."""
        return checkpoint_id in self._queued

    def begin_batch(self, checkpoint_ids: tuple[str, ...]) -> None:
        """Record that answers to these checkpoints are being sent, one by one."""
        self.finished_batches.pop(checkpoint_ids, None)
        self._queued |= dict.fromkeys(checkpoint_ids, QUEUED_MARK)

    def end_batch(self, checkpoint_ids: tuple[str, ...], stop_reason: str) -> None:
        """Record that no more of these answers are sent; `stop_reason` says why some were not, if so."""
        self.finished_batches[checkpoint_ids] = stop_reason
        for checkpoint_id in checkpoint_ids:
            self._queued.pop(checkpoint_id, None)

    def checkpoint_of(self, run: Run | None) -> Checkpoint | None:
        """Return the checkpoint at which `run` waits: the oldest, if there are several."""
        pending = self.session.checkpoints
        return next((row for row in pending if run is not None and row.execution_id == run.execution_id), None)

    def replay_relations(self, execution_id: str) -> list[Relation]:
        """Return the runs that this run is a replay of, and the replays of this run."""
        return replay_relations(self.session.submissions, execution_id)

    def missing_events(self, execution_id: str) -> str:
        """Return a note about events of a run that are or may be missing; empty if none can be."""
        index = self.session.index
        summary = index.get(execution_id)
        return "" if summary is None else missing_events_note(summary, index.gaps, self.now)

    def gaps_within(self, execution_id: str) -> Sequence[Gap]:
        """Return the gaps in which a run may have events."""
        index = self.session.index
        summary = index.get(execution_id)
        return () if summary is None else gaps_within(summary, index.gaps)

    def slow_hints(self, run: Run, figures: Mapping[str, NodeFigures]) -> Sequence[SlowHint]:
        """Return the hints that a run takes longer than usual; `figures` are those of the nodes of its Core."""
        from scaicore_tui.analysis.slow_hints import slow_hints

        has_gap = bool(self.gaps_within(run.execution_id))
        return slow_hints(run, figures, self.session.known_until, has_gap=has_gap)

    def progress(self) -> dict[str, Span]:
        """Return the progress of the latest answer by checkpoint id, or what others do with the checkpoint."""
        answers = self.answers()
        marks = {target: _mark(submission) for target, submission in answers.items()}
        for row in self.session.checkpoints:
            words = self.session.others_words(row.id)
            if words and (row.id not in answers or not holds_claim(answers[row.id].progress)):
                marks[row.id] = words, self._others_colour(row.id)
        return marks | self._queued

    def others_spans(self, checkpoint_id: str) -> Iterator[Span]:
        """Yield what others do with a checkpoint that is about to be answered, as a sentence."""
        if words := self.session.others_words(checkpoint_id):
            yield f"{words}. ", "amber"

    def _others_colour(self, checkpoint_id: str) -> str:
        write = self.session.write_of_other(checkpoint_id)
        return "amber" if write is None else progress_colour(progress_of(write))

    def _notify_of_others(self, delta: TeamDelta) -> None:
        """Notify about checkpoints that are shown as waiting, and that somebody else has answered."""
        for row in self.session.checkpoints:
            write = self.session.write_of_other(row.id) if row.id in delta.targets else None
            if write is not None and is_done(write):
                text = f"{describe(write)} · {quote(asked_words(row), MAX_SUBJECT_CELLS)}"
                now, key = self.session.clock.monotonic(), f"other {row.id}"
                self.notices.add(Notice(text, self._others_colour(row.id), key, shown_at=now, group_by="by others"))

    def answers(self) -> dict[str, Submission]:
        """Return the latest answer by checkpoint id."""
        return latest_by_target(sent for sent in self.session.submissions if not sent.is_replay)

    def replay_progress(self) -> dict[str, Span]:
        """Return the progress of the latest replay by run id, if it is being sent or may not have arrived."""
        replays = (sent for sent in self.session.submissions if sent.is_replay)
        latest = latest_by_target(replays).items()
        return {
            target: _mark(submission) for target, submission in latest if submission.progress in _SHOWN_REPLAY_PROGRESS
        }

    def _notify_lost_events(self) -> None:
        """Notify once about each new closed gap: its row may be far out of sight."""
        reported, self._reported_gaps = self._reported_gaps, self._closed_gaps()
        for row in (GapRow(0, [gap]) for after, gap in self._reported_gaps.items() if after not in reported):
            text = f"{row.label(self.now, 0)}: events lost to retention"
            self.add_notice(text, "amber", key=text, sticky=True)

    def _closed_gaps(self) -> dict[int, Gap]:
        return {gap.after: gap for gap in self.session.index.gaps if not gap.is_open}


def _mark(submission: Submission) -> Span:
    text = f"replay {submission.progress_text}" if submission.is_replay else progress_words(submission)
    return text, progress_colour(submission.progress)


def _is_allowed(action_id: str, writes: gate.WriteContext, run: Run | None, checkpoint: Checkpoint | None) -> bool:
    """Return whether an action can act. A run that is still being loaded can likely be replayed: it soon is."""
    if action_id == "answer":
        return gate.why_not_answer(writes, checkpoint) is None
    if action_id == "continue":
        return gate.why_not_continue(writes, checkpoint) is None
    if action_id == "replay":
        return run is not None and (run.is_loading or gate.why_not_replay(writes, run) is None)
    return True
