"""Recorders of one journal: one leads, others take over, and nothing is lost or doubled whatever is cut or killed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.feed_model import IN_MEMORY, Feed, FeedKind, Step

pytest.importorskip("psycopg")
from scaicore_tui.store.postgres import connection
from tests.support.team import NAMES, Team, TeamServer, missing_without_gap, number_of

if TYPE_CHECKING:
    from tests.support.server_journals import ServerJournals

# Steps without faults until each recorder has found its role, and has delivered what it kept.
CALM_STEPS = 8
ACTIONS = ("arrive", "forget", "step", "resume", "cut", "restore", "silence", "kill")
KIND = FeedKind(page_size=12, cursor_kind="key", whole_seconds=False, initial=5, overlapping=False)
SCRIPTS = st.lists(
    st.tuples(st.sampled_from([*ACTIONS, "arrive", "step", "step"]), st.integers(0, 11)), min_size=4, max_size=24
)


@pytest.fixture(scope="module")
def team_server(server_journals: ServerJournals) -> Iterator[TeamServer]:
    server = TeamServer(server_journals)
    yield server
    server.close()


@pytest.fixture(autouse=True)
def wait_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for a connection that a cut recorder can't get."""
    monkeypatch.setattr(connection, "POOL_TIMEOUT_S", 0.05)


async def apply_step(team: Team, action: str, amount: int) -> None:
    """Apply one step of a script; `amount` also chooses the recorder."""
    name = NAMES[amount % 2]
    match action:
        case "arrive" | "forget":
            team.feed.apply_step(action, amount)
        case "step":
            await team.step(name)
        case "resume":
            await team.resume(name)
        case "kill":
            await team.kill(name)
        case "silence":
            team.server.age_reports()
        case _:
            team.server.cut(name, is_cut=action == "cut")


async def run_script(server: TeamServer, steps: list[Step], folder: Path) -> Team:
    """Run a script, restore everything, and check what must hold then."""
    server.empty()
    team = Team(server, Feed(KIND), folder)
    for action, amount in steps:
        await apply_step(team, action, amount)
    for name in NAMES:
        server.cut(name, is_cut=False)
    # The time of the server does not pass in a script: a leader that was killed would seem alive.
    server.age_reports()
    for _ in range(CALM_STEPS):
        for name in NAMES:
            await team.step(name)
    team.feed.arrive(3)
    for name in NAMES:
        await team.step(name)
    check(team, has_lost=any(action == "forget" for action, _ in steps))
    await team.close()
    return team


def check(team: Team, *, has_lost: bool) -> None:
    """Check that the journal has what was offered, once and in order, with gaps for what the API dropped."""
    with team.server.journal() as journal:
        found = list(journal.events())
        held = Counter(event.raw for event in found)
        numbers = list(map(number_of, found))
        assert max(held.values(), default=1) == 1
        assert numbers == sorted(numbers)
        assert held <= team.feed.offered
        if has_lost:
            assert missing_without_gap(journal, team.feed) == []
        else:
            assert held == team.feed.offered
            assert journal.gaps() == []
    assert team.server.leaders() == 1
    assert [recorder.session is None for recorder in team.recorders.values()].count(False) == 1
    assert not any(recorder.has_local_events for recorder in team.recorders.values())


def run(server: TeamServer, steps: list[Step]) -> Team:
    with TemporaryDirectory(dir=IN_MEMORY) as folder:
        return asyncio.run(run_script(server, steps, Path(folder)))


def test_whatever_is_cut_stopped_or_killed_the_journal_has_everything_once(
    team_server: TeamServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")

    @settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(SCRIPTS)
    def scripts(steps: list[Step]) -> None:
        run(team_server, steps)

    scripts()
