"""Notices: what goes well gathers, what went wrong stands by itself until it is dismissed."""

from __future__ import annotations

from scaicore_tui.actions import Kind, Progress, Submission
from scaicore_tui.tui.notices import NOTICE_LIFETIME_S, Notice, Notices, submission_notice


def sent(progress: Progress, number: int = 1) -> Submission:
    """An answer that got so far."""
    submission = Submission(Kind.ANSWER, f"ckpt_{number}", "core_1", resolution="approve")
    submission.progress = progress
    return submission


def words(notices: Notices) -> str:
    assert notices.latest is not None
    return notices.latest.text


def said(*submissions: Submission, at: float = 0.0) -> Notices:
    notices = Notices()
    for submission in submissions:
        notices.add(submission_notice(submission, at))
    return notices


def test_twelve_that_were_confirmed_are_one_line() -> None:
    answers = [sent(Progress.ACCEPTED, number) for number in range(1, 13)]
    notices = said(*answers)
    assert (len(notices), words(notices)[:22]) == (1, "12 accepted · latest: ")
    for number, answer in enumerate(answers, 1):
        answer.progress = Progress.CONFIRMED
        notices.add(submission_notice(answer, 1.0))
        notices.add(submission_notice(answer, 1.0))
        assert len(notices) == (1 if number == 12 else 2)
    assert words(notices) == "12 confirmed · latest: answer approve to ckpt_12: confirmed"


def test_one_alone_is_not_counted() -> None:
    assert words(said(sent(Progress.CONFIRMED))) == "answer approve to ckpt_1: confirmed"


def test_what_went_wrong_stands_by_itself() -> None:
    wrong = (Progress.REFUSED, Progress.CONFLICT, Progress.UNKNOWN, Progress.NOT_RECEIVED)
    notices = said(*(sent(progress, number) for number, progress in enumerate(wrong)), sent(Progress.CONFIRMED, 9))
    notices.add(submission_notice(sent(Progress.REFUSED, 8), 0.0))
    assert len(notices) == 6
    notices.expire(NOTICE_LIFETIME_S)
    assert len(notices) == 5
    for progress in (Progress.REFUSED, *wrong[::-1]):
        assert f": {progress}" in words(notices)
        assert notices.dismiss()
    assert not notices.dismiss()


def test_what_gathered_is_dismissed_and_goes_together() -> None:
    notices = said(sent(Progress.CONFIRMED, 1))
    notices.add(submission_notice(sent(Progress.CONFIRMED, 2), NOTICE_LIFETIME_S - 1))
    assert not notices.expire(NOTICE_LIFETIME_S + 1)
    assert words(notices).startswith("2 confirmed")
    assert notices.expire(2 * NOTICE_LIFETIME_S)
    assert not len(notices)
    notices = said(sent(Progress.UNKNOWN), sent(Progress.CONFIRMED, 2), sent(Progress.CONFIRMED, 3))
    assert notices.dismiss()
    assert ": unknown" in words(notices)


def test_a_newer_one_about_the_same_takes_its_place() -> None:
    notices = Notices()
    notices.add(Notice("one", key="said"))
    notices.add(Notice("two", key="said"))
    assert (len(notices), words(notices)) == (1, "two")
