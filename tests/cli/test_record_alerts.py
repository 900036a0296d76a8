"""Alerts of a recording: each incident once, also after a restart, and nothing that fails stops the recording."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from scaicore_tui.alerting.channels import Channels
from scaicore_tui.alerting.incident_file import IncidentFile
from scaicore_tui.analysis.alert_rules import make_rule
from scaicore_tui.cli.commands import record_alerts
from scaicore_tui.cli.commands.record_alerts import AlertRecording, noticing
from scaicore_tui.config.alerts import AlertTable
from scaicore_tui.protocol import Event
from scaicore_tui.session import Session
from tests.support.builders import SECOND, checkpoint, event, started
from tests.support.core_inputs import GOOD
from tests.support.feed_simulator import FeedSim
from tests.support.manual_clock import ManualClock
from tests.support.program import FAST_POLLING, TIMEOUT_S, FastGrid, Program, next_line_with
from tests.support.waiting import wait_until

# When manual clocks begin.
NOW = 1_800_000_000 * SECOND
HOOK = "https://hooks.example.com/hidden-path"
FAILURES = AlertTable(where="status:failed", count=2, window="5m", remind="1h", resolve=True, webhook=HOOK)


def failed_run(number: int, at: int = NOW) -> list[Event]:
    run = f"exec_{number}"
    return [started(at, run), event("invocation.failed", at, run, error="secret-payload")]


class Watched:
    """A session on a simulated feed with one rule, whose notices go to a webhook that answers `status`."""

    def __init__(self, sim: FeedSim, session: Session, table: AlertTable, path: Path) -> None:
        assert isinstance(session.clock, ManualClock)
        self.sim, self.session, self.clock = sim, session, session.clock
        self.status = 200
        self.is_leader = True
        self.asked = 0
        self.received: list[Any] = []
        channels = Channels(table, {}, self.clock, lambda text: None, httpx.MockTransport(self._respond))
        rules = [(make_rule("failures", table), channels)]
        self.alerts = AlertRecording(session, rules, IncidentFile(path), self._leads)

    def _leads(self) -> bool:
        self.asked += 1
        return self.is_leader

    def _respond(self, request: httpx.Request) -> httpx.Response:
        self.received.append(json.loads(request.content))
        return httpx.Response(self.status)

    async def evaluate(self, seconds: float = 0, *, polled: bool = True) -> list[str]:
        """Go on for `seconds`, poll and evaluate; return the states of the notices that arrived."""
        before = len(self.received)
        self.clock.advance(seconds)
        if polled:
            await self.session.read_once()
        await self.alerts.evaluate()
        while self.alerts._sending:
            await asyncio.sleep(0)
            self.clock.skip()
        return [document["state"] for document in self.received[before:]]


@asynccontextmanager
async def watched(path: Path, table: AlertTable = FAILURES, sim: FeedSim | None = None) -> AsyncIterator[Watched]:
    sim = sim or FeedSim([started(NOW)])
    async with sim.session() as session:
        found = Watched(sim, session, table, path)
        await found.alerts.load()
        yield found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "alerts.json"


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def damage(path: Path) -> None:
    path.write_text("{damaged")


async def record_until_reported(alerts: AlertRecording, capsys: pytest.CaptureFixture[str]) -> None:
    """Record until an internal error was reported."""
    async with noticing(alerts):
        await wait_until(lambda: "internal error ZeroDivisionError; recording goes on" in capsys.readouterr().err)


async def test_an_incident_is_announced_once_reminded_and_resolved(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with watched(path) as found:
        assert await found.evaluate() == []
        found.sim.log += failed_run(1)
        assert await found.evaluate(1) == []
        found.sim.log += failed_run(2)
        assert await found.evaluate(1) == ["fired"]
        assert await found.evaluate(1) == []
        for number in range(1, 14):
            at = NOW + number * 290 * SECOND
            found.sim.log += failed_run(10 + number, at) + failed_run(100 + number, at)
            assert await found.evaluate(290) == (["reminded"] if number == 13 else [])
        assert await found.evaluate(300) == []
        assert await found.evaluate(299) == []
        assert await found.evaluate(1) == ["resolved"]
    fired, reminded, resolved = found.received
    assert (fired["count"], fired["limit"], fired["link"]) == (2, 2, "scai:127.0.0.1%3A1/exec_2")
    assert fired["incident"] == reminded["incident"] == resolved["incident"]
    assert resolved["count"] == 0
    assert "secret-payload" not in json.dumps(found.received)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "08:00:02Z alert failures: 2 runs in 5m, limit 2 · scai:127.0.0.1%3A1/exec_2"
    assert [line.partition(": ")[2][:10] for line in lines] == ["2 runs in ", "4 runs in ", "over after"]


async def test_a_restart_announces_nothing_again(path: Path) -> None:
    sim = FeedSim([*failed_run(1), *failed_run(2)])
    async with watched(path, sim=sim) as found:
        assert await found.evaluate() == ["fired"]
    assert mode_of(path) == 0o600
    async with watched(path, sim=sim) as found:
        assert await found.evaluate() == []
    # Another condition, or a file that is damaged, is a new beginning.
    async with watched(path, AlertTable(where="status:failed", webhook=HOOK), sim) as found:
        assert await found.evaluate() == ["fired"]
    async with watched(path, AlertTable(where="status:failed", webhook=HOOK, resolve=True), sim) as found:
        assert await found.evaluate(400) == []
        assert await found.evaluate(300) == ["resolved"]
    damage(path)
    async with watched(path, sim=sim) as found:
        assert await found.evaluate() == ["fired"]


async def test_nothing_is_over_while_the_api_does_not_answer(path: Path) -> None:
    async with watched(path, sim=FeedSim([*failed_run(1), *failed_run(2)])) as found:
        assert await found.evaluate() == ["fired"]
        for _ in range(4):
            assert await found.evaluate(400, polled=False) == []
        assert await found.evaluate() == []
        assert await found.evaluate(300) == ["resolved"]


async def test_no_run_gets_older_while_the_api_does_not_answer(path: Path) -> None:
    async with watched(path, AlertTable(where="is:running age>10m", webhook=HOOK)) as found:
        assert await found.evaluate() == []
        assert await found.evaluate(900, polled=False) == []
        assert await found.evaluate() == ["fired"]


async def test_each_checkpoint_is_announced_before_its_deadline(path: Path) -> None:
    rows = [
        checkpoint("a", expires_at="2027-01-15T08:14:00Z"),
        checkpoint("b", expires_at="2027-01-15T08:16:00Z", presentation={"title": "secret-payload"}),
    ]
    sim = FeedSim([started(NOW)], checkpoints=rows)
    async with watched(path, AlertTable(deadline="15m", resolve=True, webhook=HOOK), sim) as found:
        assert await found.evaluate() == ["fired"]
        assert await found.evaluate(59, polled=False) == []
        # The deadline comes nearer while the API does not answer.
        assert await found.evaluate(1, polled=False) == ["fired"]
        sim.checkpoints = []
        assert await found.evaluate(200, polled=False) == []
        assert await found.evaluate() == ["resolved"]
    first, second, over = found.received
    assert first["text"] == "alert failures: the deadline of 1 checkpoint is within 15m"
    assert [len(document["items"]) for document in found.received] == [1, 1, 0]
    assert second["items"][0]["at"] == "2027-01-15T08:16:00Z"
    assert (over["deadline_s"], over["window_s"]) == (900, None)
    assert "secret-payload" not in json.dumps(found.received)


async def test_a_webhook_that_fails_is_reported_once(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = AlertTable(where="status:failed", window="1m", remind="1m", webhook=HOOK)
    async with watched(path, table) as found:
        found.status = 404
        for number in range(4):
            found.sim.log += failed_run(number, NOW + number * 60 * SECOND)
            assert await found.evaluate(60) == ["fired" if number == 0 else "reminded"]
        found.status = 200
        found.sim.log += failed_run(4, NOW + 300 * SECOND)
        assert await found.evaluate(60) == ["reminded"]
        # The end is only printed.
        assert await found.evaluate(120) == []
        assert await found.evaluate(60) == []
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].endswith("alert failures: over after 7m")
    problems = [line.partition("failures: ")[2] for line in lines if "webhook" in line]
    assert problems == [
        "webhook: hooks.example.com answered 404 · check the webhook and its token; recording goes on",
        "webhook works again",
    ]


async def test_only_the_leader_alerts_and_an_internal_error_ends_no_recording(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(path, sim=FeedSim([*failed_run(1), *failed_run(2)])) as found:
        found.is_leader = False
        async with noticing(found.alerts):
            await found.session.read_once()
            await wait_until(lambda: found.clock.skip() and found.asked > 2)
            assert found.received == []
            found.is_leader = True
            while not found.received:
                await asyncio.sleep(0)
                found.clock.skip()

        def fail(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(record_alerts, "active_keys", fail)
        with pytest.raises(ZeroDivisionError):
            await record_until_reported(found.alerts, capsys)


def test_the_program_alerts_by_a_command(busy_grid: FastGrid, watcher: Program, tmp_path: Path) -> None:
    got, journal = tmp_path / "got", tmp_path / "j"
    config = Path(watcher.environment["XDG_CONFIG_HOME"]) / "scaicore-tui" / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    rule = f'where = "status:completed"\ncommand = ["sh", "-c", "cat >> {got}"]\nwindow = "1h"'
    config.write_text(f'[alerts.done]\n{rule}\n[alerts.elsewhere]\nprofiles = ["other"]\n{rule}\n')
    options = ("--journal", str(journal), *FAST_POLLING)
    run = busy_grid.finish_run("core_invoice-batch", GOOD)
    with watcher.started("record", *options) as process:
        assert run in next_line_with(process.stderr, "alert done: 1 run in 1h, limit 1")
        process.terminate()
        process.communicate(timeout=TIMEOUT_S)
    document = json.loads(got.read_text())
    assert (document["rule"], document["state"], document["count"]) == ("done", "fired", 1)
    assert watcher("record", *options, "--for", "1").stderr.count("alert ") == 0
    done = watcher("alerts", "test", "done", "--journal", str(journal), "--send")
    printed = json.loads(done.stdout)
    assert (done.returncode, printed["count"], printed["test"]) == (0, 1, True)
    assert f"{journal}: 1 match, and the condition holds; notices go to command\ncommand: sent\n" in done.stderr
    assert json.loads(got.read_text().splitlines()[1]) == printed
    without_journal = watcher("alerts", "test", "elsewhere", "--state", "resolved")
    assert json.loads(without_journal.stdout)["text"] == "alert elsewhere: over after 0s"
    assert "no journal yet: 0 match, and the condition does not hold; notices go to command" in without_journal.stderr
    assert "not evaluated for the profile default: the rule is for others" in without_journal.stderr
    unknown = watcher("alerts", "test", "don")
    assert (unknown.returncode, "nothing was sent · did you mean done?" in unknown.stderr) == (2, True)
    config.write_text('[alerts.done]\nwhere = "status:done"\n')
    refused = watcher("record", *options)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "alerts.done.where: status is never done" in refused.stderr
    assert "nothing was recorded" in refused.stderr
    checked = watcher("config", "check")
    assert (checked.returncode, "alerts.done.where: status is never done" in checked.stdout) == (2, True)
