"""Links to runs: any names survive, and a damaged link is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.runs.deep_link import DeepLink, parse_link

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
NUMBERS = st.none() | st.integers(1, 999_999_999)


@given(NAMES, st.text(st.characters(exclude_categories=["Cs"])), st.none() | NAMES, NUMBERS, NUMBERS)
def test_any_names_survive(run: str, profile: str, node: str | None, visit: int | None, event: int | None) -> None:
    link = DeepLink(run, profile, node, None if node is None else visit, event)
    text = str(link)
    assert text.isascii()
    assert text.isprintable()
    assert " " not in text
    assert parse_link(text) == link


def test_the_form_is_the_documented_one() -> None:
    assert str(DeepLink("exec_1", "prod", "post", 3, 31)) == "scai:prod/exec_1#post.3@31"
    assert parse_link("scai:/exec_1@4") == DeepLink("exec_1", event=4)
    assert parse_link("scai:prod/exec_1#a%2Eb") == DeepLink("exec_1", "prod", "a.b")


@pytest.mark.parametrize(
    "text",
    [
        "scai:prod",
        "scai:prod/",
        "scai:prod/a#",
        "scai:prod/a@0",
        "scai:prod/a#n.0",
        "scai:a/b/c",
        "http://prod/a",
        "exec",
    ],
)
def test_what_is_damaged_is_no_link(text: str) -> None:
    assert parse_link(text) is None
