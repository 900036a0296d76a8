"""Filters: which texts match, and that filters set one after the other list the same runs as the last one alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.analysis.query import RUNS, QueryContext, RunRow, compile_query, parse_query
from scaicore_tui.analysis.query.rows import RunPayloads
from scaicore_tui.runs import Delta, Run, RunStatus, Summary
from scaicore_tui.tui.run_list_model import RunListModel, View
from tests.support.builders import MILLISECOND, NOON, entered, started
from tests.support.memory_index import MemoryIndex, set_filter

RUN = Summary(
    "exec_8F21",
    0,
    core_id="core_support-triage",
    error="BANK_DOWN: no answer",
    instance_key="Ticket-9",
    node_ids=("classify", None, "look_up"),
    status=RunStatus.FAILED,
)
filters = st.lists(st.sampled_from(["a", "ab", "abc", "!", "!a", "!ab", "!!a", "B", " "]), max_size=4).map("".join)


@pytest.mark.parametrize(
    ("filter_text", "matches"),
    [
        ("", True),
        ("8f21", True),
        ("support LOOK_UP", True),
        ("failed bank", True),
        ("ticket-9", True),
        ("none", False),
        ("!triage", False),
        ("bank !classify", False),
        ("bank !expense", True),
        ("bankno", False),
        ("classifylook_up", False),
        ("!", False),
    ],
)
def test_a_filter_matches_texts_with_all_its_words_and_no_negated_word(filter_text: str, matches: bool) -> None:
    matches_run = compile_query(parse_query(filter_text, RUNS), RUNS, 0)
    assert matches_run(RunRow(RUN, QueryContext(0), lambda summary: RunPayloads(Run(summary.execution_id)))) is matches


@given(st.lists(st.tuples(st.sampled_from([View.ALL, View.RUNNING, View.FAILED]), filters), max_size=6))
def test_filtering_step_by_step_equals_filtering_at_once(steps: list[tuple[View, str]]) -> None:
    index = MemoryIndex()
    names = ("a", "ab", "abc", "b", "c", "xa")
    index.add_newer([started(NOON + n * MILLISECOND, f"exec_{n}") for n in range(len(names))])
    index.add_newer([entered(name, NOON + (50 + n) * MILLISECOND, f"exec_{n}") for n, name in enumerate(names)])
    in_steps = RunListModel()
    in_steps.apply(index, Delta())
    for view, filter_text in steps:
        set_filter(in_steps, index, view, filter_text)
        at_once = RunListModel()
        set_filter(at_once, index, view, filter_text)
        at_once.apply(index, Delta())
        assert [in_steps.position(row) for row in range(len(in_steps))] == [
            at_once.position(row) for row in range(len(at_once))
        ]


def test_runs_found_in_steps_are_listed_once() -> None:
    """A run that changes during a search is listed at once, and may be found later too."""
    index, model = MemoryIndex(), RunListModel(lambda: QueryContext(0))
    index.add_newer([started(NOON + n * MILLISECOND, f"exec_{n}") for n in range(4)])
    model.apply(index, Delta())
    query = parse_query("exec", RUNS)
    assert model.search(query)
    assert model.add_matches(query, [3], 0.25)
    assert (len(model), model.searched, model.needle) == (1, 0.25, "exec")
    model.apply(index, index.add_newer([entered("a", NOON + MILLISECOND, "exec_1")]))
    assert [model.position(row) for row in range(len(model))] == [3, 1]
    assert model.add_matches(query, [2, 1], 0.75)
    assert model.add_matches(query, [0])
    assert [model.position(row) for row in range(len(model))] == [3, 2, 1, 0]
    assert not model.add_matches(query, [0]), "the search is over"
    assert model.search(parse_query("nothing", RUNS))
    assert not model.add_matches(query, [0]), "another query is searched"
    assert not model.search(None)
    assert (len(model), model.is_filtered) == (4, False)


def test_a_run_that_changed_is_checked_if_the_query_needs_its_events() -> None:
    index, model = MemoryIndex(), RunListModel(lambda: QueryContext(0))
    index.add_newer([started(NOON, "exec_0"), started(NOON + 1, "exec_1")])
    model.apply(index, Delta())
    query = parse_query("visits>0", RUNS)
    assert model.search(query)
    assert model.add_matches(query, [])
    model.apply(index, index.add_newer([entered("a", NOON + 2, "exec_1")]))
    assert (len(model), model.take_unchecked(), model.take_unchecked()) == (0, [1], [])
    assert model.set_checked(query, [1], [1])
    assert [model.position(row) for row in range(len(model))] == [1]
    assert model.set_checked(query, [1], [])
    assert not len(model)
    assert not model.set_checked(parse_query("other", RUNS), [1], [1])
