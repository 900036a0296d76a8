"""Print one run: a summary, the timeline of its steps, or its flow; now, or as of one of its events."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from scaicore_tui.analysis.run_history import RunHistory, parse_moment
from scaicore_tui.analysis.steps import RunSteps, build_steps
from scaicore_tui.cli.arguments import RunView
from scaicore_tui.cli.commands.read import read_runs
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stderr, stdout, tables
from scaicore_tui.errors import NotFound, UsageError
from scaicore_tui.export.documents import show_document
from scaicore_tui.runs import Gap, Run, gaps_within, missing_events_note
from scaicore_tui.runs.status_style import RUN_STYLES
from scaicore_tui.text import display_name, json_pretty
from scaicore_tui.timefmt import MICROS_PER_SECOND, format_duration, format_time
from scaicore_tui.units import Micros

if TYPE_CHECKING:
    from scaicore_tui.analysis.flow_view import FlowView
    from scaicore_tui.session import Recording, Session


class ShowOptions(NamedTuple):
    """How to print a run.

    `flow` is a file with the graph of its flow; `at` an event's number or a time, None for now.
    """

    json: bool = False
    view: RunView = RunView.SUMMARY
    width: int | None = None
    flow: Path | None = None
    at: str | None = None


class _Shown(NamedTuple):
    """A run as it is shown: `now` is the time at which, `moment` says which event that is of; empty for the newest."""

    run: Run
    now: Micros
    moment: str
    missing: str
    gaps: Sequence[Gap] = ()


async def show_run(common: Common, execution: str, options: ShowOptions) -> None:
    """Print one run."""
    async with read_runs(common) as (runs, now, source):
        summary = runs.find_one(execution, "" if common.offline else "--backfill N reads further")
        run, missing = runs.run(summary), missing_events_note(summary, runs.gaps, now)
        # What was recorded ends with its newest event: nothing went on since then that we know of.
        last = getattr(source, "newest_at", None) or int(now * MICROS_PER_SECOND)
        shown = _Shown(run, last, "", missing, gaps_within(summary, runs.gaps))
        if options.at is not None:
            shown = _go_back(shown, source, options.at, now)
        flow = await _find_flow(common, source, shown.run, options)
    steps = _build_steps(shown, flow)
    if options.json:
        stdout.document(show_document(shown.run, steps))
        for note in filter(None, (shown.moment, missing)):
            stderr.say(note)
        return
    _describe(shown, ascii_only=common.ascii, with_values=options.view is RunView.SUMMARY)
    _print_view(common, shown, steps, flow, options)


def _go_back(shown: _Shown, source: Session | Recording, text: str, now: float) -> _Shown:
    history = RunHistory(shown.run.execution_id, source.events(shown.run.execution_id))
    number = parse_moment(text, history)
    if number is None:
        raise UsageError(
            f"--at {display_name(text)} is no event and no time of this run",
            hint=f"set a number from 1 to {len(history)}, a time such as 12:01:32, or +4.1s after its start",
        )
    at = history.event(number).at
    moment = f"as of event {number:,} of {len(history):,}" + (f", {format_time(at, now)}" if at is not None else "")
    return shown._replace(run=history.at(number), now=at if at is not None else shown.now, moment=moment)


async def _find_flow(common: Common, source: Session | Recording, run: Run, options: ShowOptions) -> FlowView | None:
    """Return a run in its flow. A summary does without one, unless a file is given; a timeline if none is found."""
    if options.view is RunView.SUMMARY and options.flow is None:
        return None
    from scaicore_tui.cli.commands import show_flow

    try:
        return await show_flow.find_view(common, source, run, options.flow)
    except NotFound:
        if options.view is RunView.FLOW or options.flow is not None:
            raise
        return None


def _build_steps(shown: _Shown, flow: FlowView | None) -> RunSteps:
    """Return the steps of a run. Only a graph that is proven to be the one of its Core makes them certain."""
    graph = None if flow is None else flow.graph
    is_proven = graph is not None and not graph.is_likely
    return build_steps(shown.run, graph, is_complete=is_proven and not shown.missing)


def _print_view(common: Common, shown: _Shown, steps: RunSteps, flow: FlowView | None, options: ShowOptions) -> None:
    if options.view is RunView.FLOW and flow is not None:
        from scaicore_tui.cli.commands import show_flow

        show_flow.print_view(flow, options.width, ascii_only=common.ascii)
    elif options.view is RunView.TIMELINE:
        _print_timeline(steps, shown, options.width, ascii_only=common.ascii)
    else:
        stdout.table(tables.NODE_HEAD, tables.node_rows(shown.run.nodes.values(), common.ascii))


def _print_timeline(steps: RunSteps, shown: _Shown, width: int | None, *, ascii_only: bool) -> None:
    from scaicore_tui.analysis import timeline_view

    cells = stdout.width() if width is None else width
    rows = timeline_view.all_rows(steps)
    timeline = timeline_view.layout_timeline(steps, rows, cells, shown.now, gaps=shown.gaps, ascii_only=ascii_only)
    stdout.spans(timeline_view.axis_line(timeline))
    for row in timeline_view.row_lines(timeline):
        stdout.spans(row.line)
    for note in timeline_view.note_lines(timeline):
        stdout.line(note)


def _describe(shown: _Shown, *, ascii_only: bool, with_values: bool) -> None:
    run = shown.run
    style = RUN_STYLES[run.status]
    incomplete = " · incomplete: this run began before our first event" if run.joined_late else ""
    lasted = f" · {format_duration(run.duration_ms)}" if run.duration_ms is not None else ""
    stdout.line(
        f"{display_name(run.execution_id)} · {display_name(run.core_id or '?')} · {style.word}{lasted}{incomplete}"
    )
    if shown.moment:
        stdout.line(shown.moment)
    values = (("input", run.input), ("output", run.output)) if with_values else ()
    for name, value in (("error", run.error), *values):
        if value is not None:
            stdout.block_quote(name, json_pretty(value), ascii_only=ascii_only)
    for anomaly in run.anomalies:
        stdout.line(f"anomaly: {anomaly}")
    if shown.missing:
        stdout.line(f"gap: {shown.missing}")
    stdout.line("")
