"""What calls a person: counts and nothing else, at most so often; and what it is that calls."""

from __future__ import annotations

import pytest

from scaicore_tui.notify import MIN_INTERVAL_S, TerminalNotifier
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import RunStatus
from scaicore_tui.tui.alerts import AlertTracker
from tests.support.builders import NOON, event, started
from tests.support.memory_index import MemoryIndex


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
def test_it_rings_the_bell_and_sends_one_notification(env: dict[str, str], notice: str) -> None:
    bell = TerminalNotifier(env)
    assert bell.flush(0) == ""
    bell.add(1, 2)
    assert bell.flush(0) == f"\x07{notice}"
    assert bell.flush(MIN_INTERVAL_S) == ""


def test_events_between_notifications_are_counted_and_reported_later() -> None:
    bell = TerminalNotifier({})
    bell.add(1, 0)
    assert "1 failed" in bell.flush(100)
    bell.add(1, 0)
    bell.add(2, 1)
    assert bell.flush(100 + MIN_INTERVAL_S - 1) == ""
    assert "3 failed, 1 waiting" in bell.flush(100 + MIN_INTERVAL_S)


def test_each_failure_and_each_checkpoint_calls_once_and_history_never() -> None:
    book, attention = MemoryIndex(), AlertTracker()
    ours = Checkpoint(id="ckpt_1")
    changed = book.add_newer(failed("exec_1"))  # type: ignore[arg-type]
    assert attention.update(book, changed, [ours]) == (1, 1)
    assert attention.update(book, changed, [ours]) == (0, 0)
    changed = book.add_older(failed("exec_0"))  # type: ignore[arg-type]
    assert attention.update(book, changed, []) == (0, 0)
    changed = book.add_newer([event("custom.note", NOON + 2, "exec_0")])
    assert book.summaries["exec_0"].status is RunStatus.FAILED
    assert attention.update(book, changed, [ours, Checkpoint(id="ckpt_2")]) == (0, 1)
