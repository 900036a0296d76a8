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
MISSING = CredentialsError("no credential: looked everywhere", hint="set one")
NOW = NOON / SECOND + 60


def reply(status: int | None = 200, error: ScaicoreError | None = None, **more: Any) -> Reply:
    headers: Mapping[str, str] = {"Date": formatdate(NOW)}
    return Reply(
        **{"status": status, "headers": headers, "body": b"", "duration_s": 0.02, "midpoint": NOW, "error": error}
        | more
    )


def page(step: int = -MILLISECOND, count: int = 20) -> bytes:
    events = [entered(f"n{n}", NOON + n * step).raw.decode() for n in range(count)]
    return f'{{"data": {{"events": [{", ".join(events)}], "next_cursor": null}}}}'.encode()


def seen(target: Target = TARGET, error: ScaicoreError | None = None, status: int = 200, **more: Any) -> ProbeResult:
    """A look at an API that answers well, or with `error`."""
    answered = reply(status, error)
    found = ProbeResult(
        target, TokenProvider(target, ManualClock(NOW)), events=answered, replies=[answered, reply(), reply()]
    )
    if error is None:
        found.page, found.checkpoints = read_event_page(page()), reply()
    for name, value in more.items():
        setattr(found, name, value)
    return found


def found(what: ProbeResult) -> dict[str, Finding]:
    return {finding.name: finding for finding in api_findings(what, MISSING, ManualClock(NOW))}


def test_all_is_well() -> None:
    findings = found(seen())
    assert {finding.status for finding in findings.values()} == {CheckStatus.OK, CheckStatus.UNKNOWN}
    assert {name for name, one in findings.items() if one.status is CheckStatus.UNKNOWN} == {
        "caller",
        "manage",
        "limit",
    }
    assert findings["feed"].message == "newest first · times in milliseconds · newest 1m old"
    assert "sgk_key" not in json.dumps([one.facts for one in findings.values()]) + str(findings)


def test_every_failed_check_has_a_fix_and_no_check_is_missing() -> None:
    down = seen(error=Unreachable("cannot reach it", hint="check it"), status=200, replies=[])
    no = seen(error=CredentialsError("the token is not known [401]"), status=401)
    for findings in (found(down), found(no), found(seen(token_error=MISSING))):
        assert list(findings) == list(found(seen()))
        assert all(one.fix and one.code for one in findings.values() if one.status is CheckStatus.FAILED)
        assert any(one.status is CheckStatus.FAILED for one in findings.values())


def test_an_api_that_is_not_reached_leaves_the_rest_unknown() -> None:
    gone = Unreachable("cannot reach h.example: refused", hint="check that it runs")
    nothing = reply(None, gone, headers={})
    findings = found(seen(error=gone, events=nothing, replies=[nothing]))
    assert (findings["api"].code, findings["api"].fix) == (3, "check that it runs")
    assert all(
        findings[name].status is CheckStatus.UNKNOWN for name in ("view", "manage", "feed", "clock", "limit", "latency")
    )


def test_an_api_of_the_other_style_is_named() -> None:
    elsewhere = replace(TARGET, api=Api.SCAIGRID)
    findings = found(seen(error=Unreachable("no"), status=404, elsewhere=elsewhere))
    assert "a ScaiGrid at https://h.example/v1/modules/scaicore" in findings["api"].message
    assert findings["api"].fix.startswith("use --url https://h.example --api scaigrid")


def test_a_token_that_ran_out() -> None:
    target = replace(TARGET, token=Secret(jwt(sub="usr_1", tenant_id="acme", exp=NOW - 7_300)))
    refused = CredentialsError("the token is not known [401]", status=401)
    finding = found(seen(target, refused, 401))["token"]
    assert (finding.status, finding.code) == (CheckStatus.FAILED, 4)
    assert "the token from HERE expired 2h ago" in finding.message
    assert found(seen(target))["token"].status is CheckStatus.FAILED


def test_claims_of_a_token_are_not_verified() -> None:
    claims = {"sub": "usr_1", "tenant_id": "acme", "exp": NOW + 2_540, "scope": "scaicore:view scaicore:manage"}
    findings = found(seen(replace(TARGET, token=Secret(jwt(**claims)))))
    assert findings["token"].message == "from HERE · expires in 42m"
    assert findings["caller"].message == "usr_1 of acme according to the token, not verified"
    assert findings["manage"].message == "scaicore:manage according to the token, not verified"


def test_no_token() -> None:
    target = replace(TARGET, token=None, token_source="")
    refused = CredentialsError("missing_credentials [412]", status=412)
    findings = found(seen(target, refused, 412))
    assert (findings["token"].message, findings["token"].fix) == (MISSING.message, "set one")
    assert findings["api"].status is CheckStatus.OK
    assert found(seen(target))["token"].status is CheckStatus.OK


@pytest.mark.parametrize(
    ("permissions", "mark", "words"),
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
def test_permissions_reported_by_a_scaigrid(permissions: object, mark: CheckStatus, words: str) -> None:
    me = {"id": "usr\x1b_1", "role": "viewer", "permissions": permissions}
    findings = found(seen(replace(TARGET, api=Api.SCAIGRID), me=me))
    assert findings["caller"].message == "usr␛_1, viewer"
    assert findings["manage"].status is mark
    assert words in findings["manage"].message


def test_a_part_that_is_denied() -> None:
    denied = reply(403, PermissionDenied("scaicore:view required [403]"))
    finding = found(seen(checkpoints=denied))["view"]
    assert (finding.code, finding.fix, finding.facts["denied"]) == (
        4,
        "ask your administrator for scaicore:view",
        "checkpoints",
    )


@pytest.mark.parametrize(
    ("step", "words"),
    [(MILLISECOND, "oldest first · times in milliseconds"), (-SECOND, "newest first · times in one second")],
)
def test_the_feed_s_order_and_resolution(step: int, words: str) -> None:
    assert found(seen(page=read_event_page(page(step))))["feed"].message.startswith(words)


def test_a_feed_of_few_or_no_events() -> None:
    assert "order unclear from 3 events" in found(seen(page=read_event_page(page(count=3))))["feed"].message
    finding = found(seen(replace(TARGET, core="core_x"), page=read_event_page(page(count=0))))["feed"]
    assert (finding.status, finding.message) == (CheckStatus.WARNING, "there are no events for Core core_x")


@pytest.mark.parametrize(
    ("date", "mark", "words"),
    [
        (NOW, CheckStatus.OK, "agrees with the API's within 0.5 s"),
        (NOW + 200, CheckStatus.WARNING, "this machine's is 3m behind the API's"),
        (NOW - 7_200, CheckStatus.WARNING, "this machine's is 1h ahead of the API's"),
        (None, CheckStatus.UNKNOWN, "does not send its time"),
    ],
)
def test_the_clocks(date: float | None, mark: CheckStatus, words: str) -> None:
    headers = {} if date is None else {"Date": formatdate(date)}
    finding = found(seen(replies=[reply(headers=headers, duration_s=0.01)]))["clock"]
    assert finding.status is mark
    assert words in finding.message


def test_the_limit_and_the_latency() -> None:
    quota = {"X-Scaigrid-Ratelimit-Limit": "60", "X-Scaigrid-Ratelimit-Remaining": "57"}
    findings = found(
        seen(replies=[reply(duration_s=9.0), reply(duration_s=0.03), reply(duration_s=0.05, headers=quota)])
    )
    assert findings["limit"].message == "57 of 60 requests left in this minute"
    assert findings["latency"].facts["median_ms"] == pytest.approx(40)
    few = reply(duration_s=3.0, headers=quota | {"X-Scaigrid-Ratelimit-Remaining": "5"})
    findings = found(seen(replies=[reply(), few]))
    assert (findings["limit"].status, findings["latency"].status) == (CheckStatus.WARNING, CheckStatus.WARNING)


def test_a_limit_that_is_reached() -> None:
    over = RequestRejected("slow down [429]", retry_after=17.0, status=429)
    findings = found(seen(error=over, status=429, replies=[reply(429, over)]))
    assert (findings["limit"].code, findings["limit"].fix) == (3, "try again in 17s")
    assert findings["api"].status is CheckStatus.OK
