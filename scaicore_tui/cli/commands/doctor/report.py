"""Run all checks, in the order of their dependencies, and print the findings."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from scaicore_tui.auth import identify
from scaicore_tui.cli.commands.doctor.api import api_findings
from scaicore_tui.cli.commands.doctor.bundle import check_bundle_name, write_bundle
from scaicore_tui.cli.commands.doctor.finding import CheckStatus, Finding, failed, unknown, warning
from scaicore_tui.cli.commands.doctor.local import (
    config_finding,
    driver_finding,
    environment_finding,
    journal_finding,
    terminal_finding,
    tls_finding,
)
from scaicore_tui.cli.commands.doctor.probe import probe
from scaicore_tui.cli.commands.doctor.server import server_findings
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stdout
from scaicore_tui.cli.sessions import journal_path, load_common_settings, server_journal
from scaicore_tui.clock import Clock, SystemClock
from scaicore_tui.config import Settings, Target
from scaicore_tui.errors import ConfigError, ScaicoreError
from scaicore_tui.text import sanitize, wrap

if TYPE_CHECKING:
    from scaicore_tui.export.document_types import CheckDocument, DoctorDocument

_STATUS_GLYPHS = {
    CheckStatus.OK: ("✓", "+", "32"),
    CheckStatus.WARNING: ("!", "!", "33"),
    CheckStatus.FAILED: ("✗", "x", "31"),
    CheckStatus.UNKNOWN: ("?", "?", "90"),
}
_NAME_WIDTH = 12
_MAX_WIDTH_CELLS = 140
# Checks that need an API; without one they are unknown.
_API_CHECKS = ("token", "caller", "view", "manage", "feed", "clock", "limit", "latency")


async def run_doctor(common: Common, json: bool, bundle: Path | None = None) -> int:
    """Run all checks, print the findings, and return the exit code. With `bundle`, also write an archive of them."""
    clock = SystemClock()
    if bundle is not None:
        check_bundle_name(bundle)
    findings = await _findings(common, clock)
    files = [] if bundle is None else await asyncio.to_thread(write_bundle, bundle, common, findings, clock.now())
    code = next((finding.code for finding in findings if finding.status is CheckStatus.FAILED), 0)
    if json:
        report: DoctorDocument = {"ok": code == 0, "exit_code": code, "checks": [*map(_document, findings)]}
        if bundle is not None:
            report["bundle"] = {"file": str(bundle), "contents": files}
        stdout.document(report)
        return code
    for line in _lines(findings, common):
        stdout.line(line)
    if bundle is not None:
        for line in wrap(sanitize(_bundle_text(bundle, files)), min(stdout.width(), _MAX_WIDTH_CELLS) - 1):
            stdout.line(line)
    return code


def _bundle_text(bundle: Path, files: Sequence[str]) -> str:
    """Return what was written, and what a person can do with it."""
    return (
        f"wrote {bundle}, to be attached to a bug report: {', '.join(files)}. "
        "It has no data of flows, no tokens and no user names in paths."
    )


async def _findings(common: Common, clock: Clock) -> list[Finding]:
    try:
        settings = load_common_settings(common)
    except ConfigError:
        settings = None
    found = [_or_failed("config", lambda: config_finding(common, settings))]
    target, error = _target(settings)
    if target is None or settings is None:
        found += [] if error is None else [_no_api(error, common, settings)]
        found += [unknown(name, "not checked") for name in ("tls", *_API_CHECKS)]
    else:
        found += await _check_target(target, settings.tokens.missing_token_error(target.host), clock)
    found += await asyncio.to_thread(_journal_findings, common, settings, target, clock)
    driver = await asyncio.to_thread(driver_finding)
    return [*found, environment_finding(os.environ), terminal_finding(os.environ), driver]


def _journal_findings(common: Common, settings: Settings | None, target: Target | None, clock: Clock) -> list[Finding]:
    """Check the journal that `--journal` or the profile names; one on a server also without an API."""
    url = None if settings is None else server_journal(common, settings)
    if url is not None:
        wanted = None if target is None else identify(target)
        return list(server_findings(replace(url, wanted=wanted), clock))
    if target is None:
        return [unknown("journal", "not checked")]
    return [_or_failed("journal", lambda: journal_finding(journal_path(common, target), clock))]


def _no_api(error: ScaicoreError, common: Common, settings: Settings | None) -> Finding:
    """Return the finding for an API that is not set, which viewing a journal on a server does not need."""
    if settings is None or server_journal(common, settings) is None:
        return failed("api", error)
    return warning("api", f"{error.message}: the journal can be viewed, but nothing can be sent", error.hint)


def _or_failed(name: str, find: Callable[[], Finding]) -> Finding:
    """Return the finding of `find`; a ConfigError, such as a missing home folder, becomes a failed finding."""
    try:
        return find()
    except ConfigError as error:
        return failed(name, error)


async def _check_target(target: Target, missing: ScaicoreError, clock: Clock) -> list[Finding]:
    """Return the findings that need the network."""
    try:
        result, tls = await asyncio.gather(probe(target), tls_finding(target, clock))
    except ConfigError as error:
        return [failed("api", error), *(unknown(name, "not checked") for name in ("tls", *_API_CHECKS))]
    api, *others = api_findings(result, missing, clock)
    return [api, tls, *others]


def _target(settings: Settings | None) -> tuple[Target | None, ScaicoreError | None]:
    """Return the API to check, or the error that explains why there is none."""
    if settings is None:
        return None, ConfigError("the settings are invalid", hint="see the config check above")
    try:
        target = settings.target()
    except ConfigError as error:
        return None, error
    if target is None:
        return None, ConfigError("no API is set", hint="set SCAICORE_TUI_URL, or --url, or: scaicore-tui config init")
    return target, None


def _document(finding: Finding) -> CheckDocument:
    return {
        "name": finding.name,
        "state": str(finding.status),
        "words": finding.message,
        "fix": finding.fix or None,
        "facts": finding.facts,
    }


def _lines(findings: Sequence[Finding], common: Common) -> Iterator[str]:
    """Yield the lines of the report. Findings that are unknown for the same reason share one line."""
    alike: dict[str, list[str]] = {}
    for finding in findings:
        if finding.status is CheckStatus.UNKNOWN:
            alike.setdefault(finding.message, []).append(finding.name)
    for finding in findings:
        same = alike.get(finding.message, []) if finding.status is CheckStatus.UNKNOWN else []
        if len(same) < 2:
            yield from _finding_lines(finding, common)
        elif finding.name == same[0]:
            yield from _finding_lines(
                replace(finding, name="the rest", message=f"{finding.message}: {', '.join(same)}"), common
            )


def _finding_lines(finding: Finding, common: Common) -> Iterator[str]:
    glyph, ascii_glyph, colour = _STATUS_GLYPHS[finding.status]
    mark = ascii_glyph if common.ascii else glyph
    if sys.stdout.isatty() and not common.no_color and not os.environ.get("NO_COLOR"):
        mark = f"\x1b[{colour}m{mark}\x1b[m"
    lead = f" {mark} {finding.name:{_NAME_WIDTH}}"
    blank = " " * (3 + _NAME_WIDTH)
    available = min(stdout.width(), _MAX_WIDTH_CELLS) - len(blank) - 1
    first, *more = wrap(sanitize(finding.message), available)
    yield lead + first
    yield from (blank + line for line in more)
    if finding.fix:
        arrow = "->" if common.ascii else "→"
        head, *rest = wrap(sanitize(finding.fix), available - 3)
        yield f"{blank}{arrow} {head}"
        yield from (f"{blank}{' ' * len(arrow)} {line}" for line in rest)
