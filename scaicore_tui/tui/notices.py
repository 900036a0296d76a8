"""Notices: what came of a write, why a key is dead, what was copied. Pure.

What went wrong stays by itself until a person dismisses it; the rest goes after some seconds. Writes that go well
gather in one notice: twelve answers are not dismissed twelve times.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.actions import Kind, Progress, Submission
from scaicore_tui.text import display_name, one_line
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
_PASSES = Progress.CONFIRMED
_GATHERS = (Progress.ACCEPTED, Progress.CONFIRMED)
# After so many seconds without movement, an accepted answer says how long it has been.
NO_PROGRESS_AFTER_S = 10.0


class Notice(Struct, frozen=True):
    """One notice. `key` names what it is about: a newer one about the same takes its place.

    Those that have a `gathers` in common are shown as one, which counts them by that word.
    """

    text: str
    colour: str = "text"
    key: str = ""
    sticky: bool = False
    shown_at: float = 0.0
    group_by: str = ""

    @property
    def group(self) -> tuple[str, str]:
        """What it is shown and dismissed with."""
        return (self.group_by, "") if self.group_by else ("", self.key)


def progress_colour(progress: Progress) -> str:
    """The colour of how far a write got."""
    return _COLOURS.get(progress, "amber")


class Notices:
    """The notices that stand, the newest last."""

    def __init__(self) -> None:
        self._standing: list[Notice] = []

    def __len__(self) -> int:
        return len({notice.group for notice in self._standing})

    @property
    def latest(self) -> Notice | None:
        """The one to show: the newest, or how many gathered with it."""
        if not self._standing:
            return None
        newest = self._standing[-1]
        count = sum(notice.group == newest.group for notice in self._standing)
        return newest if count == 1 else replace(newest, words=f"{count} {newest.group_by} · the last: {newest.text}")

    def add(self, notice: Notice) -> None:
        """Add a notice, in place of an older one about the same."""
        self._standing = [old for old in self._standing if old.key != notice.key]
        self._standing.append(notice)

    def dismiss(self) -> bool:
        """Take away what is shown; False where there is nothing."""
        if not self._standing:
            return False
        shown = self._standing[-1].group
        self._standing = [notice for notice in self._standing if notice.group != shown]
        return True

    def replace(self, notice: Notice) -> None:
        """Say it in place of the older one about the same, if that still stands."""
        self._standing = [notice if old.key == notice.key else old for old in self._standing]

    def expire(self, now: float) -> bool:
        """Take away what was said long ago and is not sticky; whether there was any. What gathered goes together."""
        before = len(self._standing)
        lasting = {
            notice.group for notice in self._standing if notice.sticky or now - notice.shown_at < NOTICE_LIFETIME_S
        }
        self._standing = [notice for notice in self._standing if notice.group in lasting]
        return len(self._standing) != before


def submission_notice(submission: Submission, now: float) -> Notice:
    """What came of a write so far, in the words of whoever decided it."""
    words = [f"{submission.description}: {submission.progress_text}"]
    if submission.progress is Progress.ACCEPTED and submission.age(now) >= NO_PROGRESS_AFTER_S:
        words.append(f"no movement for {format_age(submission.age(now))}")
    elif submission.message:
        words.append(one_line(submission.message))
    if submission.request_id and submission.request_id not in submission.message:
        words.append(display_name(submission.request_id))
    if submission.kind is Kind.REPLAY and submission.execution_id:
        words.append(f"{'likely ' if submission.is_likely_match else ''}run {display_name(submission.execution_id)}")
    if submission.progress in (Progress.REFUSED, Progress.NOT_SENT) and submission.kind is Kind.ANSWER:
        words.append("what you typed is kept")
    key = f"{submission.kind} {submission.target_id} {submission.id}"
    return Notice(
        " · ".join(words),
        _COLOURS[submission.progress],
        key,
        submission.progress is not _PASSES,
        shown_at=now,
        group_by=str(submission.progress) if submission.progress in _GATHERS else "",
    )
