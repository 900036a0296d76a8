"""The command `diff`: print how two runs differ. Exit code 0 if only times differ, 1 otherwise, as diff(1) does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from scaicore_tui.analysis.diff import ComparedRun, RunDiff, StepPair, compare
from scaicore_tui.analysis.diff_rows import Side, step_rows
from scaicore_tui.analysis.diff_text import change_text, count_text, first_difference_text, signed
from scaicore_tui.analysis.value_diff import Change
from scaicore_tui.cli.commands.read import read_runs
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stdout
from scaicore_tui.cli.output.stdout import Cell, Coloured
from scaicore_tui.cli.output.tables import glyph_cell
from scaicore_tui.errors import NotFound
from scaicore_tui.export.diff_documents import diff_document
from scaicore_tui.runs import Run, Summary
from scaicore_tui.runs.status_style import RUN_STYLES
from scaicore_tui.session import Recording, SearchableRuns, Session
from scaicore_tui.session.comparisons import find_partner, read_compared, why_no_partner
from scaicore_tui.text import display_name
from scaicore_tui.timefmt import format_duration

HEAD = ("", "NODE", "A", "B", "A - B", "DIFFERENCE")
# Of the differences of one step, these are printed; --json has all.
MAX_PRINTED = 8
MAX_VALUE_CHARS = 60
ALIKE, DIFFERENT = 0, 1


class _Pair(NamedTuple):
    a: Summary
    b: Summary
    reason: str | None


async def print_diff(common: Common, first: str, second: str | None, flow: Path | None, *, json: bool) -> int:
    """Print how two runs differ; without a second one, one is chosen. Return the exit code."""
    async with read_runs(common) as (runs, now, source):
        pair = _find(runs, source, first, second)
        compared = [await _compared(common, runs, source, summary, flow, now) for summary in (pair.a, pair.b)]
    diff = compare(*compared)
    if json:
        stdout.document(diff_document(diff, pair.reason))
    else:
        _print(diff, pair.reason, ascii_only=common.ascii)
    return ALIKE if diff.is_alike else DIFFERENT


def _find(runs: SearchableRuns, source: Session | Recording, first: str, second: str | None) -> _Pair:
    a = runs.find_one(first)
    if second is not None:
        return _Pair(a, runs.find_one(second), None)
    # What was sent is in this machine's ledger, which is read with a session only.
    partner = find_partner(runs, source.submissions if isinstance(source, Session) else (), a)
    if partner is None:
        raise NotFound(why_no_partner(a), hint="name two runs: scaicore-tui diff A B")
    return _Pair(a, partner.summary, partner.reason)


async def _compared(
    common: Common, runs: SearchableRuns, source: Session | Recording, summary: Summary, flow: Path | None, now: float
) -> ComparedRun:
    if flow is None:
        return read_compared(runs, summary, None, now)
    from scaicore_tui.cli.commands import show_flow

    view = await show_flow.find_view(common, source, runs.run(summary), flow)
    return read_compared(runs, summary, view.graph, now)


def _print(diff: RunDiff, reason: str | None, *, ascii_only: bool) -> None:
    stdout.line(f"A  {_run_text(diff.a)}")
    stdout.line(f"B  {_run_text(diff.b)}" + (f" · {reason}" if reason is not None else ""))
    for name, changes in (("input", diff.input), ("output", diff.output)):
        stdout.line(f"{name}: {count_text(len(changes))}")
        for line in _change_lines(changes):
            stdout.line(f"   {line}")
    stdout.line(first_difference_text(diff))
    stdout.line("")
    stdout.table(HEAD, list(_rows(diff.pairs, ascii_only=ascii_only)))


def _run_text(run: Run) -> str:
    took = "" if run.duration_ms is None else f" · {format_duration(run.duration_ms)}"
    core = display_name(run.core_id or "?")
    return f"{display_name(run.execution_id)} · {core} · {RUN_STYLES[run.status].word}{took}"


def _rows(pairs: Sequence[StepPair], *, ascii_only: bool) -> Iterator[tuple[Cell, ...]]:
    for row in step_rows(pairs):
        longer = "" if row.longer_ms is None else signed(row.longer_ms)
        mark = Coloured(row.mark.sign(ascii_only=ascii_only), "grey" if row.is_alike else "amber")
        cells = (_cell(row.a, ascii_only=ascii_only), _cell(row.b, ascii_only=ascii_only))
        yield (mark, "  " * row.depth + row.name, *cells, longer, row.text)
        for line in _change_lines(row.changes):
            yield ("", "", "", "", "", line)


def _cell(side: Side, *, ascii_only: bool) -> Cell:
    if side.style is None:
        return "-"
    return Coloured(f"{glyph_cell(side.style, ascii_only).text} {side.took} {side.code}".rstrip(), side.style.colour)


def _change_lines(changes: Sequence[Change]) -> Iterable[str]:
    for change in changes[:MAX_PRINTED]:
        yield change_text(change, MAX_VALUE_CHARS)
    if len(changes) > MAX_PRINTED:
        yield f"and {len(changes) - MAX_PRINTED:,} more; --json has all"
