"""Commands of several persons who share a journal on a server: one answer to each checkpoint, seen by all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from scaicore_tui.cli.schemas import build_schema
from scaicore_tui.config import Caller, Identity
from scaicore_tui.store.postgres.ledger import open_ledger
from scaicore_tui.store.shared_ledger import Presence, SharedWrite
from tests.support.grid import MODULE
from tests.support.program import FastGrid, Program, fast_grid
from tests.support.proxy import jwt
from tests.support.server_journals import ServerJournals
from tests.support.token_leaks import TOKEN_HEAD

TENANT = "tnt_cli"


@dataclass
class Team:
    """A grid, a server for the journal, and the programs of two persons, each with a state folder of its own."""

    grid: FastGrid
    journal: str
    ada: Program
    grace: Program

    @property
    def shared(self) -> tuple[str, str]:
        """The option that names the server."""
        return "--journal", self.journal


@pytest.fixture
def team(server_journals: ServerJournals, tmp_path: Path) -> Iterator[Team]:
    tokens = {name: jwt(sub=name, tenant_id=TENANT) for name in ("ada", "grace")}
    with server_journals.new_database() as journal, fast_grid(tokens=dict.fromkeys(tokens.values(), "manager")) as grid:
        programs = (
            Program(tmp_path / name, {"SCAIGRID_BASE_URL": grid.served.url, "SCAICORE_TUI_TOKEN": token})
            for name, token in tokens.items()
        )
        yield Team(grid, journal, *programs)


def test_the_team_sees_who_answered_and_nobody_answers_twice(server_journals: ServerJournals, team: Team) -> None:
    first = team.grid.waiting_review()
    refused = team.ada("resolve", first, "approve", "--yes", *team.shared)
    assert (refused.returncode, team.grid.pending()) == (5, [first])
    assert "there is no journal of http" in refused.stderr
    assert "start `record` with this address once" in refused.stderr

    assert team.ada("record", "--until-idle", "0", *team.shared).returncode == 0
    with team.ada.started("record", "--interval", "0.5", *team.shared):
        done = team.ada("resolve", first, "approve", "--yes", *team.shared)
        assert done.returncode == 0, done.stderr
        (head, row) = team.grace("ledger", *team.shared).stdout.splitlines()
        assert head.split() == ["TIME", "WHO", "ACTION", "TARGET", "SENT", "PROGRESS", "MESSAGE"]
        assert row.split()[1:6] == ["ada", "answer", first, "approve", "confirmed"]
        writes = team.grace.json_output("ledger", "--json", *team.shared)
        Draft202012Validator(build_schema("ledger-team")).validate(writes)
        assert [(one["person"], one["progress"], one["resolution"]) for one in writes] == [
            ("ada", "confirmed", "approve")
        ]
        assert team.grace.json_output("ledger", "--json") == []

        second = team.grid.waiting_review()
        while second not in team.grace("checkpoints", *team.shared).stdout:
            pass  # the recorder has not seen it yet
        ledger = open_ledger(team.journal, Identity(f"{team.grid.served.url}{MODULE}", caller=Caller("linus", TENANT)))
        ledger.announce("session", Presence(second, "linus"), 60)
        assert "linus is answering" in team.grace("checkpoints", *team.shared).stdout
        answer = SharedWrite("sub_1", "answer", second, "linus", "linus@far", "sending", resolution="reject")
        assert ledger.claim(answer) is None
        busy = team.grace("resolve", second, "approve", "--yes", *team.shared)
        assert (busy.returncode, "linus is sending reject now · nothing was sent" in busy.stderr) == (2, True), (
            busy.stderr
        )
        assert ledger.update(replace(answer, progress="accepted"), holds_claim=True)
        late = team.grace("resolve", second, "approve", "--yes", *team.shared)
        assert (late.returncode, "already answered: linus answered reject " in late.stderr) == (6, True), late.stderr
        ledger.close()
        assert team.grid.pending() == [second]
    assert server_journals.content_with(team.journal, "linus@far") == ["writes.machine"]
    assert server_journals.content_with(team.journal, TOKEN_HEAD) == []
    assert [one["progress"] for one in team.grace.json_output("ledger", "--json")] == ["not sent", "conflict"]
