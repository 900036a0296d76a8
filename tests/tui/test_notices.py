"""Notices: successes are grouped, failures stay single until they are dismissed."""

from __future__ import annotations

from scaicore_tui.actions import Kind, Progress, Submission
from scaicore_tui.tui.notices import NOTICE_LIFETIME_S, Notice, Notices, submission_notice


def sent(progress: Progress, number: int = 1) -> Submission:
    """Return an answer with that progress."""
    submission = Submission(Kind.ANSWER, f"ckpt_{number}", "core_1", resolution="approve")
    submission.progress = progress
    return submission


def latest_text(notices: Notices) -> str:
    assert notices.latest is not None
    return notices.latest.text


def with_notices(*submissions: Submission, at: float = 0.0) -> Notices:
    notices = Notices()
    for submission in submissions:
        notices.add(submission_notice(submission, at))
    return notices


def test_groups_twelve_confirmed_answers() -> None:
    answers = [sent(Progress.ACCEPTED, number) for number in range(1, 13)]
    notices = with_notices(*answers)
    assert (len(notices), latest_text(notices)[:22]) == (1, "12 accepted · latest: ")
    for number, answer in enumerate(answers, 1):
        answer.progress = Progress.CONFIRMED
        notices.add(submission_notice(answer, 1.0))
        notices.add(submission_notice(answer, 1.0))
        assert len(notices) == (1 if number == 12 else 2)
    assert latest_text(notices) == "12 confirmed · latest: answer approve to ckpt_12: confirmed"


def test_does_not_count_a_single_notice() -> None:
    assert latest_text(with_notices(sent(Progress.CONFIRMED))) == "answer approve to ckpt_1: confirmed"


def test_failures_are_not_grouped_and_do_not_expire() -> None:
    failures = (Progress.REFUSED, Progress.CONFLICT, Progress.UNKNOWN, Progress.NOT_RECEIVED)
    notices = with_notices(
        *(sent(progress, number) for number, progress in enumerate(failures)), sent(Progress.CONFIRMED, 9)
    )
    notices.add(submission_notice(sent(Progress.REFUSED, 8), 0.0))
    assert len(notices) == 6
    notices.expire(NOTICE_LIFETIME_S)
    assert len(notices) == 5
    for progress in (Progress.REFUSED, *failures[::-1]):
        assert f": {progress}" in latest_text(notices)
        assert notices.dismiss()
    assert not notices.dismiss()


def test_a_group_is_dismissed_and_expires_as_one() -> None:
    notices = with_notices(sent(Progress.CONFIRMED, 1))
    notices.add(submission_notice(sent(Progress.CONFIRMED, 2), NOTICE_LIFETIME_S - 1))
    assert not notices.expire(NOTICE_LIFETIME_S + 1)
    assert latest_text(notices).startswith("2 confirmed")
    assert notices.expire(2 * NOTICE_LIFETIME_S)
    assert not len(notices)
    notices = with_notices(sent(Progress.UNKNOWN), sent(Progress.CONFIRMED, 2), sent(Progress.CONFIRMED, 3))
    assert notices.dismiss()
    assert ": unknown" in latest_text(notices)


def test_a_newer_notice_replaces_one_with_the_same_key() -> None:
    notices = Notices()
    notices.add(Notice("one", key="key"))
    notices.add(Notice("two", key="key"))
    assert (len(notices), latest_text(notices)) == (1, "two")
