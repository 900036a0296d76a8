"""Notices: progress of writes, why a key does nothing, what was copied. Pure.

Failures stay until a person dismisses them; other notices expire. Writes that succeed are grouped into one notice, so
that twelve answers need not be dismissed one by one.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.actions import Kind, Progress, Submission
from scaicore_tui.text import display_name, one_line, quote
from scaicore_tui.timefmt import format_age

NOTICE_LIFETIME_S = 8.0
_COLOURS = {
    Progress.SENDING: "blue",
    Progress.NOT_SENT: "amber",
    Progress.ACCEPTED: "blue",
    Progress.CONFIRMED: "green",
    Progress.REFUSED: "red",
    Progress.CONFLICT: "amber",
    Progress.UNKNOWN: "amber",
    Progress.NOT_RECEIVED: "amber",
}
_GROUPED = (Progress.ACCEPTED, Progress.CONFIRMED)
MAX_SUBJECT_CELLS, MAX_OPTION_CELLS = 64, 24
# Answers whose past tense is known. Of others the notice says the option.
_PAST_TENSES = {
    "approve": "approved",
    "reject": "rejected",
    "deny": "denied",
    "decline": "declined",
    "accept": "accepted",
    "skip": "skipped",
    "retry": "retried",
    "escalate": "escalated",
    "drop": "dropped",
    "discard": "discarded",
}
# From this time on, the notice of an accepted answer says how long its run has not moved.
NO_PROGRESS_AFTER_S = 10.0


class Notice(Struct, frozen=True):
    """A notice. A newer one with the same `key` replaces it; `shown_at` is in monotonic seconds.

    Notices with the same `group_by` word are shown as one, which counts them ("3 confirmed").
    """

    text: str
    colour: str = "text"
    key: str = ""
    sticky: bool = False
    shown_at: float = 0.0
    group_by: str = ""

    @property
    def group(self) -> tuple[str, str]:
        """The group that the notice is shown and dismissed with."""
        return (self.group_by, "") if self.group_by else ("", self.key)


def progress_colour(progress: Progress) -> str:
    """Return the name of the colour for the progress of a write."""
    return _COLOURS.get(progress, "amber")


class Notices:
    """The current notices. `len()` counts groups."""

    def __init__(self) -> None:
        # The newest is last.
        self._notices: list[Notice] = []

    def __len__(self) -> int:
        return len({notice.group for notice in self._notices})

    @property
    def latest(self) -> Notice | None:
        """The notice to show: the newest one, with the size of its group if there are others in it."""
        if not self._notices:
            return None
        newest = self._notices[-1]
        count = sum(notice.group == newest.group for notice in self._notices)
        return newest if count == 1 else replace(newest, text=f"{count} {newest.group_by} · latest: {newest.text}")

    def add(self, notice: Notice) -> None:
        """Add a notice, and remove an older one with the same key."""
        self._notices = [old for old in self._notices if old.key != notice.key]
        self._notices.append(notice)

    def dismiss(self) -> bool:
        """Remove the shown group; return False if there is none."""
        if not self._notices:
            return False
        shown = self._notices[-1].group
        self._notices = [notice for notice in self._notices if notice.group != shown]
        return True

    def replace(self, notice: Notice) -> None:
        """Replace the notice with the same key, if there is one."""
        self._notices = [notice if old.key == notice.key else old for old in self._notices]

    def expire(self, now: float) -> bool:
        """Remove groups in which no notice is sticky or recent; return whether any was removed."""
        before = len(self._notices)
        lasting = {
            notice.group for notice in self._notices if notice.sticky or now - notice.shown_at < NOTICE_LIFETIME_S
        }
        self._notices = [notice for notice in self._notices if notice.group in lasting]
        return len(self._notices) != before


def submission_notice(submission: Submission, now: float) -> Notice:
    """Return the notice about the progress of a write, at `now` in monotonic seconds."""
    parts = [_head(submission)]
    if submission.progress is Progress.ACCEPTED and submission.age(now) >= NO_PROGRESS_AFTER_S:
        parts.append(f"no movement for {format_age(submission.age(now))}")
    elif submission.message and not (submission.subject and submission.progress in _GROUPED):
        parts.append(one_line(submission.message))
    if submission.request_id and submission.request_id not in submission.message:
        parts.append(display_name(submission.request_id))
    if submission.kind is Kind.REPLAY and submission.execution_id:
        parts.append(f"{'likely ' if submission.is_likely_match else ''}run {display_name(submission.execution_id)}")
    if submission.progress in (Progress.REFUSED, Progress.NOT_SENT) and submission.kind is Kind.ANSWER:
        parts.append("your text is kept")
    key = f"{submission.kind} {submission.target_id} {submission.id}"
    return Notice(
        " · ".join(parts),
        _COLOURS[submission.progress],
        key,
        submission.progress is not Progress.CONFIRMED,
        shown_at=now,
        group_by=str(submission.progress) if submission.progress in _GROUPED else "",
    )


def _head(submission: Submission) -> str:
    """Return the write and its progress, in the words of what was asked.

    `✓ approved “Ada Okoye · Train · 940 EUR”: confirmed, the run moved on`: the past tense only once it is confirmed.
    Until then the progress comes before the words, so that it is never wrapped off the first line.
    """
    progress = progress_words(submission)
    if not submission.subject:
        return f"{submission.description}: {progress}"
    subject = quote(submission.subject, MAX_SUBJECT_CELLS)
    is_continue, option = submission.kind is Kind.CONTINUE, submission.resolution or ""
    if submission.progress is not Progress.CONFIRMED:
        write = "continue" if is_continue else f"answer {display_name(option, MAX_OPTION_CELLS)}"
        return f"{write}: {progress} · {subject}"
    past = "continued" if is_continue else _PAST_TENSES.get(option.casefold())
    return f"✓ {past or f'answered {display_name(option)} to'} {subject}: {progress}"


def progress_words(submission: Submission) -> str:
    """Return the progress of a write; of a confirmed answer also what shows it."""
    has_moved = submission.progress is Progress.CONFIRMED and not submission.is_replay and submission.execution_id
    return f"{submission.progress_text}, the run moved on" if has_moved else submission.progress_text
