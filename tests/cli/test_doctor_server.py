"""The findings of `doctor` about a journal on a server: one for each way in which it may not work, with what to do."""

from __future__ import annotations

import pytest

from scaicore_tui.cli.commands.doctor.finding import CheckStatus, Finding
from scaicore_tui.cli.commands.doctor.server import (
    clock_finding,
    connection_finding,
    feed_findings,
    notify_finding,
    recorder_finding,
)
from scaicore_tui.errors import NotFound
from scaicore_tui.store.postgres.inspection import Recorder, ServerReport


def report(**changed: object) -> ServerReport:
    found = ServerReport(
        label="postgresql://db/journal",
        version="15.4",
        tls="TLSv1.3",
        is_local=False,
        is_replica=False,
        role="ada",
        may_create=False,
        clock_ahead_s=0.2,
        has_notify=True,
    )
    found.tables_version = found.known_version
    for name, value in changed.items():
        setattr(found, name, value)
    return found


def recorder(**changed: object) -> Recorder:
    values = {"is_leader": True, "seen_age_s": 2.0, "polled_age_s": 2.5, "interval_s": 5.0, "problem": "", **changed}
    return Recorder(host="box1", **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("finding", "status", "text"),
    [
        (connection_finding(report()), CheckStatus.OK, "PostgreSQL 15.4 · TLSv1.3 · feeds for this role: none"),
        (connection_finding(report(tls="")), CheckStatus.WARNING, "no TLS"),
        (connection_finding(report(tls="", is_local=True)), CheckStatus.OK, "a local socket"),
        (connection_finding(report(is_replica=True)), CheckStatus.OK, "a replica, which can only be read"),
        (clock_finding(-7.5), CheckStatus.WARNING, "behind this machine by 7.5s"),
        (clock_finding(0.2), CheckStatus.OK, "ahead of this machine by 200ms"),
        (notify_finding(report()), CheckStatus.OK, "notifications arrive"),
        (notify_finding(report(has_notify=False)), CheckStatus.WARNING, "a pooler in transaction mode?"),
        (notify_finding(report(has_notify=False, is_replica=True)), CheckStatus.WARNING, "a replica sends none"),
        (recorder_finding(report()), CheckStatus.WARNING, "none has reported"),
        (
            recorder_finding(report(recorders=[recorder(), recorder(is_leader=False)])),
            CheckStatus.OK,
            "on box1 · seen 2.0s ago, API read 2.5s ago · 1 standing by",
        ),
        (recorder_finding(report(recorders=[recorder(seen_age_s=300.0)])), CheckStatus.WARNING, "silent: on box1"),
        (recorder_finding(report(recorders=[recorder(polled_age_s=None)])), CheckStatus.OK, "API read never"),
        (recorder_finding(report(recorders=[recorder(problem="token expired")])), CheckStatus.WARNING, "token expired"),
    ],
)
def test_a_finding_says_what_was_found_and_what_to_do(finding: Finding, status: CheckStatus, text: str) -> None:
    assert (finding.status, text in finding.message) == (status, True), finding.message
    assert bool(finding.fix) == (status is CheckStatus.WARNING)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"may_write": True, "may_answer": True}, ("ok", "ada may read and record and answer")),
        ({"tables_version": 0}, ("failed", "version 0, but this program needs version")),
        ({"problem": NotFound("there is no journal", hint="h")}, ("failed", "there is no journal")),
        ({"problem": NotFound("there is no journal"), "may_create": True}, ("ok", "ada may create the journal")),
    ],
)
def test_the_role_and_the_tables_are_checked(changed: dict[str, object], expected: tuple[str, str]) -> None:
    found = list(feed_findings(report(**changed)))
    assert any((finding.status, finding.message.startswith(expected[1])) == (expected[0], True) for finding in found)
    assert [finding.name for finding in found] == ["role", "tables", "recorder"]
