"""The state machine of two machines that share a ledger on a server, which may be away at any step."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from scaicore_tui.actions import Kind, Ledger, Progress
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.store.shared_ledger import SharedWrite
from tests.promises.machine import APIS, NAMES, Promises
from tests.promises.process import Machine, Process
from tests.promises.server import Api, Post
from tests.support.memory_ledger import MemoryLedger


class TwoMachines(Machine):
    """Each process name is a machine with a state folder of its own."""

    def ledger_path_of(self, name: str) -> Path:
        return self.state / name / "ledger.jsonl"


class TeamPromises(Promises):
    """The same promises for two machines: the ledger of the team keeps both from answering one checkpoint."""

    def make_machine(self) -> Machine:
        machine = TwoMachines(self.folder, self.clock)
        machine.team_ledgers = {name: MemoryLedger(self.clock.now) for name in APIS}
        return machine

    @rule()
    def team_server_goes_away(self) -> None:
        for ledger in self.machine.team_ledgers.values():
            ledger.is_away = True

    @rule()
    def team_server_returns(self) -> None:
        for ledger in self.machine.team_ledgers.values():
            ledger.is_away, ledger.loses_next = False, None

    @rule(steps=st.integers(0, 3))
    def team_server_is_lost_at_a_later_step(self, steps: int) -> None:
        """Lose it together with the response to one of the next statements that change something."""
        for ledger in self.machine.team_ledgers.values():
            ledger.loses_next = None if ledger.is_away else steps

    @rule(name=st.sampled_from(NAMES))
    def read_team_ledger(self, name: str) -> None:
        process = self.running[name]
        if process.session.team is not None:
            self.machine.run(process, process.session.team.read_once())

    @invariant()
    def every_shared_write_has_its_true_progress(self) -> None:
        for name, ledger in self.machine.team_ledgers.items():
            for write in ledger.writes.values():
                self._check_shared(self.apis[name], write)

    @invariant()
    def every_sent_write_was_claimed_by_its_team(self) -> None:
        for name, ledger in self.machine.team_ledgers.items():
            for post in self.apis[name].posts:
                assert post.submission_id in ledger.writes, f"{post.submission_id} was sent without a claim"

    def _check_shared(self, api: Api, write: SharedWrite) -> None:
        post = next((post for post in api.posts if post.submission_id == write.id), None)
        progress, description = Progress(write.progress), f"{write.kind} of {write.target_id}: {write.message}"
        if progress is Progress.NOT_SENT:
            assert post is None or post.outcome == "not_connected", f"sent, but the team reads otherwise: {description}"
        elif progress in (Progress.REFUSED, Progress.NOT_RECEIVED, Progress.CONFLICT):
            is_done = post is not None and (post.is_done or post.arrives_at is not None)
            assert not is_done, f"{progress} for the team, but it was carried out or may be: {description}"
        elif progress in (Progress.ACCEPTED, Progress.CONFIRMED) and write.kind != Kind.REPLAY:
            row = api.checkpoints[write.target_id]
            assert row["resolution"] == write.resolution, f"{progress} for the team, but it was not: {description}"

    def _must_be_sent(self, process: Process, kind: str, target: str) -> bool:
        ledger = self.machine.team_ledgers[process.api.name]
        is_reachable = not ledger.is_away and ledger.loses_next is None
        is_free = kind == "invoke" or ledger.holder(target) is None
        return is_reachable and is_free and super()._must_be_sent(process, kind, target)

    def _is_closed(self, api: Api, post: Post) -> bool:
        """Return the same as for one machine. Replays by two persons are not kept from each other."""
        name = next(name for name, process in self.running.items() if process.pid == self.machine.current_pid)
        own = {entry.id for entry in Ledger(self.machine.ledger_path_of(name)).entries()}
        return (post.kind == "invoke" and post.submission_id not in own) or super()._is_closed(api, post)

    def teardown(self) -> None:
        """Check in the end that no claim stays behind once all sessions have ended and the server is back."""
        self.team_server_returns()
        self.machine.repair_ledger()
        for process in self.running.values():
            if process.session.team is not None:
                with suppress(ScaicoreError):
                    self.machine.run(process, process.session.team.read_once())
        for name, ledger in self.machine.team_ledgers.items():
            for write in ledger.writes.values():
                self._check_shared(self.apis[name], write)
        super().teardown()
