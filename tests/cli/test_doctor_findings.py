"""The findings of `doctor` for given replies of the API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

import pytest
from msgspec.structs import replace

from scaicore_tui.api.probe import Reply
from scaicore_tui.auth import TokenProvider
from scaicore_tui.cli.commands.doctor.api import api_findings
from scaicore_tui.cli.commands.doctor.finding import CheckStatus, Finding
from scaicore_tui.cli.commands.doctor.probe import ProbeResult
from scaicore_tui.config import Api, Target
from scaicore_tui.errors import CredentialsError, PermissionDenied, RequestRejected, ScaicoreError, Unreachable
from scaicore_tui.protocol import read_event_page
from scaicore_tui.secrets import Secret
from tests.support.builders import MILLISECOND, NOON, SECOND, entered
from tests.support.manual_clock import ManualClock
from tests.support.proxy import jwt

TARGET = Target(url="https://h.example", token=Secret("sgk_key"), token_source="HERE")
MISSING = CredentialsError("no credential: every source was checked", hint="set one")
NOW = NOON / SECOND + 60


def reply(status: int | None = 200, error: ScaicoreError | None = None, **more: Any) -> Reply:
    headers: Mapping[str, str] = {"Date": formatdate(NOW)}
    return Reply(
        **{"status": status, "headers": headers, "body": b"", "duration_s": 0.02, "midpoint": NOW, "error": error}
        | more
    )


def page(step: int = -MILLISECOND, count: int = 20) -> bytes:
    """Return a feed page of `count` events, `step` microseconds apart."""
    events = [entered(f"n{n}", NOON + n * step).raw.decode() for n in range(count)]
    return f'{{"data": {{"events": [{", ".join(events)}], "next_cursor": null}}}}'.encode()


def probed(target: Target = TARGET, error: ScaicoreError | None = None, status: int = 200, **more: Any) -> ProbeResult:
    """Return what `doctor` has read from an API that answers correctly, or with `error`."""
    first = reply(status, error)
    result = ProbeResult(
        target, TokenProvider(target, ManualClock(NOW)), events=first, replies=[first, reply(), reply()]
    )
    if error is None:
        result.page, result.checkpoints = read_event_page(page()), reply()
    for name, value in more.items():
        setattr(result, name, value)
    return result


def findings_of(result: ProbeResult) -> dict[str, Finding]:
    """Return the findings of `doctor` by name."""
    return {finding.name: finding for finding in api_findings(result, MISSING, ManualClock(NOW))}


def test_a_working_api_has_only_ok_and_unknown_findings() -> None:
    findings = findings_of(probed())
    assert {finding.status for finding in findings.values()} == {CheckStatus.OK, CheckStatus.UNKNOWN}
    assert {name for name, finding in findings.items() if finding.status is CheckStatus.UNKNOWN} == {
        "caller",
        "manage",
        "limit",
    }
    assert findings["feed"].message == "newest first · times in milliseconds · newest 1m old"
    assert "sgk_key" not in json.dumps([finding.facts for finding in findings.values()]) + str(findings)


def test_every_failed_check_has_a_fix_and_a_code_and_no_check_is_missing() -> None:
    unreachable = probed(error=Unreachable("cannot reach it", hint="check it"), status=200, replies=[])
    rejected = probed(error=CredentialsError("the token is not known [401]"), status=401)
    for findings in (findings_of(unreachable), findings_of(rejected), findings_of(probed(token_error=MISSING))):
        assert list(findings) == list(findings_of(probed()))
        assert all(
            finding.fix and finding.code for finding in findings.values() if finding.status is CheckStatus.FAILED
        )
        assert any(finding.status is CheckStatus.FAILED for finding in findings.values())


def test_other_checks_are_unknown_if_the_api_is_unreachable() -> None:
    error = Unreachable("cannot reach h.example: refused", hint="check that it runs")
    no_reply = reply(None, error, headers={})
    findings = findings_of(probed(error=error, events=no_reply, replies=[no_reply]))
    assert (findings["api"].code, findings["api"].fix) == (3, "check that it runs")
    assert all(
        findings[name].status is CheckStatus.UNKNOWN for name in ("view", "manage", "feed", "clock", "limit", "latency")
    )


def test_the_other_kind_of_api_is_named_with_the_options_to_use() -> None:
    elsewhere = replace(TARGET, api=Api.SCAIGRID)
    findings = findings_of(probed(error=Unreachable("no"), status=404, elsewhere=elsewhere))
    assert "a ScaiGrid at https://h.example/v1/modules/scaicore" in findings["api"].message
    assert findings["api"].fix.startswith("use --url https://h.example --api scaigrid")


def test_an_expired_token_fails() -> None:
    target = replace(TARGET, token=Secret(jwt(sub="usr_1", tenant_id="acme", exp=NOW - 7_300)))
    rejected = CredentialsError("the token is not known [401]", status=401)
    finding = findings_of(probed(target, rejected, 401))["token"]
    assert (finding.status, finding.code) == (CheckStatus.FAILED, 4)
    assert "the token from HERE expired 2h ago" in finding.message
    assert findings_of(probed(target))["token"].status is CheckStatus.FAILED


def test_claims_of_a_token_are_shown_as_not_verified() -> None:
    claims = {"sub": "usr_1", "tenant_id": "acme", "exp": NOW + 2_540, "scope": "scaicore:view scaicore:manage"}
    findings = findings_of(probed(replace(TARGET, token=Secret(jwt(**claims)))))
    assert findings["token"].message == "from HERE · expires in 42m"
    assert findings["caller"].message == "usr_1 of acme according to the token, not verified"
    assert findings["manage"].message == "scaicore:manage according to the token, not verified"


def test_a_missing_token_fails_only_if_the_api_requires_one() -> None:
    target = replace(TARGET, token=None, token_source="")
    rejected = CredentialsError("missing_credentials [412]", status=412)
    findings = findings_of(probed(target, rejected, 412))
    assert (findings["token"].message, findings["token"].fix) == (MISSING.message, "set one")
    assert findings["api"].status is CheckStatus.OK
    assert findings_of(probed(target))["token"].status is CheckStatus.OK


@pytest.mark.parametrize(
    ("permissions", "status", "text"),
    [
        (
            ["scaicore:view", "scaicore:manage", "scaicore:checkpoint_resolve"],
            CheckStatus.OK,
            "can be answered and runs replayed",
        ),
        (["scaicore:view"], CheckStatus.WARNING, "not allowed: scaicore:manage, scaicore:checkpoint_resolve"),
        (["scaicore:checkpoint_resolve"], CheckStatus.WARNING, "not allowed: scaicore:manage"),
        ("?", CheckStatus.UNKNOWN, "not known until the first write"),
    ],
)
def test_permissions_reported_by_a_scaigrid(permissions: object, status: CheckStatus, text: str) -> None:
    me = {"id": "usr\x1b_1", "role": "viewer", "permissions": permissions}
    findings = findings_of(probed(replace(TARGET, api=Api.SCAIGRID), me=me))
    assert findings["caller"].message == "usr␛_1, viewer"
    assert findings["manage"].status is status
    assert text in findings["manage"].message


def test_a_denied_part_of_the_api_is_named() -> None:
    denied = reply(403, PermissionDenied("scaicore:view required [403]"))
    finding = findings_of(probed(checkpoints=denied))["view"]
    assert (finding.code, finding.fix, finding.facts["denied"]) == (
        4,
        "ask your administrator for scaicore:view",
        "checkpoints",
    )


@pytest.mark.parametrize(
    ("step", "text"),
    [(MILLISECOND, "oldest first · times in milliseconds"), (-SECOND, "newest first · times in one second")],
)
def test_the_order_and_the_time_resolution_of_the_feed_are_shown(step: int, text: str) -> None:
    assert findings_of(probed(page=read_event_page(page(step))))["feed"].message.startswith(text)


def test_too_few_events_are_a_finding() -> None:
    assert "order unclear from 3 events" in findings_of(probed(page=read_event_page(page(count=3))))["feed"].message
    finding = findings_of(probed(replace(TARGET, core="core_x"), page=read_event_page(page(count=0))))["feed"]
    assert (finding.status, finding.message) == (CheckStatus.WARNING, "there are no events for Core core_x")


@pytest.mark.parametrize(
    ("date", "status", "text"),
    [
        (NOW, CheckStatus.OK, "agrees with the API's within 0.5 s"),
        (NOW + 200, CheckStatus.WARNING, "this machine's is 3m behind the API's"),
        (NOW - 7_200, CheckStatus.WARNING, "this machine's is 1h ahead of the API's"),
        (None, CheckStatus.UNKNOWN, "does not send its time"),
    ],
)
def test_the_difference_of_the_clocks_is_shown(date: float | None, status: CheckStatus, text: str) -> None:
    headers = {} if date is None else {"Date": formatdate(date)}
    finding = findings_of(probed(replies=[reply(headers=headers, duration_s=0.01)]))["clock"]
    assert finding.status is status
    assert text in finding.message


def test_the_rate_limit_and_the_latency_are_shown() -> None:
    quota = {"X-Scaigrid-Ratelimit-Limit": "60", "X-Scaigrid-Ratelimit-Remaining": "57"}
    findings = findings_of(
        probed(replies=[reply(duration_s=9.0), reply(duration_s=0.03), reply(duration_s=0.05, headers=quota)])
    )
    assert findings["limit"].message == "57 of 60 requests left in this minute"
    assert findings["latency"].facts["median_ms"] == pytest.approx(40)
    slow = reply(duration_s=3.0, headers=quota | {"X-Scaigrid-Ratelimit-Remaining": "5"})
    findings = findings_of(probed(replies=[reply(), slow]))
    assert (findings["limit"].status, findings["latency"].status) == (CheckStatus.WARNING, CheckStatus.WARNING)


def test_a_reached_rate_limit_fails_with_the_time_to_wait() -> None:
    over = RequestRejected("slow down [429]", retry_after=17.0, status=429)
    findings = findings_of(probed(error=over, status=429, replies=[reply(429, over)]))
    assert (findings["limit"].code, findings["limit"].fix) == (3, "try again in 17s")
    assert findings["api"].status is CheckStatus.OK
