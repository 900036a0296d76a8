"""The gate's words for what is to be typed out."""

from __future__ import annotations

import pytest

from scaicore_tui.actions.gate import Situation, why_not_untyped, words_of
from scaicore_tui.wire import Option

PROTECTED = Situation(protected=True)


@pytest.mark.parametrize("typed", [None, "", "yes"])
def test_an_empty_answer_is_confirmed_by_nothing(typed: str | None) -> None:
    reason = why_not_untyped(PROTECTED, words_of([], ""), typed)
    assert reason == "this profile is protected: an empty answer can not be typed out"


def test_the_id_and_the_label_of_what_is_chosen_confirm_it() -> None:
    words = words_of([Option(id="ok", label="Approve"), Option(id="no", label="Reject")], "ok")
    assert [why_not_untyped(PROTECTED, words, typed) for typed in ("ok", "Approve")] == [None, None]
    assert why_not_untyped(PROTECTED, words, "Reject") == "this profile is protected: type ok"
