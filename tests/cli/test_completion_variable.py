"""The completion variable starts completion only if the shell sent a complete request."""

from __future__ import annotations

import pytest

from scaicore_tui.__main__ import COMPLETION_VARIABLE, asks_for_completion


@pytest.mark.parametrize(
    ("env", "is_request"),
    [
        ({}, False),
        ({COMPLETION_VARIABLE: ""}, False),
        ({COMPLETION_VARIABLE: "nonsense"}, False),
        ({COMPLETION_VARIABLE: "complete_nonsense"}, False),
        ({COMPLETION_VARIABLE: "source_bash"}, True),
        ({COMPLETION_VARIABLE: "complete_bash"}, False),
        ({COMPLETION_VARIABLE: "complete_bash", "COMP_WORDS": "scaicore-tui r", "COMP_CWORD": "x"}, False),
        ({COMPLETION_VARIABLE: "complete_bash", "COMP_WORDS": "scaicore-tui r", "COMP_CWORD": "1"}, True),
        ({COMPLETION_VARIABLE: "complete_zsh"}, False),
        ({COMPLETION_VARIABLE: "complete_zsh", "_TYPER_COMPLETE_ARGS": "scaicore-tui r"}, True),
        ({COMPLETION_VARIABLE: "complete_fish", "_TYPER_COMPLETE_ARGS": ""}, True),
    ],
)
def test_completion_starts_only_on_a_complete_request(env: dict[str, str], is_request: bool) -> None:
    assert asks_for_completion(env) is is_request
