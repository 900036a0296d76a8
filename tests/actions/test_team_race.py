"""Processes on two machines race for the same checkpoints of a grid behind the proxy: one POST for each."""

from __future__ import annotations

from pathlib import Path

from tests.support.server_journals import ServerJournals
from tests.support.team_race import race

PROCESSES, CHECKPOINTS = 4, 10
# The ledger of the team, that of the machine, or the server names who was first.
NAMED = ("ada", "grace", "another scaicore-tui (process", "from this machine", "by usr_demo_manager")


async def test_each_checkpoint_gets_one_answer_and_every_loser_learns_whose(
    server_journals: ServerJournals, tmp_path: Path
) -> None:
    outcome = await race(server_journals, tmp_path, PROCESSES, CHECKPOINTS)
    assert len(outcome.posts) == CHECKPOINTS
    assert {len(outcome.winners(key)) for key in outcome.lines} == {1}
    assert set(outcome.resolutions.values()) <= {"approve", "reject"}
    losers = [line for key in outcome.lines for line in outcome.losers(key)]
    assert len(losers) == CHECKPOINTS * (PROCESSES - 1)
    assert [line for line in losers if not any(name in line for name in NAMED)] == []
    assert len(outcome.writes) == CHECKPOINTS
    assert {write.progress for write in outcome.writes} <= {"accepted", "confirmed"}
