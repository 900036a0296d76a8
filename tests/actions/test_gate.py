"""The gate: the past, and the confirmation that a protected profile asks a person to type."""

from __future__ import annotations

import pytest

from scaicore_tui.actions import gate
from scaicore_tui.actions.gate import WriteContext, confirmation_words, why_not_confirmed
from scaicore_tui.protocol import Option
from tests.support.builders import read_row

PROTECTED = WriteContext(protected=True)


@pytest.mark.parametrize("typed", [None, "", "yes"])
def test_an_empty_answer_cannot_be_confirmed(typed: str | None) -> None:
    reason = why_not_confirmed(PROTECTED, confirmation_words([], ""), typed)
    assert reason == "this profile is protected: an empty answer cannot be confirmed"


def test_the_id_or_the_label_of_the_chosen_option_confirms_it() -> None:
    words = confirmation_words([Option(id="ok", label="Approve"), Option(id="no", label="Reject")], "ok")
    assert [why_not_confirmed(PROTECTED, words, typed) for typed in ("ok", "Approve")] == [None, None]
    assert why_not_confirmed(PROTECTED, words, "Reject") == "this profile is protected: type ok"


def test_nothing_is_allowed_while_the_past_is_shown() -> None:
    past = WriteContext(shows_past=True)
    row = read_row()
    assert gate.why_not_answer(past, row, "approve") == gate.PAST
    assert gate.why_not_continue(past, row) == gate.PAST
    assert gate.why_not_replay(past, None, given_input=True) == gate.PAST
    assert gate.why_no_writes(past) == gate.PAST
    assert gate.why_not_answer(WriteContext(offline=True, shows_past=True), row) == gate.OFFLINE
