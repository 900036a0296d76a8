"""A variable that a shell sets while it completes, and that somebody exported."""

from __future__ import annotations

import pytest

from scaicore_tui.__main__ import COMPLETION, asks_for_completion


@pytest.mark.parametrize(
    ("env", "asks"),
    [
        ({}, False),
        ({COMPLETION: ""}, False),
        ({COMPLETION: "nonsense"}, False),
        ({COMPLETION: "complete_nonsense"}, False),
        ({COMPLETION: "source_bash"}, True),
        ({COMPLETION: "complete_bash"}, False),
        ({COMPLETION: "complete_bash", "COMP_WORDS": "scaicore-tui r", "COMP_CWORD": "x"}, False),
        ({COMPLETION: "complete_bash", "COMP_WORDS": "scaicore-tui r", "COMP_CWORD": "1"}, True),
        ({COMPLETION: "complete_zsh"}, False),
        ({COMPLETION: "complete_zsh", "_TYPER_COMPLETE_ARGS": "scaicore-tui r"}, True),
        ({COMPLETION: "complete_fish", "_TYPER_COMPLETE_ARGS": ""}, True),
    ],
)
def test_only_a_shell_that_says_what_it_completes_is_answered(env: dict[str, str], asks: bool) -> None:
    assert asks_for_completion(env) is asks
