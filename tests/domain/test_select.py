"""What a filter keeps, and how a filter that grows spares looking at all again."""

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
def test_all_words_must_stand_there_and_no_barred_one(needle: str, is_kept: bool) -> None:
    assert compile_filter(needle)(run_search_text(RUN)) is is_kept


@given(needles, needles, texts)
def test_what_a_narrower_filter_keeps_the_wider_one_kept(needle: str, before: str, text: str) -> None:
    if is_refinement(needle, before) and compile_filter(needle)(text):
        assert compile_filter(before)(text)


@pytest.mark.parametrize(
    ("needle", "before", "does"),
    [("ban", "ba", True), ("ban x", "ban", True), ("a !b", "a", True), ("!ab", "!a", False), ("ba", "ban", False)],
)
def test_letters_narrow_but_not_those_of_a_barred_word(needle: str, before: str, does: bool) -> None:
    assert is_refinement(needle, before) is does


@given(st.lists(st.tuples(st.sampled_from([View.ALL, View.RUNNING, View.FAILED]), needles), max_size=6))
def test_a_list_narrowed_step_by_step_is_what_it_is_at_once(steps: list[tuple[View, str]]) -> None:
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
