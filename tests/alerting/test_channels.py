"""Notices go to commands and webhooks: without tokens in the environment, without redirects, in limited time."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from scaicore_tui.alerting.channels import Channels
from scaicore_tui.alerting.commands import run_command
from scaicore_tui.alerting.webhooks import RETRY_WAITS_S
from scaicore_tui.analysis.alert_incidents import Change, Incident
from scaicore_tui.analysis.alert_notices import NoticeDocument, notice_document
from scaicore_tui.analysis.alert_rules import Match, make_rule
from scaicore_tui.config.alerts import AlertTable
from scaicore_tui.config.token_sources import Arguments
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.secrets import Secret
from tests.support.builders import NOON, SECOND
from tests.support.manual_clock import ManualClock
from tests.support.waiting import wait_until

TOKEN, HOOK = "hook-token-0123456789", "https://hooks.example.com/services/T0-secret-path"
HOSTILE = "core_\x1b]0;<!channel>\ud800\n"
SAVE = "import json, os, sys; json.dump([sys.stdin.read(), dict(os.environ)], open(sys.argv[1], 'w'))"


def notice(change: Change = Change.FIRED) -> NoticeDocument:
    rule = make_rule("failures", AlertTable(where="status:failed", count=2))
    matches = [Match("exec_1", "exec_1", HOSTILE, "n#1", "failed", NOON)] * 12
    return notice_document(rule, change, Incident(NOON, NOON), matches, NOON + 90 * SECOND, "prod eu")


def python(code: str, *arguments: str) -> Arguments:
    return (sys.executable, "-c", code, *arguments)


async def test_a_command_gets_the_notice_and_no_token(tmp_path: Path) -> None:
    file = tmp_path / "got"
    own = Secret("api-token-0123456789")
    env = {"PATH": "/usr/bin", "SCAIGRID_API_KEY": "sgk_1", "MINE": own.reveal(), "HOOK": TOKEN}
    table = AlertTable(command=python(SAVE, str(file)), token_env="HOOK", webhook=HOOK)
    transport = httpx.MockTransport(lambda request: httpx.Response(200))
    channels = Channels(table, env, ManualClock(), lambda text: None, transport)
    assert await channels.send(notice()) == {"command": "", "webhook": ""}
    line, variables = json.loads(file.read_text())
    assert line.endswith("\n")
    document = json.loads(line)
    assert (document["state"], document["count"], len(document["items"])) == ("fired", 12, 10)
    assert document["link"] == "scai:prod%20eu/exec_1#n%231"
    assert document["items"][0]["core_id"] == HOSTILE
    own_variables = {name: value for name, value in variables.items() if name.startswith("SCAICORE_TUI_ALERT")}
    assert own_variables.pop("SCAICORE_TUI_ALERT_INCIDENT") == document["incident"]
    assert own_variables == {
        "SCAICORE_TUI_ALERT": "failures",
        "SCAICORE_TUI_ALERT_STATE": "fired",
        "SCAICORE_TUI_ALERT_TEXT": "alert failures: 12 runs in 5m, limit 2",
        "SCAICORE_TUI_ALERT_PROFILE": "prod eu",
        "SCAICORE_TUI_ALERT_COUNT": "12",
        "SCAICORE_TUI_ALERT_LIMIT": "2",
        "SCAICORE_TUI_ALERT_SINCE": "2026-04-29T12:00:00Z",
        "SCAICORE_TUI_ALERT_LINK": "scai:prod%20eu/exec_1#n%231",
    }
    assert not {"SCAIGRID_API_KEY", "MINE", "HOOK"} & variables.keys()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (python("import sys; sys.exit(3)"), "ended with code 3"),
        (python("import sys; sys.stdin.close(); sys.exit(3)"), "ended with code 3"),
        (("/no/such/program",), "cannot run /no/such/program: No such file or directory"),
        (("/dev/null",), "cannot run /dev/null: Permission denied"),
    ],
)
async def test_a_command_that_fails_says_why(arguments: Sequence[str], problem: str) -> None:
    with pytest.raises(ScaicoreError, match=problem):
        await run_command(arguments, b"x" * 1_000_000, {}, {})


async def test_a_command_that_hangs_is_killed_with_what_it_started(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    code = (
        "import sys, subprocess as s; p = s.Popen(['sleep', '60']); print(p.pid, file=open(sys.argv[1], 'w')); p.wait()"
    )
    with pytest.raises(ScaicoreError, match=r"did not end within 0.5 s, and was stopped"):
        await run_command(python(code, str(file)), b"", {}, {"PATH": "/bin:/usr/bin"}, timeout_s=0.5)
    status = Path(f"/proc/{file.read_text().strip()}/status")
    await wait_until(lambda: not status.exists() or "(zombie)" in status.read_text())


class Hook:
    """A webhook that answers with these statuses, then with 200. An exception in place of a status is raised."""

    def __init__(self, *answers: int | Exception, table: AlertTable, env: dict[str, str] | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self.clock = ManualClock()
        self._answers = iter(answers)
        transport = httpx.MockTransport(self._respond)
        self.channels = Channels(table, env or {}, self.clock, lambda text: None, transport)

    def _respond(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = next(self._answers, 200)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer, headers={"Location": "https://elsewhere.example.com/"})

    async def send(self) -> str:
        """Send a notice, without waiting; return the problem."""
        sending = asyncio.create_task(self.channels.send(notice()))
        while not sending.done():
            await asyncio.sleep(0)
            self.clock.skip()
        return sending.result()["webhook"]


async def test_a_webhook_gets_json_with_its_token(tmp_path: Path) -> None:
    hook = Hook(table=AlertTable(webhook=HOOK, token_env="HOOK"), env={"HOOK": TOKEN})
    assert await hook.send() == ""
    (request,) = hook.requests
    assert (request.method, str(request.url), request.headers["authorization"]) == ("POST", HOOK, f"Bearer {TOKEN}")
    assert request.headers["x-scaicore-incident"] == json.loads(request.content)["incident"]
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    for table in (
        AlertTable(webhook=HOOK, token_file=file, token_header="X-Api-Key"),
        AlertTable(webhook=HOOK, token_command=("echo", TOKEN), token_header="X-Api-Key"),
    ):
        hook = Hook(table=table)
        assert await hook.send() == ""
        assert hook.requests[0].headers["x-api-key"] == TOKEN
        assert "authorization" not in hook.requests[0].headers
    file.chmod(0o644)
    hook = Hook(table=AlertTable(webhook=HOOK, token_file=file))
    assert "can be read by other users" in await hook.send()
    assert hook.requests == []


async def test_temporary_failures_are_tried_again_a_few_times() -> None:
    hook = Hook(503, httpx.ConnectTimeout("slow"), 429, table=AlertTable(webhook=HOOK))
    assert (await hook.send(), len(hook.requests)) == ("", 4)
    assert hook.clock.monotonic() == sum(RETRY_WAITS_S)
    hook = Hook(*[httpx.ConnectError("gone")] * 9, table=AlertTable(webhook=HOOK))
    assert (await hook.send(), len(hook.requests)) == ("hooks.example.com did not answer: ConnectError", 4)


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        (404, "hooks.example.com answered 404 · check the webhook and its token"),
        (307, "hooks.example.com answered 307, a redirect, which is not followed · check the webhook and its token"),
    ],
)
async def test_refusals_and_redirects_are_final(status: int, problem: str) -> None:
    hook = Hook(status, table=AlertTable(webhook=HOOK))
    assert (await hook.send(), len(hook.requests)) == (problem, 1)


async def test_no_message_has_the_address_of_a_webhook() -> None:
    hook = Hook(500, 500, 500, 500, table=AlertTable(webhook=HOOK))
    assert "T0-secret-path" not in await hook.send()
    assert hook.channels.names == ["webhook hooks.example.com"]
    assert "secret-path" not in str(ScaicoreError(f"cannot open {HOOK}"))


async def test_the_bell_rings_with_a_text_of_our_own() -> None:
    rung = list[str]()
    channels = Channels(AlertTable(bell=True), {}, ManualClock(), rung.append)
    assert await channels.send(notice(Change.REMINDED)) == {}
    assert rung == ["\x07\x1b]9;scaicore-tui: alert failures: 12 runs in 5m, limit 2, for 1m now\x1b\\"]


def test_the_text_never_has_a_name_from_outside() -> None:
    texts = [notice(change)["text"] for change in Change]
    assert texts[2] == "alert failures: over after 1m"
    assert not [text for text in texts if "channel" in text or "core_" in text]
