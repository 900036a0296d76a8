"""What all screens share: the session to read from, notices, begun answers; and which keys are dead, and why.

Reads the session and never awaits it: that is the bridge's.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.actions import Progress, Submission, latest_by_target
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import Gap, GapRow, Run, missing_events_note
from scaicore_tui.session import Session, Update
from scaicore_tui.text import one_line
from scaicore_tui.timefmt import to_seconds
from scaicore_tui.tui.notices import Notice, Notices, progress_colour, submission_notice
from scaicore_tui.tui.render.inbox import ResolvedCheckpoints, by_urgency, latest_first
from scaicore_tui.tui.render.line import Span
from scaicore_tui.tui.render.replays import Relation, ReplaySource, find_replay_source, replay_relations
from scaicore_tui.tui.render.status import StatusModel, name_span, pending_count


class Draft(Struct):
    """What a person chose and typed for one checkpoint, or for several."""

    resolution: str | None = None
    comment: str = ""


class ReplayDraft(Struct):
    """What a person typed for the replay of one run; None where it is still what the run itself tells."""

    text: str | None = None
    entity_id: str | None = None


class Drafts:
    """What was begun, by what it is for; empty at first."""

    def __init__(self) -> None:
        self._answers: dict[str, Draft] = {}
        self._several: dict[str, Draft] = {}
        self._replays: dict[str, ReplayDraft] = {}

    def answer(self, checkpoint_id: str) -> Draft:
        """What was begun for that checkpoint by itself."""
        return self._answers.setdefault(checkpoint_id, Draft())

    def batch(self, checkpoint_ids: Sequence[str]) -> Draft:
        """What was begun for these together, or for some of them: marking one more loses nothing."""
        begun = (self._several[key] for key in checkpoint_ids if key in self._several)
        draft = next(begun, Draft())
        self._several |= dict.fromkeys(checkpoint_ids, draft)
        return draft

    def replay(self, execution_id: str) -> ReplayDraft:
        """What was begun for the replay of that run."""
        return self._replays.setdefault(execution_id, ReplayDraft())

    def discard(self, target_id: str) -> None:
        """It was taken: there is nothing to go on with."""
        for begun in (self._answers, self._several, self._replays):
            begun.pop(target_id, None)


# A run tells of its start among so many of its first events, or not at all.
START_SEARCH_EVENTS = 2_000
_CLOSED_REASONS = {
    Progress.ACCEPTED: "its answer was accepted: waiting for the run to move",
    Progress.CONFIRMED: "it was answered, and that is confirmed",
    Progress.CONFLICT: "it was answered already",
}
_SHOWN_REPLAY_PROGRESS = (
    Progress.SENDING,
    Progress.NOT_SENT,
    Progress.REFUSED,
    Progress.UNKNOWN,
    Progress.NOT_RECEIVED,
)


class AppState:
    """Shared by the screens of one session. `name` is what the status bar calls it, `pace` the seconds of a tick."""

    def __init__(self, session: Session, name: str, pace: int = 1) -> None:
        self.session = session
        self.name = name
        self.tick_s = pace
        self.notices = Notices()
        self.drafts = Drafts()
        self.marked: set[str] = set()
        self.resolved = ResolvedCheckpoints()
        self.finished_batches: dict[tuple[str, ...], str] = {}
        self._lost = self._closed_gaps()

    @property
    def read_only(self) -> bool:
        return self.session.target.read_only

    @property
    def offline(self) -> bool:
        """Whether a journal is shown, and nothing asked for."""
        return self.session.target.offline

    @property
    def protected(self) -> bool:
        """Whether what is written is typed out first."""
        return self.session.target.protected and not self.read_only

    @property
    def now(self) -> float:
        """What time it is, in seconds since 1970."""
        return self.session.now

    def status(self) -> StatusModel:
        """How things stand, for the status bar."""
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
        """How many checkpoints are pending, and whether that is all of them."""
        session = self.session
        count, now = len(session.checkpoints), session.clock.monotonic()
        patience = session.connection.stale_after
        return pending_count(count, session.pending_status, now, patience, is_listing=session.is_listing)

    def name_spans(self, colour: str = "text strong") -> Sequence[Span]:
        """What the session is called, behind what is about to be written to it."""
        ground = self.session.target.color
        if ground is None:
            return [(f" · {one_line(self.name)}", colour)]
        return [(" ", "text"), name_span(self.name, ground)]

    def notify(self, words: str, colour: str = "text", *, key: str = "said", sticky: bool = False) -> None:
        """Say something, in place of what was last said about `key`."""
        self.notices.add(Notice(words, colour, key, sticky, self.session.clock.monotonic()))

    def tick(self) -> None:
        """A second passed: what was accepted has waited longer for its run to move, and notices go."""
        now = self.session.clock.monotonic()
        for submission in self.session.submissions:
            if submission.progress is Progress.ACCEPTED:
                self.notices.replace(submission_notice(submission, now))
        self.notices.expire(now)

    def apply(self, update: Update) -> None:
        """Tell what came of a write; a draft and a mark are over once the answer was taken."""
        if update.checkpoints:
            self.marked &= {checkpoint.id for checkpoint in self.session.checkpoints}
        if update.gaps:
            self._tell_gaps()
        submission = update.submission
        if submission is None:
            return
        self.notices.add(submission_notice(submission, self.session.clock.monotonic()))
        if submission.progress in _CLOSED_REASONS:
            self.drafts.discard(submission.target_id)
            self.marked.discard(submission.target_id)

    def notify_other_session(self, name: str, submission: Submission) -> None:
        """Tell what came of a write of a session that was left."""
        notice = submission_notice(submission, self.session.clock.monotonic())
        self.notices.add(replace(notice, words=f"{one_line(name)}: {notice.text}", sticky=True, group_by=""))

    def set_resolved(self, checkpoints: tuple[Checkpoint, ...], trouble: str) -> None:
        """Keep what was read of the answered ones; what was read before stays where nothing came."""
        if trouble:
            self.resolved = replace(self.resolved, trouble=trouble)
        else:
            self.resolved = ResolvedCheckpoints(latest_first(checkpoints), self.session.clock.monotonic())

    @property
    def is_pending_known(self) -> bool:
        """Whether it was ever read what waits: that nothing is listed says nothing before, nor of what was recorded."""
        if self.offline:
            return bool(self.session.checkpoints)
        return self.session.connection.checkpoints.answered_at is not None

    @property
    def pending(self) -> tuple[Checkpoint, ...]:
        """What waits, the most urgent first."""
        return by_urgency(self.session.checkpoints)

    def toggle_mark(self, checkpoint_id: str) -> None:
        """Mark a checkpoint to be answered with others, or take the mark away."""
        self.marked ^= {checkpoint_id}

    def begin_batch(self, checkpoint_ids: tuple[str, ...]) -> None:
        """Answers to these are about to go out, one after the other."""
        self.finished_batches.pop(checkpoint_ids, None)

    def end_batch(self, checkpoint_ids: tuple[str, ...], words: str) -> None:
        """No more of them go out; `words` say why, where some did not."""
        self.finished_batches[checkpoint_ids] = words

    def checkpoint_of(self, run: Run | None) -> Checkpoint | None:
        """The checkpoint at which `run` waits; the oldest, where there are more."""
        pending = self.session.checkpoints
        return next((row for row in pending if run is not None and row.execution_id == run.execution_id), None)

    def replay_source(self, run: Run) -> ReplaySource:
        """What is known of `run` as one to replay."""
        return find_replay_source(run, islice(self.session.events(run.execution_id), START_SEARCH_EVENTS))

    def replay_relations(self, execution_id: str) -> list[Relation]:
        """The replays that this run came of, or that came of it."""
        return replay_relations(self.session.submissions, execution_id)

    def missing_events(self, execution_id: str) -> str:
        """What to say of a run that has events missing, or may have; empty where it can't."""
        book = self.session.index
        summary = book.summaries.get(execution_id)
        return "" if summary is None else missing_events_note(summary, book.gaps, self.now)

    def why_not_replay(self, run: Run | None, *, given_input: bool) -> str | None:
        """Why it can't be invoked again, with its captured input or with a given one."""
        return self.session.why_not_replay(run, given_input=given_input)

    def progress(self) -> dict[str, Span]:
        """How far the answer to each checkpoint got: the word, and its colour."""
        return {target: _mark(submission) for target, submission in self._answers().items()}

    def replay_progress(self) -> dict[str, Span]:
        """What there is to say, at the run, of its replay: that it is on its way, or that it may not have arrived."""
        replays = (sent for sent in self.session.submissions if sent.is_replay)
        latest = latest_by_target(replays).items()
        return {
            target: _mark(submission) for target, submission in latest if submission.progress in _SHOWN_REPLAY_PROGRESS
        }

    def why_not_answer(self, checkpoint: Checkpoint | None, resolution: str | None = None) -> str | None:
        """Why it can't be answered. An accepted answer is never sent again while the feed catches up."""
        answered = self._latest_answer(checkpoint)
        if answered is not None and answered.progress in _CLOSED_REASONS:
            return _CLOSED_REASONS[answered.progress]
        if checkpoint is not None and self.session.checkpoint(checkpoint.id) is None:
            return "it is no longer pending: answered elsewhere, or expired"
        return self.session.why_not_answer(checkpoint.id if checkpoint else None, resolution)

    def why_not_in_batch(self, checkpoint: Checkpoint) -> str | None:
        """Why it can't be answered with others."""
        if self.is_outcome_unknown(checkpoint):
            return "whether an earlier answer to it arrived is not known: answer it by itself"
        return self.why_not_answer(checkpoint)

    def why_not_continue(self, checkpoint: Checkpoint | None) -> str | None:
        """Why it can't be continued by one key."""
        answered = self._latest_answer(checkpoint)
        if answered is not None and answered.is_unknown:
            return "whether it was continued is not known: it is looked up"
        if self.session.checkpoint(checkpoint.id if checkpoint else "") is None:
            return self.session.why_not_continue(None)
        return self.session.why_not_continue(checkpoint.id if checkpoint else None) or self.why_not_answer(checkpoint)

    def is_outcome_unknown(self, checkpoint: Checkpoint) -> bool:
        """Whether an answer to it was sent that seems not to have arrived."""
        answered = self._latest_answer(checkpoint)
        return answered is not None and answered.progress is Progress.NOT_RECEIVED

    def _tell_gaps(self) -> None:
        """Say once of what was lost that it was, until that is dismissed: its row may be far out of sight."""
        known, self._lost = self._lost, self._closed_gaps()
        for row in (GapRow(0, [gap]) for after, gap in self._lost.items() if after not in known):
            words = f"{row.label(self.now, 0)}: events lost to retention"
            self.notify(words, "amber", key=words, sticky=True)

    def _closed_gaps(self) -> dict[int, Gap]:
        return {gap.after: gap for gap in self.session.index.gaps if not gap.is_open}

    def _latest_answer(self, checkpoint: Checkpoint | None) -> Submission | None:
        return self._answers().get(checkpoint.id) if checkpoint is not None else None

    def _answers(self) -> dict[str, Submission]:
        """The answer that says how each checkpoint stands."""
        return latest_by_target(sent for sent in self.session.submissions if not sent.is_replay)


def _mark(submission: Submission) -> Span:
    text = f"replay {submission.progress_text}" if submission.is_replay else submission.progress_text
    return text, progress_colour(submission.progress)
