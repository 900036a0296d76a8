"""The order of the runs that the app lists: that of `runs --sort`, also after runs changed, came or went."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from scaicore_tui.cli.queries import sort_runs
from scaicore_tui.config.views import Sort
from scaicore_tui.runs import Delta, Positions, RunStatus, Summary
from scaicore_tui.runs.sorted_order import SortedOrder, status_order
from scaicore_tui.store.run_orders import read_order
from scaicore_tui.store.summaries import Summaries
from tests.support.builders import NOON, SECOND
from tests.support.journals import Journals

CORES = st.sampled_from([None, "", "core_a", "core_b", "core_ä", "core_\uffff", "core_\U0001f600"])
TIMES = st.none() | st.integers(0, 5).map(lambda seconds: NOON + seconds * SECOND)
MILLISECONDS = st.none() | st.sampled_from([0, 0.5, 1, 7, 7.25, 1e20, -3])


@st.composite
def summaries(draw: st.DrawFn, position: int) -> Summary:
    """Return a run with facts that runs are ordered by, many of them equal or missing."""
    status = draw(st.sampled_from(RunStatus))
    return Summary(
        f"exec_{position}",
        position,
        core_id=draw(CORES),
        started_at=draw(TIMES),
        last_event_at=draw(TIMES),
        reported_ms=draw(MILLISECONDS),
        event_count=draw(st.integers(0, 3)),
        outcome=status if status in (RunStatus.FAILED, RunStatus.COMPLETED) else None,
        status=status,
    )


def some_runs(first: int) -> st.SearchStrategy[Sequence[Summary]]:
    return st.integers(0, 8).flatmap(lambda count: st.tuples(*(summaries(first + at) for at in range(count))))


def listed(order: SortedOrder) -> list[int]:
    """Return the positions of the runs, the first run first."""
    return list(order.order)[::-1]


def expected(runs: Sequence[Summary], sort: Sort) -> list[int]:
    newest_first = sorted(runs, key=lambda run: -run.position)
    return [run.position for run in sort_runs(newest_first, sort)]


def read(journals: Journals, stored: Sequence[Summary], sort: Sort) -> SortedOrder:
    """Return the order as a session reads it."""
    if sort is Sort.STATUS:
        return status_order(
            (status, Positions(run.position for run in stored if run.status is status)) for status in RunStatus
        )
    with journals.scratch() as journal:
        Summaries(journal).put(stored)
        return read_order(journal, sort)


@settings(max_examples=150)
@given(some_runs(0), st.data(), st.sampled_from(Sort))
def test_the_order_is_that_of_the_command_line_and_stays_so(
    journals: Journals, stored: Sequence[Summary], data: st.DataObject, sort: Sort
) -> None:
    order = read(journals, stored, sort)
    assert listed(order) == expected(stored, sort)

    known = {run.core_id for run in stored}
    later = [*data.draw(some_runs(100)), *(data.draw(summaries(run.position)) for run in stored[:3])]
    gone = {run.position for run in stored[3:5]}
    order.apply(Delta({run.execution_id: run for run in later}, vacated=sorted(gone)))
    now = {run.position: run for run in (*stored, *later) if run.position not in gone}
    if sort is not Sort.CORE or len({run.core_id for run in later} - known) <= 1:
        assert listed(order) == expected(list(now.values()), sort)
    assert sorted(order.order) == sorted(now)
