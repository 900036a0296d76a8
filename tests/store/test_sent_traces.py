"""The record of the runs that were sent as traces, and the values that completion offers."""

from __future__ import annotations

from scaicore_tui.store import JournalWriter
from scaicore_tui.store.field_values import count_values
from scaicore_tui.store.sent_traces import Sent, SentRun, SentTraces
from tests.support.builders import NOON, many_runs, started
from tests.support.journals import Journals


def test_each_finished_run_is_sent_once_to_each_receiver(journals: Journals) -> None:
    with journals.scratch() as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        writer.append_new(many_runs(3))
        sent = SentTraces(journal, "receiver")
        assert (sent.begin(), sent.unsent(9)) == (3, [])
        assert sent.find("exec_0001") == SentRun(Sent.BEFORE, 4)
        writer.append_new([*many_runs(5)[12:], started(NOON, "exec_open")])
        assert (sent.begin(), sent.unsent(9)) == (0, ["exec_0003", "exec_0004"])
        for outcome in (Sent.REFUSED, Sent.ACCEPTED):
            sent.put("exec_0003", SentRun(outcome, 4))
        assert (sent.unsent(9), sent.find("exec_0003")) == (["exec_0004"], SentRun(Sent.ACCEPTED, 4))
        assert SentTraces(journal, "other").begin() == 5
        with journal.transaction() as database:
            database.execute("DELETE FROM sent_traces")


def test_the_most_frequent_values_are_counted(journals: Journals) -> None:
    with journals.scratch() as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        writer.append_new([*many_runs(3), started(NOON, "exec_open")])
        assert count_values(journal, "status") == [("completed", 3), ("running", 1)]
        assert count_values(journal, "flow") == [("a", 4)]
