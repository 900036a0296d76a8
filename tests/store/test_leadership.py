"""Who leads the recorders of a journal: by their reports, and within two intervals."""

from __future__ import annotations

import pytest

from scaicore_tui.store.leadership import IF_FREE, Claim, Leader, Roster, find_claim, report_pause_s

INTERVAL_S = 5.0


def claim(age_s: float | None, leaderless_s: float = 0.0, own_epoch: int | None = None) -> Claim | None:
    """Return the claim if another recorder with epoch 7 reported `age_s` ago; None if no other leads."""
    leader = None if age_s is None else Leader("host", 0, age_s, INTERVAL_S)
    return find_claim(Roster(7, leader=leader), own_epoch, leaderless_s, INTERVAL_S)


def test_a_leader_that_reports_is_left_alone() -> None:
    assert claim(report_pause_s(INTERVAL_S)) is None
    assert claim(report_pause_s(INTERVAL_S), own_epoch=6) is None


def test_a_silent_leader_is_replaced_if_its_lock_is_free_and_later_in_any_case() -> None:
    assert claim(0.6 * INTERVAL_S) == IF_FREE
    assert claim(1.5 * INTERVAL_S) == Claim(7, ends_holder=True)


def test_without_a_leader_the_lock_decides_until_its_holder_is_silent_for_too_long() -> None:
    assert claim(None) == IF_FREE
    assert claim(None, leaderless_s=1.5 * INTERVAL_S) == Claim(7, ends_holder=True)


def test_who_led_last_leads_again_at_once() -> None:
    assert claim(None, own_epoch=7) == claim(0.0, own_epoch=7) == Claim(7, ends_holder=True)


@pytest.mark.parametrize("interval_s", [1.0, 5.0, 30.0])
def test_a_stand_by_leads_within_two_intervals(interval_s: float) -> None:
    # It sees the last report of a stuck leader one pause late, and reports itself once per pause.
    latest_s = 1.5 * interval_s + report_pause_s(interval_s)
    assert latest_s < 2 * interval_s
    leader = Leader("host", 0, latest_s, interval_s)
    assert find_claim(Roster(7, leader=leader), None, 0.0, interval_s) == Claim(7, ends_holder=True)
