"""The option `--group` of `runs`: failures by their cause, paths, and runs by Core, node or status."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scaicore_tui.analysis.run_groups import ErrorGroup, RunGroup, error_groups, group_runs
from scaicore_tui.analysis.statistics.paths import Variant, variants
from scaicore_tui.cli.output import stdout
from scaicore_tui.cli.output.stdout import Cell, Coloured
from scaicore_tui.config.views import Grouping
from scaicore_tui.export.statistics_documents import error_group_document, run_group_document, variant_document
from scaicore_tui.runs import Summary
from scaicore_tui.text import one_line
from scaicore_tui.timefmt import MICROS_PER_SECOND, format_duration, format_time

ERROR_HEAD = ("COUNT", "FIRST", "LAST", "TREND", "CORE", "NODE", "ERROR")
VARIANT_HEAD = ("CORE", "RUNS", "SHARE", "FAILED", "P95", "PATH")
GROUP_HEAD = ("RUNS", "FAILED", "P95", "LAST", "EXAMPLE")


def print_groups(
    runs: Sequence[Summary], field: Grouping, limit: int | None, ascii_only: bool, now: float, json: bool
) -> None:
    """Print at most `limit` groups of runs with the same `field`."""
    if field is Grouping.ERROR:
        _print_errors(runs, limit, now, json)
    elif field is Grouping.VARIANT:
        _print_variants(variants(runs)[:limit], ascii_only, json)
    else:
        _print_groups(group_runs(runs, field.value)[:limit], field.value, now, json)


def _print_errors(runs: Sequence[Summary], limit: int | None, now: float, json: bool) -> None:
    begin = min((run.began_at for run in runs if run.began_at is not None), default=0)
    found = error_groups(runs, (begin, int(now * MICROS_PER_SECOND)))[:limit]
    if json:
        stdout.document([error_group_document(group) for group in found])
    else:
        stdout.table(ERROR_HEAD, list(error_rows(found, now)))


def error_rows(groups: Sequence[ErrorGroup], now: float) -> Iterator[tuple[Cell, ...]]:
    """Yield rows for ERROR_HEAD. `now` is in seconds since 1970."""
    for group in groups:
        yield (
            str(group.count),
            format_time(group.first_at, now),
            format_time(group.last_at, now),
            "new today" if group.is_new else str(group.trend),
            one_line(group.core_id or ""),
            one_line(group.node_id or ""),
            Coloured(one_line(group.error), "red"),
        )


def _print_variants(found: Sequence[Variant], ascii_only: bool, json: bool) -> None:
    if json:
        stdout.document([variant_document(row) for row in found])
        return
    arrow = " > " if ascii_only else " → "
    rows: list[tuple[Cell, ...]] = [
        (
            one_line(row.core_id or ""),
            str(row.count),
            f"{row.share:.0%}",
            str(row.failed),
            format_duration(row.p95_ms),
            one_line(arrow.join(row.path)),
        )
        for row in found
    ]
    stdout.table(VARIANT_HEAD, rows)


def _print_groups(found: Sequence[RunGroup], field: str, now: float, json: bool) -> None:
    if json:
        stdout.document([run_group_document(group) for group in found])
        return
    is_node = field == "node"
    rows: list[tuple[Cell, ...]] = [
        (
            *((one_line(group.core_id or "-"),) if is_node else ()),
            one_line(group.value or "-"),
            str(group.count),
            str(group.failed),
            format_duration(group.p95_ms),
            format_time(group.last_at, now),
            one_line(group.example),
        )
        for group in found
    ]
    stdout.table((*(("CORE",) if is_node else ()), field.upper(), *GROUP_HEAD), rows)
