"""Check a journal on a server: connection, role, tables, recorders, clock and notifications."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from scaicore_tui.cli.commands.doctor.finding import Finding, failed, ok, unknown, warning
from scaicore_tui.clock import Clock
from scaicore_tui.config.journal_url import JournalUrl
from scaicore_tui.errors import NotFound, ScaicoreError, StorageError
from scaicore_tui.store import inspect_server_journal
from scaicore_tui.text import one_line
from scaicore_tui.timefmt import format_duration

if TYPE_CHECKING:
    from scaicore_tui.store.postgres.inspection import Recorder, ServerReport

# A recorder reports each interval: it is silent after this number of them, and a few seconds.
SILENT_INTERVALS, SILENT_S = 3, 10.0
MAX_CLOCK_DIFFERENCE_S = 5.0
_OF_FEED = ("role", "tables", "recorder")


def server_findings(url: JournalUrl, clock: Clock) -> Iterator[Finding]:
    """Yield the findings about the journal on a server. Blocks."""
    try:
        report = inspect_server_journal(url, clock.now)
    except ScaicoreError as error:
        yield failed("journal", error)
        yield from (unknown(name, "not checked") for name in (*_OF_FEED, "server time", "notify"))
        return
    yield connection_finding(report)
    yield from feed_findings(report)
    yield clock_finding(report.clock_ahead_s)
    yield notify_finding(report)


def connection_finding(report: ServerReport) -> Finding:
    """Return the version of the server, and whether others on the way can read along."""
    way = report.tls or ("a local socket" if report.is_local else "no TLS")
    replica = " · a replica, which can only be read" if report.is_replica else ""
    feeds = ", ".join(map(one_line, report.feeds)) or "none"
    message = f"{one_line(report.label)} · PostgreSQL {report.version} · {way}{replica} · feeds for this role: {feeds}"
    facts = {"tls": report.tls, "version": report.version, "replica": report.is_replica, "feeds": [*report.feeds]}
    if report.tls or report.is_local:
        return ok("journal", message, **facts)
    fix = "add ?sslmode=verify-full&sslrootcert=FILE to the address; the server needs ssl = on"
    return warning("journal", message, fix, **facts)


def feed_findings(report: ServerReport) -> Iterator[Finding]:
    """Yield the findings about the feed: what the role may do, the tables and the recorders."""
    role = one_line(report.role)
    if report.problem is not None:
        if isinstance(report.problem, NotFound) and report.may_create:
            yield ok("role", f"{role} may create the journal, which does not exist yet", create=True)
        else:
            yield failed("role", report.problem, create=report.may_create)
        yield from (unknown(name, "there is no feed that can be read") for name in _OF_FEED[1:])
        return
    rights = ["read", *["record"] * report.may_write, *["answer"] * report.may_answer]
    yield ok("role", f"{role} may {' and '.join(rights)}", rights=rights)
    yield tables_finding(report)
    yield recorder_finding(report)


def tables_finding(report: ServerReport) -> Finding:
    """Compare the version of the tables with that of this program."""
    found, known = report.tables_version, report.known_version
    facts = {"tables_version": found, "known_version": known, "events": report.event_count}
    if found == known:
        return ok("tables", f"version {found} · about {report.event_count:,} events", **facts)
    older = StorageError(f"version {found}, but this program needs version {known}")
    fix = "upgrade this program" if found > known else "start `record` of this version once: it migrates the tables"
    return failed("tables", older, fix, **facts)


def recorder_finding(report: ServerReport) -> Finding:
    """Say who records, and whether it is alive and reads the API."""
    recorders = report.recorders or ()
    leader = next((one for one in recorders if one.is_leader), None)
    hint = "start one: scaicore-tui record --journal URL"
    others = sum(not one.has_ended and one is not leader for one in recorders)
    if leader is None:
        found = f"none runs · the last one, {_where_and_when(recorders[0])}" if recorders else "none has reported"
        return warning("recorder", found, hint, recorders=others)
    facts = {"host": leader.host, "seen_age_s": round(leader.seen_age_s, 1), "stand_by": others}
    message = f"{_where_and_when(leader)} · {others} standing by"
    if leader.problem:
        return warning("recorder", f"{message} · {one_line(leader.problem)}", "see the log of that recorder", **facts)
    if leader.seen_age_s > SILENT_INTERVALS * leader.interval_s + SILENT_S:
        return warning("recorder", f"silent: {message}", hint, **facts)
    return ok("recorder", message, **facts)


def _where_and_when(recorder: Recorder) -> str:
    """Return the host, and when it was seen and read the API."""
    seen = f"seen {format_duration(recorder.seen_age_s * 1000)} ago"
    polled_s = recorder.polled_age_s
    read = "never" if polled_s is None else f"{format_duration(polled_s * 1000)} ago"
    return f"on {one_line(recorder.host)} · {seen}, API read {read}"


def clock_finding(ahead_s: float) -> Finding:
    """Compare the server's clock with this machine's. Ages of the recorder are by the server's."""
    message = f"{'ahead of' if ahead_s > 0 else 'behind'} this machine by {format_duration(abs(ahead_s) * 1000)}"
    if abs(ahead_s) <= MAX_CLOCK_DIFFERENCE_S:
        return ok("server time", message, ahead_s=round(ahead_s, 3))
    return warning("server time", message, "synchronize the clocks of both machines", ahead_s=round(ahead_s, 3))


def notify_finding(report: ServerReport) -> Finding:
    """Say whether viewers learn of new events at once."""
    if report.has_notify:
        return ok("notify", "notifications arrive", works=True)
    why = "a replica sends none" if report.is_replica else "is there a pooler in transaction mode?"
    fix = "viewers poll instead; to have new events at once, connect to the primary server itself"
    return warning("notify", f"notifications do not arrive: {why}", fix, works=False)
