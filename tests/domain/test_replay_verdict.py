"""The verdict on a replay, by the end of both runs."""

from __future__ import annotations

from typing import Any

import pytest

from scaicore_tui.analysis.diff import Cause, ComparedRun
from scaicore_tui.analysis.replay_verdict import VERDICT_WORDS, Judgement, Verdict, judge
from scaicore_tui.analysis.steps import build_steps
from scaicore_tui.runs.cache import project
from tests.support.scene import TRIAGE, RunEvents

DOWN = {"code": "BANK_DOWN", "message": "order 4711 was not paid within 30 s"}


def run(name: str = "a", *, error: Any = None, node: str = "pay", output: Any = None, value: Any = 1) -> ComparedRun:
    """Return a run that ends with `output`, or fails at `node` with `error`."""
    events = RunEvents(f"exec_{name}", TRIAGE, 0).start(n=7).step("load", "rigid", 5, value)
    events = events.end(output) if error is None else events.fail(node, "core_call", 9, error)
    reduced, _ = project(f"exec_{name}", enumerate(events.events))
    return ComparedRun(reduced, build_steps(reduced))


@pytest.mark.parametrize(
    ("original", "replay", "verdict"),
    [
        (run(error=DOWN), run(output=1), Verdict.FIXED),
        (run(error=DOWN), run(error=DOWN), Verdict.SAME_ERROR),
        # Numbers and ids do not count.
        (run(error=DOWN), run(error=DOWN | {"message": "order 12 was not paid within 45 s"}), Verdict.SAME_ERROR),
        (run(error=DOWN), run(error=DOWN | {"message": "order 4711 was refused"}), Verdict.OTHER_ERROR),
        (run(error=DOWN), run(error=DOWN | {"code": "NO_ACCOUNT"}), Verdict.OTHER_ERROR),
        (run(error=DOWN), run(error=DOWN, node="book"), Verdict.OTHER_ERROR),
        (run(error=""), run(error=""), Verdict.SAME_ERROR),
        (run(error=""), run(error="", node="book"), Verdict.OTHER_ERROR),
        (run(output=1), run(error=DOWN), Verdict.OTHER_ERROR),
        (run(output={"a": [1, 2]}), run(output={"a": [1, 2]}), Verdict.ALIKE),
        # The path may differ: the output is what counts.
        (run(output=1, value="x"), run(output=1, value="y"), Verdict.ALIKE),
        (run(output=1), run(output=True), Verdict.OUTPUT_DIFFERS),
        (run(output=None), run(output=0), Verdict.OUTPUT_DIFFERS),
    ],
)
def test_the_verdict_is_that_of_both_ends(original: ComparedRun, replay: ComparedRun, verdict: Verdict) -> None:
    assert judge(original, replay).verdict is verdict


def test_a_judgement_says_what_differs() -> None:
    found = judge(run(output={"a": [1, 2], "b": 0}, value="x"), run("b", output={"a": [1, 3], "b": 1}, value="y"))
    assert found.change is not None
    assert (found.change.path, found.change.a, found.change.b, found.change_count) == (("a", 1), 2, 3, 2)
    assert (found.first_node, found.cause, found.error) == ("load", Cause.RESULT, None)
    failed = judge(run(output=1), run("b", error=DOWN))
    assert (failed.error, failed.failed_node) == ("BANK_DOWN: order 4711 was not paid within 30 s", "pay")
    assert judge(run(output=1), run(output=1)) == Judgement(Verdict.ALIKE)


def test_each_verdict_is_explained() -> None:
    assert list(VERDICT_WORDS) == list(Verdict)
