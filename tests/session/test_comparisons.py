"""Which run another one is compared with, that it stays the same, and what happens when a run cannot be read."""

from __future__ import annotations

import pytest

from scaicore_tui.actions import Submission
from scaicore_tui.actions.submission import Kind
from scaicore_tui.analysis.diff import Cause
from scaicore_tui.errors import StorageError
from scaicore_tui.protocol import Event
from scaicore_tui.session import comparisons
from scaicore_tui.session.comparisons import Comparison, Comparisons
from scaicore_tui.store import Journal, JournalWriter, StoredRuns
from tests.support.builders import NOON, SECOND
from tests.support.scene import TRIAGE, RunEvents, completed_triage, failed_batch

NOW = NOON / SECOND + 3_600


def refused_triage(execution: str, start_s: int) -> list[Event]:
    """Return a triage with another message, and without a refund."""
    run = RunEvents(execution, TRIAGE, start_s).start(message="My parcel came late.")
    run.step("classify", "flexible", 400, {"intent": "refund", "amount": 0})
    return run.step("reply", "guarded", 3_000, "We are sorry.").end({"sent": True}).events


class Reading:
    """A journal with runs, and what compares them."""

    def __init__(self, *runs: list[Event]) -> None:
        self.journal = Journal.in_memory()
        self.writer = JournalWriter(self.journal)
        self.writer.prepare()
        self.add(*runs)
        self.stored = StoredRuns(self.journal, lambda: None, lambda: ())
        self.submissions: list[Submission] = []
        self.comparisons = Comparisons(self.stored, lambda: self.submissions, lambda: NOW)

    def add(self, *runs: list[Event]) -> None:
        self.writer.append_new(sorted((each for run in runs for each in run), key=lambda each: each.at or 0))

    async def read(self, execution_id: str, before: Comparison | None = None) -> Comparison:
        summary = self.stored.find_one(execution_id)
        partner = None if before is None else before.partner
        return await self.comparisons.read(summary, self.stored.run(summary), partner=partner, lists_others=not partner)


async def test_the_partner_is_chosen_named_and_kept_while_newer_runs_complete() -> None:
    reading = Reading(completed_triage("exec_1", 0), refused_triage("exec_2", 60), completed_triage("exec_3", 120))
    found = await reading.read("exec_3")
    assert found.partner is not None
    assert found.partner.summary.execution_id == "exec_1"
    assert found.partner.reason == "the newest run with an equal input that completed"
    assert [(other.summary.execution_id, bool(other.reason)) for other in found.others] == [
        ("exec_1", True),
        ("exec_2", False),
    ]
    assert found.diff is not None
    assert found.diff.is_alike
    assert len(found.rows) == 5
    reading.add(completed_triage("exec_4", 180))
    again = await reading.read("exec_3", found)
    assert again.partner is found.partner
    assert again.others == ()
    assert (await reading.read("exec_3")).partner != found.partner


async def test_a_replay_is_compared_with_its_original_if_that_is_stored() -> None:
    reading = Reading(refused_triage("exec_1", 0), completed_triage("exec_2", 60), completed_triage("exec_3", 120))
    reading.submissions = [Submission(Kind.REPLAY, "exec_1", TRIAGE, "exec_3")]
    found = await reading.read("exec_3")
    assert found.partner is not None
    assert (found.partner.summary.execution_id, found.partner.reason) == ("exec_1", "the run that it replays")
    assert found.diff is not None
    assert found.diff.first is not None
    assert found.diff.first.cause is Cause.INPUT
    reading.submissions = [Submission(Kind.REPLAY, "exec_pruned", TRIAGE, "exec_3")]
    other = (await reading.read("exec_3")).partner
    assert other is not None
    assert other.summary.execution_id == "exec_2"


async def test_what_cannot_be_compared_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    reading = Reading(failed_batch("exec_1", 0), failed_batch("exec_2", 60))
    found = await reading.read("exec_2")
    assert (found.diff, found.partner) == (None, None)
    assert found.problem == "no run to compare with: no other run of core_invoice-batch completed"
    assert [other.summary.execution_id for other in found.others] == ["exec_1"]

    def damaged(*_: object) -> None:
        raise StorageError("the journal cannot be read\x1b[2J")

    monkeypatch.setattr(StoredRuns, "newest_of_core", damaged)
    assert "the journal cannot be read" in (await reading.read("exec_2")).problem
    assert "\x1b" not in (await reading.read("exec_2")).problem


async def test_the_first_difference_is_told_of_short_runs_only(monkeypatch: pytest.MonkeyPatch) -> None:
    reading = Reading(completed_triage("exec_1", 0), refused_triage("exec_2", 60))
    summary = reading.stored.find_one("exec_2")
    run = reading.stored.run(summary)
    found = await reading.comparisons.first_difference(summary, run)
    assert found is not None
    assert (found.partner_id, found.text) == ("exec_1", "classify, as the input differs")
    monkeypatch.setattr(comparisons, "MAX_FACT_EVENTS", 3)
    assert await reading.comparisons.first_difference(summary, run) is None
