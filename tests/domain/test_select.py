"""Filters: which texts match, and when only the former matches need be searched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.runs import RunStatus, Summary, compile_filter, is_refinement, run_search_text
from scaicore_tui.tui.run_list_model import RunListModel, View
from tests.support.builders import MILLISECOND, NOON, entered, started
from tests.support.memory_index import MemoryIndex

RUN = Summary(
    "exec_8F21",
    0,
    core_id="core_support-triage",
    error="BANK_DOWN: no answer",
    instance_key="Ticket-9",
    node_ids=("classify", None, "look_up"),
    status=RunStatus.FAILED,
)
needles = st.lists(st.sampled_from(["a", "ab", "abc", "!", "!a", "!ab", "!!a", "B", " "]), max_size=4).map("".join)
texts = st.text("ab!c \n", max_size=8)


@pytest.mark.parametrize(
    ("needle", "is_kept"),
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
def test_all_words_must_occur_and_no_negated_one(needle: str, is_kept: bool) -> None:
    assert compile_filter(needle)(run_search_text(RUN)) is is_kept


@given(needles, needles, texts)
def test_every_match_of_a_refined_filter_matched_before(needle: str, before: str, text: str) -> None:
    if is_refinement(needle, before) and compile_filter(needle)(text):
        assert compile_filter(before)(text)


@pytest.mark.parametrize(
    ("needle", "before", "does"),
    [("ban", "ba", True), ("ban x", "ban", True), ("a !b", "a", True), ("!ab", "!a", False), ("ba", "ban", False)],
)
def test_added_letters_refine_a_filter_except_in_a_negated_word(needle: str, before: str, does: bool) -> None:
    assert is_refinement(needle, before) is does


@given(st.lists(st.tuples(st.sampled_from([View.ALL, View.RUNNING, View.FAILED]), needles), max_size=6))
def test_filtering_step_by_step_equals_filtering_at_once(steps: list[tuple[View, str]]) -> None:
    book = MemoryIndex()
    names = ("a", "ab", "abc", "b", "c", "xa")
    book.add_newer([started(NOON + n * MILLISECOND, f"exec_{n}") for n in range(len(names))])
    book.add_newer([entered(name, NOON + (50 + n) * MILLISECOND, f"exec_{n}") for n, name in enumerate(names)])
    in_steps = RunListModel()
    in_steps.apply(book, book.summaries)
    for view, needle in steps:
        in_steps.set_filter(view, needle)
        at_once = RunListModel()
        at_once.set_filter(view, needle)
        at_once.apply(book, book.summaries)
        assert [row.execution_id for row in map(in_steps.__getitem__, range(len(in_steps)))] == [
            row.execution_id for row in map(at_once.__getitem__, range(len(at_once)))
        ]
