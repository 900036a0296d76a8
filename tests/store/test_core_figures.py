"""Figures of a Core's stored runs: how long they take, which is the last good one, and which of them one is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaicore_tui.analysis.usual import ErrorShare, Usual
from scaicore_tui.runs import RunStatus, Summary
from scaicore_tui.store import Journal
from scaicore_tui.store import core_figures as figures
from scaicore_tui.store.core_figures import CoreFigures
from scaicore_tui.store.summaries import Summaries
from tests.support.builders import NOON, SECOND
from tests.support.journals import Journals

CORE = "core_a"


def summary(position: int, took_ms: float | None, outcome: RunStatus | None, core: str | None = CORE) -> Summary:
    begin = NOON + position * SECOND
    return Summary(
        f"exec_{position}", position, core, outcome, begin, begin + SECOND if outcome else None, reported_ms=took_ms
    )


@contextmanager
def holding(journals: Journals, *rows: Summary) -> Iterator[Journal]:
    """Yield a journal with these runs."""
    with journals.scratch() as journal:
        Summaries(journal).put(rows)
        yield journal


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=60))
def test_durations_are_those_of_the_other_completed_runs(journals: Journals, durations: list[float]) -> None:
    rows = [summary(number, took, RunStatus.COMPLETED) for number, took in enumerate(durations)]
    others = [
        summary(100, 5e9, RunStatus.COMPLETED, "core_b"),
        summary(101, 5e9, RunStatus.FAILED),
        summary(102, None, None),
        summary(103, 5e9, RunStatus.COMPLETED),
    ]
    ordered = sorted(durations)
    with holding(journals, *rows, *others) as journal:
        assert CoreFigures(journal, "exec_103").usual() == Usual(
            len(durations),
            ordered[(len(durations) + 1) // 2 - 1],
            ordered[ceil(len(durations) * 0.95) - 1],
            ordered[-1],
        )


def test_only_the_newest_runs_of_a_large_core_are_counted(journals: Journals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "MAX_COUNTED_RUNS", 3)
    rows = [summary(number, float(number), RunStatus.COMPLETED) for number in range(10)]
    with holding(journals, *rows) as journal:
        assert CoreFigures(journal, "exec_0").usual() == Usual(3, 8.0, 9.0, 9.0)


@pytest.mark.parametrize(
    ("execution", "good", "number"),
    [
        ("exec_5", "exec_3", (1, 5)),
        ("exec_4", "exec_3", (2, 5)),
        ("exec_2", "exec_1", (4, 5)),
        ("exec_1", "exec_3", (5, 5)),
    ],
)
def test_the_last_good_run_is_the_newest_before_a_run(
    journals: Journals, execution: str, good: str, number: tuple[int, int]
) -> None:
    outcomes = {1: RunStatus.COMPLETED, 2: RunStatus.FAILED, 3: RunStatus.COMPLETED, 4: RunStatus.FAILED, 5: None}
    rows = [summary(position, 1.0, outcome) for position, outcome in outcomes.items()]
    with holding(journals, *rows, summary(6, 1.0, RunStatus.COMPLETED, "core_b")) as journal:
        place = CoreFigures(journal, execution)
        found = place.last_good()
        assert found is not None
        assert (found.execution_id, place.number()) == (good, number)


def test_an_error_is_counted_among_the_newest_runs_of_the_core(
    journals: Journals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "MAX_RECENT_RUNS", 4)
    rows = [summary(number, 1.0, RunStatus.FAILED) for number in range(6)]
    for number, row in enumerate(rows):
        row.error = f"TIMEOUT: order {number} is late" if number % 2 else "OTHER: no"
    ok, elsewhere = summary(6, 1.0, RunStatus.COMPLETED), summary(7, 1.0, RunStatus.FAILED, "core_b")
    elsewhere.error = rows[1].error
    with holding(journals, *rows, ok, elsewhere) as journal:
        assert CoreFigures(journal, "exec_1").error_share() == ErrorShare(2, 4), "numbers in the text do not count"
        assert CoreFigures(journal, "exec_0").error_share() == ErrorShare(1, 4)
        assert CoreFigures(journal, "exec_6").error_share() is None
        assert CoreFigures(journal, "exec_7").error_share() is None, "it is the only run of its Core"


def test_without_other_runs_nothing_is_usual(journals: Journals) -> None:
    with holding(journals, summary(1, 1.0, RunStatus.COMPLETED), summary(2, 1.0, None, None)) as journal:
        alone = CoreFigures(journal, "exec_1")
        assert (alone.is_known, alone.usual(), alone.last_good(), alone.number()) == (True, None, None, (1, 1))
        assert not CoreFigures(journal, "exec_2").is_known
        assert not CoreFigures(journal, "exec_missing").is_known


def test_runs_that_began_within_a_stretch_come_oldest_first(journals: Journals) -> None:
    rows = [summary(position, 1.0, None, f"core_{position}") for position in (3, 1, 2, 9)]
    with holding(journals, *rows) as journal:
        found = Summaries(journal).began_within(NOON + SECOND, NOON + 5 * SECOND, 2)
        assert [row.execution_id for row in found] == ["exec_1", "exec_2"]
        if journals.kind == "postgres":
            return
        plan = journal.query(
            "EXPLAIN QUERY PLAN SELECT summary FROM runs WHERE started_at BETWEEN 1 AND 2 ORDER BY started_at LIMIT 1"
        )
        assert "runs_started" in plan[0][-1]
