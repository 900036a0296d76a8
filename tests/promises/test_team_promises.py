"""The promises hold for two machines that share a ledger, for generated scripts and for one of each lost step."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.promises.team import TeamPromises

TestTeamPromises = TeamPromises.TestCase
TestTeamPromises.settings = settings(
    max_examples=12,
    stateful_step_count=20,
    deadline=None,
    database=None,
    # The same scripts each time; `python -m tests.promises --team` tries others.
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)

ANSWER = ("press_answer", {"name": "first", "choice": 0, "resolution": "approve"})
ANSWER_SECOND = ("press_answer", {"name": "second", "choice": 0, "resolution": "reject"})
POLL_SECOND, READ = ("poll", {"name": "second"}), ("read_team_ledger", {"name": "first"})
AWAY: tuple[str, dict[str, Any]] = ("team_server_goes_away", {})
BACK: tuple[str, dict[str, Any]] = ("team_server_returns", {})
LATER = ("time_passes", {"seconds": 3_700.0})
KILL = ("next_write_fails", {"api": "team-a", "fault": "kill_not_done"})


def lost_after(steps: int) -> tuple[str, dict[str, Any]]:
    return "team_server_is_lost_at_a_later_step", {"steps": steps}


# The steps, and how many POSTs they send in all.
SCRIPTS: dict[str, tuple[list[tuple[str, dict[str, Any]]], int]] = {
    "the second machine does not answer again": ([ANSWER, ANSWER_SECOND], 1),
    "nothing is sent while the server is away": ([AWAY, ANSWER, ANSWER_SECOND], 0),
    "a lost claim is not used": ([lost_after(0), ANSWER, BACK, READ, ANSWER_SECOND], 1),
    "an outcome that is not shared still blocks the other": ([lost_after(1), ANSWER, BACK, ANSWER_SECOND], 1),
    "the claim of a killed process blocks the other": ([KILL, ANSWER, POLL_SECOND, ANSWER_SECOND], 1),
    "later it was not received, and may be answered": ([KILL, ANSWER, LATER, POLL_SECOND, ANSWER_SECOND], 2),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_sends_as_much_as_it_may(name: str) -> None:
    script, posts = SCRIPTS[name]
    state = TeamPromises()
    try:
        state.begin(page_size=3)
        for rule, values in script:
            getattr(state, rule)(**values)
            state.every_submission_shows_its_true_progress()
            state.every_shared_write_has_its_true_progress()
            state.every_sent_write_was_claimed_by_its_team()
        assert len(state.apis["team-a"].posts) == posts
    finally:
        state.teardown()
