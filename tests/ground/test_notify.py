"""Notifications contain counts only and are limited in frequency; each failure and checkpoint causes one."""

from __future__ import annotations

import pytest

from scaicore_tui.notify import MIN_INTERVAL_S, TerminalNotifier
from scaicore_tui.protocol import Checkpoint, Event
from scaicore_tui.runs import RunStatus
from scaicore_tui.tui.alerts import AlertNotifier, AlertTracker
from tests.support.builders import NOON, event, started
from tests.support.feed_simulator import FeedSim
from tests.support.memory_index import MemoryIndex


def failed_run(execution: str) -> list[Event]:
    """Return the events of a run that failed with an error that contains an escape sequence."""
    return [started(NOON, execution), event("invocation.failed", NOON + 1, execution, error="\x1b]0;secret\x07")]


@pytest.mark.parametrize(
    ("env", "notice"),
    [
        ({"TERM": "xterm-256color"}, "\x1b]9;scaicore-tui: 1 failed, 2 waiting for you\x1b\\"),
        ({"TERM": "foot"}, "\x1b]777;notify;scaicore-tui;1 failed, 2 waiting for you\x1b\\"),
        ({"VTE_VERSION": "7600"}, "\x1b]777;notify;scaicore-tui;1 failed, 2 waiting for you\x1b\\"),
    ],
)
def test_the_bell_and_one_notification_are_sent(env: dict[str, str], notice: str) -> None:
    notifier = TerminalNotifier(env)
    assert notifier.flush(0) == ""
    notifier.add(1, 2)
    assert notifier.flush(0) == f"\x07{notice}"
    assert notifier.flush(MIN_INTERVAL_S) == ""


def test_events_within_the_minimum_interval_are_reported_together_later() -> None:
    notifier = TerminalNotifier({})
    notifier.add(1, 0)
    assert "1 failed" in notifier.flush(100)
    notifier.add(1, 0)
    notifier.add(2, 1)
    assert notifier.flush(100 + MIN_INTERVAL_S - 1) == ""
    assert "3 failed, 1 waiting" in notifier.flush(100 + MIN_INTERVAL_S)


def test_each_failure_and_each_checkpoint_alerts_once_and_history_never() -> None:
    index, alerts = MemoryIndex(), AlertTracker()
    pending = Checkpoint(id="ckpt_1")
    changed = index.add_newer(failed_run("exec_1"))
    assert alerts.update(changed, [pending]) == (1, 1)
    assert alerts.update(changed, [pending]) == (0, 0)
    changed = index.add_older(failed_run("exec_0"))
    assert alerts.update(changed, []) == (0, 0)
    changed = index.add_newer([event("custom.note", NOON + 2, "exec_0")])
    assert index.find_one("exec_0").status is RunStatus.FAILED
    assert alerts.update(changed, [pending, Checkpoint(id="ckpt_2")]) == (0, 1)


async def test_a_session_notifies_of_a_run_that_fails_after_the_first_poll() -> None:
    sim = FeedSim(failed_run("exec_1"))
    async with sim.session() as session:
        notifier = AlertNotifier(session, TerminalNotifier({}))
        await session.read_once()
        assert notifier.flush() == ""
        sim.log += failed_run("exec_2")
        await session.read_once()
        assert "scaicore-tui: 1 failed" in notifier.flush()
