"""The input that a replay sends: the captured one byte for byte, or another one as it was given."""

from __future__ import annotations

from typing import Any

from scaicore_tui.runs import Run
from scaicore_tui.wire.given import GivenJson, read_given, written


def captured_input(run: Run) -> GivenJson:
    """Return the input of `run` as its start told it.

    Where that is no strict JSON (a control character in a string, say), it is written anew from its value. Raises
    UsageError where that can't be sent either.
    """
    source = run.input_json
    if source is not None:
        try:
            return read_given(source.decode())
        except ValueError:
            pass
    return written(run.input)


def replay_input(run: Run, value: Any, *, given_input: bool) -> GivenJson:
    """Return what a replay of `run` sends: its captured input, or the given `value`, which may be JSON already.

    Raises UsageError where it can't be sent as JSON.
    """
    if not given_input:
        return captured_input(run)
    return value if isinstance(value, GivenJson) else written(value)
