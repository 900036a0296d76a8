"""Random queries × random runs: SQL, the evaluator in memory and a second evaluator of the test find the same."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaicore_tui.analysis.query import RUNS, Query, QueryContext, RunRow, compile_query, format_query, parse_query
from scaicore_tui.analysis.query.tree import Tree
from scaicore_tui.runs import Gap, Summary, with_status
from scaicore_tui.store import Journal
from scaicore_tui.store.run_search import RunSearch
from scaicore_tui.store.summaries import Summaries
from tests.support import random_queries as generated
from tests.support.journals import Journals
from tests.support.query_judge import Judge

# `QUERY_EXAMPLES=10000` for a long search.
EXAMPLES = int(os.environ.get("QUERY_EXAMPLES", "50"))


@pytest.fixture(scope="module")
def journal(journals: Journals) -> Iterator[Journal]:
    with journals.scratch() as journal:
        yield journal


def not_read(summary: Summary) -> object:
    raise AssertionError(f"the events of {summary.execution_id} were read for cheap fields")


@settings(max_examples=EXAMPLES)
@given(generated.trees)
def test_the_text_of_a_query_parses_to_its_tree(tree: Tree) -> None:
    parsed = parse_query(format_query(tree), RUNS).tree
    assert parse_query(format_query(parsed), RUNS).tree == parsed == tree


@settings(max_examples=EXAMPLES)
@given(generated.trees, generated.runs(), generated.gaps, st.data())
def test_all_ways_to_evaluate_a_query_agree(
    journal: Journal, tree: Tree, runs: list[Summary], gaps: list[Gap], data: st.DataObject
) -> None:
    pending = data.draw(generated.checkpoints(runs))
    context = QueryContext(generated.NOW, pending, gaps)
    judge = Judge(generated.NOW, pending, gaps)
    expected = [run.position for run in reversed(runs) if judge.matches(tree, run)]

    with journal.transaction() as database:
        database.execute("DELETE FROM runs")
    Summaries(journal).put(runs)
    search = RunSearch(journal, Query("", tree), context)
    assert [position for step in search.steps() for position in step.positions] == expected
    assert [summary.position for summary in search.summaries()] == expected
    assert sorted(search.matching([run.position for run in runs]), reverse=True) == expected
    assert search.exact_positions() in (None, expected)
    assert [run.position for run in search.first_of([run.position for run in reversed(runs)], 3)] == expected[:3]

    waiting = context.runs_with(lambda row: True)
    matches = compile_query(Query("", tree), RUNS, generated.NOW)
    rows = [RunRow(with_status(run, waiting), context, not_read) for run in reversed(runs)]  # type: ignore[arg-type]
    assert [row.summary.position for row in rows if matches(row)] == expected
