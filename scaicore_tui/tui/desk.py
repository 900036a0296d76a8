"""What all screens share: the session to read from, notices, begun answers; and which keys are dead, and why.

Reads the session and never awaits it: that is the bridge's.
"""

from __future__ import annotations

from scaicore_tui.actions import Kind, Progress, Submission
from scaicore_tui.runs import Run
from scaicore_tui.session import Session, Update
from scaicore_tui.tui.drafts import Draft
from scaicore_tui.tui.link_words import Standing
from scaicore_tui.tui.notices import Notice, Notices, of_submission
from scaicore_tui.wire import Checkpoint

_DONE = {
    Progress.ACCEPTED: "its answer was accepted: waiting for the run to move",
    Progress.CONFIRMED: "it was answered, and the run moved on",
    Progress.CONFLICT: "it was answered already",
}


class Desk:
    """Shared by the screens of one session. `name` is what the status bar calls it."""

    def __init__(self, session: Session, name: str) -> None:
        self.session = session
        self.name = name
        self.notices = Notices()
        self.drafts: dict[str, Draft] = {}

    @property
    def read_only(self) -> bool:
        return self.session.target.read_only

    @property
    def now(self) -> float:
        """Wall clock, in seconds since 1970."""
        return self.session.clock.now()

    def standing(self) -> Standing:
        """How things stand, for the status bar."""
        session = self.session
        return Standing(
            link=session.link,
            now=session.clock.monotonic(),
            name=self.name,
            core=session.target.core,
            read_only=self.read_only,
            counts=dict(session.book.counts),
            event_count=session.book.event_count,
        )

    def say(self, words: str, colour: str = "text", *, key: str = "said", sticky: bool = False) -> None:
        """Say something, in place of what was last said about `key`."""
        self.notices.say(Notice(words, colour, key, sticky, self.session.clock.monotonic()))

    def take(self, update: Update) -> None:
        """Tell what came of a write; a draft is over once its answer was taken."""
        submission = update.submission
        if submission is None:
            return
        self.notices.say(of_submission(submission, self.session.clock.monotonic()))
        if submission.progress in _DONE:
            self.drafts.pop(submission.target_id, None)

    def pending_of(self, run: Run | None) -> Checkpoint | None:
        """The checkpoint at which `run` waits; the oldest, where there are more."""
        pending = self.session.checkpoints
        return next((row for row in pending if run is not None and row.execution_id == run.execution_id), None)

    def draft(self, checkpoint_id: str) -> Draft:
        """What was begun for that checkpoint; empty at first."""
        return self.drafts.setdefault(checkpoint_id, Draft())

    def marks(self) -> dict[str, str]:
        """How far the latest answer to each checkpoint got, in one word."""
        return {s.target_id: str(s.progress) for s in self.session.submitter.submissions if s.kind is not Kind.REPLAY}

    def why_not_answer(self, checkpoint: Checkpoint | None, resolution: str | None = None) -> str | None:
        """Why it can't be answered. An accepted answer is never sent again while the feed catches up."""
        answered = self._latest_answer(checkpoint)
        if answered is not None and answered.progress in _DONE:
            return _DONE[answered.progress]
        if checkpoint is not None and self.session.checkpoint(checkpoint.id) is None:
            return "it is no longer pending: answered elsewhere, or expired"
        return self.session.why_not_answer(checkpoint.id if checkpoint else None, resolution)

    def why_not_continue(self, checkpoint: Checkpoint | None) -> str | None:
        """Why it can't be continued by one key."""
        answered = self._latest_answer(checkpoint)
        if answered is not None and answered.progress is Progress.UNKNOWN:
            return "whether it was continued is not known: it is looked up. To send it once more, answer it (a)"
        if self.session.checkpoint(checkpoint.id if checkpoint else "") is None:
            return self.session.why_not_continue(None)
        return self.session.why_not_continue(checkpoint.id if checkpoint else None) or self.why_not_answer(checkpoint)

    def was_lost(self, checkpoint: Checkpoint) -> bool:
        """Whether an answer to it was sent whose outcome is unknown."""
        answered = self._latest_answer(checkpoint)
        return answered is not None and answered.progress is Progress.UNKNOWN

    def _latest_answer(self, checkpoint: Checkpoint | None) -> Submission | None:
        sent = reversed(self.session.submitter.submissions)
        mine = (s for s in sent if checkpoint is not None and s.kind is not Kind.REPLAY)
        return next((s for s in mine if checkpoint is not None and s.target_id == checkpoint.id), None)
