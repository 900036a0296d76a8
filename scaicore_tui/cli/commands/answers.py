"""The option `--answers` of `stats`: how long people take to answer, by checkpoint type and assignee."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from scaicore_tui.analysis.statistics.answers import AnswerFigures, Asked, answer_figures, asked_of
from scaicore_tui.cli.commands.stats import parse_since
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stderr, stdout
from scaicore_tui.cli.output.stdout import Cell
from scaicore_tui.cli.sessions import open_oneshot, recorded_file, server_journal
from scaicore_tui.clock import SystemClock
from scaicore_tui.errors import RequestRejected
from scaicore_tui.export.statistics_documents import answers_document
from scaicore_tui.session import open_statistics
from scaicore_tui.text import one_line
from scaicore_tui.timefmt import MICROS_PER_SECOND, format_duration

HEAD = ("TYPE", "FOR", "ASKED", "ANSWERED", "EXPIRED", "PENDING", "P50", "P95")
# ScaiGrid has all of these; ScaiFlow may refuse the last (API §3).
_STATUSES, _GRID_STATUS = ("pending", "resolved"), "expired"


async def print_answers(common: Common, since: str | None, *, json: bool) -> None:
    """Print the checkpoints that were created from `since` on, by type and assignee."""
    url = None if common.offline else server_journal(common)
    if common.offline or url is not None:
        path, now = recorded_file(common), SystemClock().now()
        with open_statistics(path) as stored:
            begin = None if since is None else parse_since(since, now)
            rows = stored.asked(begin, int(now * MICROS_PER_SECOND), common.core)
        if common.offline:
            stderr.say(f"offline: {path}")
    else:
        rows = await _listed(common, since)
    found = answer_figures(rows)
    if json:
        stdout.document([answers_document(row) for row in found])
    else:
        stdout.table(HEAD, [_row(row) for row in found])


async def _listed(common: Common, since: str | None) -> list[Asked]:
    """Return the checkpoints that the server lists."""
    async with open_oneshot(common) as session:
        lists = [await session.list_checkpoints(status) for status in _STATUSES]
        with suppress(RequestRejected):
            lists.append(await session.list_checkpoints(_GRID_STATUS))
        now = session.now
    for cut_short in filter(None, (listed.cut_short for listed in lists)):
        stderr.say(cut_short)
    begin = 0 if since is None else parse_since(since, now)
    by_id = {row.id: row for listed in lists for row in map(asked_of, listed.rows) if row is not None}
    return [row for row in by_id.values() if row.created_at >= begin]


def _row(row: AnswerFigures) -> Sequence[Cell]:
    return (
        one_line(row.checkpoint_type),
        one_line(row.assignee or "-"),
        str(row.asked),
        str(row.answered),
        f"{row.expired} ({row.expired_share:.0%})" if row.expired else "0",
        str(row.pending),
        format_duration(row.p50_ms),
        format_duration(row.p95_ms),
    )
