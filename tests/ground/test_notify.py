"""What calls a person: counts and nothing else, at most so often; and what it is that calls."""

from __future__ import annotations

import pytest

from scaicore_tui.bell import AT_MOST_EVERY, Bell
from scaicore_tui.runs import RunStatus
from scaicore_tui.runs.attention import Attention
from scaicore_tui.wire import Checkpoint
from tests.support.builders import NOON, event, started
from tests.support.memory_index import MemoryBook


def failed(execution: str) -> list[object]:
    return [started(NOON, execution), event("invocation.failed", NOON + 1, execution, error="\x1b]0;secret\x07")]


@pytest.mark.parametrize(
    ("env", "notice"),
    [
        ({"TERM": "xterm-256color"}, "\x1b]9;scaicore-tui: 1 failed, 2 waiting for you\x1b\\"),
        ({"TERM": "foot"}, "\x1b]777;notify;scaicore-tui;1 failed, 2 waiting for you\x1b\\"),
        ({"VTE_VERSION": "7600"}, "\x1b]777;notify;scaicore-tui;1 failed, 2 waiting for you\x1b\\"),
    ],
)
def test_it_rings_and_gives_one_notice(env: dict[str, str], notice: str) -> None:
    bell = Bell(env)
    assert bell.ring(0) == ""
    bell.count(1, 2)
    assert bell.ring(0) == f"\x07{notice}"
    assert bell.ring(AT_MOST_EVERY) == ""


def test_what_happens_meanwhile_is_counted_and_told_later() -> None:
    bell = Bell({})
    bell.count(1, 0)
    assert "1 failed" in bell.ring(100)
    bell.count(1, 0)
    bell.count(2, 1)
    assert bell.ring(100 + AT_MOST_EVERY - 1) == ""
    assert "3 failed, 1 waiting" in bell.ring(100 + AT_MOST_EVERY)


def test_each_failure_and_each_checkpoint_calls_once_and_history_never() -> None:
    book, attention = MemoryBook(), Attention()
    ours = Checkpoint(id="ckpt_1")
    changed = book.apply(failed("exec_1"))  # type: ignore[arg-type]
    assert attention.take(book, changed, [ours]) == (1, 1)
    assert attention.take(book, changed, [ours]) == (0, 0)
    changed = book.prepend(failed("exec_0"))  # type: ignore[arg-type]
    assert attention.take(book, changed, []) == (0, 0)
    changed = book.apply([event("custom.note", NOON + 2, "exec_0")])
    assert book.summaries["exec_0"].status is RunStatus.FAILED
    assert attention.take(book, changed, [ours, Checkpoint(id="ckpt_2")]) == (0, 1)
