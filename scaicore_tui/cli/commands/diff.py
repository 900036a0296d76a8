"""The command `diff`: print how two runs differ. Exit code 0 if only times differ, 1 otherwise, as diff(1) does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from scaicore_tui.analysis.diff import CAUSE_WORDS, ComparedRun, RunDiff, StepPair, choose_partner, compare
from scaicore_tui.analysis.steps import Step, build_steps
from scaicore_tui.analysis.value_diff import MISSING, Change, path_text
from scaicore_tui.cli.commands.read import read_runs
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stdout
from scaicore_tui.cli.output.stdout import Cell, Coloured
from scaicore_tui.cli.output.tables import glyph_cell
from scaicore_tui.errors import NotFound
from scaicore_tui.export.diff_documents import diff_document
from scaicore_tui.json_text import write
from scaicore_tui.runs import Run, Summary, missing_events_note
from scaicore_tui.runs.status_style import NODE_STYLES, RUN_STYLES
from scaicore_tui.session import Recording, SearchableRuns, Session
from scaicore_tui.text import display_name, one_line
from scaicore_tui.timefmt import format_duration

HEAD = ("", "NODE", "A", "B", "A - B", "DIFFERENCE")
# Other runs of the Core among which one is chosen.
MAX_OTHERS = 1_000
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
    others = runs.newest_of_core(a.core_id, MAX_OTHERS) if a.core_id is not None else []
    partner = choose_partner(a, others, _original(runs, source, a))
    if partner is None:
        raise NotFound(
            f"no run to compare with: no other run of {display_name(a.core_id or '?')} completed",
            hint="name two runs: scaicore-tui diff A B",
        )
    return _Pair(a, partner.summary, partner.reason)


def _original(runs: SearchableRuns, source: Session | Recording, run: Summary) -> Summary | None:
    """Return the run that `run` replays, if this machine's ledger says so and its events are there."""
    sent = source.submissions if isinstance(source, Session) else ()
    original = next((one.target_id for one in sent if one.is_replay and one.execution_id == run.execution_id), None)
    if original is None:
        return None
    try:
        return runs.find_one(original)
    except NotFound:
        return None


async def _compared(
    common: Common, runs: SearchableRuns, source: Session | Recording, summary: Summary, flow: Path | None, now: float
) -> ComparedRun:
    run, is_complete = runs.run(summary), not missing_events_note(summary, runs.gaps, now)
    graph = None
    if flow is not None:
        from scaicore_tui.cli.commands import show_flow

        graph = (await show_flow.find_view(common, source, run, flow)).graph
    return ComparedRun(run, build_steps(run, graph, is_complete=is_complete), is_complete)


def _print(diff: RunDiff, reason: str | None, *, ascii_only: bool) -> None:
    stdout.line(f"A  {_run_text(diff.a)}")
    stdout.line(f"B  {_run_text(diff.b)}" + (f" · {reason}" if reason is not None else ""))
    for name, changes in (("input", diff.input), ("output", diff.output)):
        stdout.line(f"{name}: {_count(len(changes))}")
        for line in _change_lines(changes):
            stdout.line(f"   {line}")
    stdout.line(_first_difference(diff))
    stdout.line("")
    stdout.table(HEAD, list(_rows(diff.pairs, ascii_only=ascii_only)))


def _run_text(run: Run) -> str:
    took = "" if run.duration_ms is None else f" · {format_duration(run.duration_ms)}"
    core = display_name(run.core_id or "?")
    return f"{display_name(run.execution_id)} · {core} · {RUN_STYLES[run.status].word}{took}"


def _count(number: int) -> str:
    return "equal" if not number else f"{number:,} difference{'s' if number > 1 else ''}"


def _first_difference(diff: RunDiff) -> str:
    """Return the first difference in words, and the cause as far as it is known."""
    if diff.first is None:
        return "no difference but the times"
    pair, words = diff.first.pair, CAUSE_WORDS[diff.first.cause]
    if pair is None:
        return f"first difference: {'the input' if diff.input else 'how they ended'}; all steps are alike"
    return f"first difference: {_step_name(pair.step)} · {words}"


def _step_name(step: Step) -> str:
    """Return the name of a step with its iteration and attempt."""
    numbers = (("iteration", step.iteration), ("attempt", step.attempt))
    return " ".join([display_name(step.name), *(f"{word} {number}" for word, number in numbers if number is not None)])


def _rows(pairs: Sequence[StepPair], *, ascii_only: bool) -> Iterator[tuple[Cell, ...]]:
    for pair in pairs:
        longer = "" if pair.longer_ms is None else _signed(pair.longer_ms)
        mark = Coloured("=", "grey") if pair.is_alike else Coloured(_mark(pair), "amber")
        cells = (_step_cell(pair.a, ascii_only), _step_cell(pair.b, ascii_only))
        yield (mark, "  " * pair.step.depth + _step_name(pair.step), *cells, longer, _difference(pair))
        for line in _change_lines(pair.changes):
            yield ("", "", "", "", "", line)


def _mark(pair: StepPair) -> str:
    return "!" if pair.is_in_both else "<" if pair.b is None else ">"


def _step_cell(step: Step | None, ascii_only: bool) -> Cell:
    if step is None or step.state is None:
        return "-"
    style = NODE_STYLES[step.state]
    return Coloured(f"{glyph_cell(style, ascii_only).text} {format_duration(step.duration_ms)}", style.colour)


def _signed(milliseconds: float) -> str:
    """Return a difference of times, with its sign."""
    return f"{'-' if milliseconds < 0 else '+'}{format_duration(abs(milliseconds))}"


def _difference(pair: StepPair) -> str:
    """Return in words how two steps differ."""
    if pair.is_pending:
        return "the other run goes on"
    if not pair.is_in_both:
        return "only in A" if pair.b is None else "only in B"
    facts = (
        (pair.has_other_state, _ends(pair)),
        (pair.is_other_error, "another error"),
        (bool(pair.changes), f"the result: {_count(len(pair.changes))}"),
        (pair.is_moved, "in another order"),
        (pair.is_cut, "equal as far as the API sent it"),
    )
    return " · ".join(text for is_so, text in facts if is_so)


def _ends(pair: StepPair) -> str:
    """Return how each of two steps ended."""
    return " and ".join(f"{step.state or ''} in {name}" for name, step in zip("AB", pair.steps, strict=False))


def _change_lines(changes: Sequence[Change]) -> Iterable[str]:
    for change in changes[:MAX_PRINTED]:
        path = one_line(path_text(change.path), MAX_VALUE_CHARS)
        values = [one_line(write(value), MAX_VALUE_CHARS) for value in (change.a, change.b) if value is not MISSING]
        only = " (only in A)" if change.b is MISSING else " (only in B)" if change.a is MISSING else ""
        yield f"{path}{': ' if path else ''}{' -> '.join(values)}{only}"
    if len(changes) > MAX_PRINTED:
        yield f"and {len(changes) - MAX_PRINTED:,} more; --json has all"
