"""The command `stats`: how often the nodes of Cores are visited, how often they fail, and how long they take."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from scaicore_tui.analysis.statistics.figures import NodeFigures
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stderr, stdout
from scaicore_tui.cli.output.stdout import Cell
from scaicore_tui.cli.sessions import open_oneshot, recording_to_read
from scaicore_tui.clock import SystemClock
from scaicore_tui.config.journal_url import JournalUrl
from scaicore_tui.errors import UsageError
from scaicore_tui.export.statistics_documents import node_figures_document
from scaicore_tui.session import StoredStatistics, open_statistics
from scaicore_tui.text import one_line
from scaicore_tui.timefmt import MICROS_PER_SECOND, format_count, format_duration, parse
from scaicore_tui.units import Micros

HEAD = ("CORE", "NODE", "VISITS", "FAILED", "P50", "P95", "P99", "TOKENS", "")
_AGO = re.compile(r"(\d{1,6})(m|h|d|w)", re.ASCII)
_SECONDS = {"m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}


async def print_stats(common: Common, since: str | None, *, exact: bool, json: bool) -> None:
    """Print the figures of all nodes, or of the nodes of one Core, from the day of `since` on."""
    async with _statistics(common) as (stored, now):
        begin = None if since is None else parse_since(since, now)
        figures = stored.exact_figures(begin, common.core) if exact else stored.figures(begin, common.core)
    if json:
        stdout.document([node_figures_document(row) for row in figures])
        return
    stdout.table(HEAD, [_row(row) for row in figures])
    if figures:
        stderr.say(
            "durations are exact" if exact else "durations are within 1 %; --exact computes them from all events"
        )


def parse_since(text: str, now: float) -> Micros:
    """Return the time that `text` means: `30d` and the like before `now` (seconds since 1970), or a timestamp.

    Raises UsageError if it is neither.
    """
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return int((now - int(ago[1]) * _SECONDS[ago[2]]) * MICROS_PER_SECOND)
    at = parse(text)
    if at is None:
        raise UsageError(f"--since {text!r} is not a time", hint="write it as 30d, 12h, or 2026-11-25")
    return at


@asynccontextmanager
async def _statistics(common: Common) -> AsyncIterator[tuple[StoredStatistics, float]]:
    """Yield the statistics, and the time now: of a file with `--offline` or of JSON lines, else of the API.

    Of the journal on a server, if there is one.
    """
    path = recording_to_read(common)
    if path is not None:
        with open_statistics(path) as stored:
            if common.offline or not isinstance(path, JournalUrl):
                stderr.say(f"offline: {path}")
            yield stored, SystemClock().now()
        return
    async with open_oneshot(common) as session:
        await session.read_once()
        for reason in session.unread_reasons:
            stderr.say(reason)
        yield session.statistics.stored, session.now


def _row(row: NodeFigures) -> Sequence[Cell]:
    return (
        one_line(row.core_id, 28),
        one_line(row.name),
        str(row.visits),
        str(row.failed),
        format_duration(row.p50_ms),
        format_duration(row.p95_ms),
        format_duration(row.p99_ms),
        _tokens(row),
        "waits for people" if row.waits_for_people else "",
    )


def _tokens(row: NodeFigures) -> str:
    """Return the tokens in and out as far as results report them."""
    if row.input_tokens is None or row.output_tokens is None:
        return "unknown"
    return f"{format_count(row.input_tokens)} in {format_count(row.output_tokens)} out"
