"""The format `markdown`: a run in at most 15 lines, for a message in the channel of an incident."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from scaicore_tui.analysis.step_rows import RowKind, StepRow, attempts_id, build_rows, default_folded
from scaicore_tui.analysis.steps import RunSteps
from scaicore_tui.analysis.timeline_view import axis_line, layout_timeline, row_lines
from scaicore_tui.export.exporter import Export, ExportedRun
from scaicore_tui.export.report.markdown_text import code, fenced, table
from scaicore_tui.export.report.report_facts import (
    MAX_LINK_CHARS,
    failure_of,
    link_of,
    marks_of,
    redaction_text,
    status_of,
    took_text,
    utc_time,
    waits_of,
)
from scaicore_tui.runs.model import NodeState

MAX_LINES = 15
# Of several runs so many are in the table, and so many have a block of their own.
MAX_TABLE_RUNS, MAX_BLOCKS = 20, 3
TIMELINE_CELLS = 76
_NAME_CELLS, _ERROR_CELLS = 60, 200
# The lines around the rows of a timeline: its fence, and the axis.
_FRAME_LINES = 3


def markdown_report(export: Export) -> Iterator[str]:
    """Yield the message. Of one run it has at most MAX_LINES lines."""
    first: list[ExportedRun] = []
    rows: list[Sequence[str]] = []
    statuses: Counter[str] = Counter()
    for exported in export.runs:
        statuses[status_of(exported.run).word] += 1
        if len(first) < MAX_BLOCKS:
            first.append(exported)
        if len(rows) < MAX_TABLE_RUNS:
            rows.append(_run_row(exported))
    if statuses.total() != 1:
        yield from _lines(_overview(export, statuses, rows))
    for exported in first:
        if statuses.total() != 1:
            yield "\n"
        yield from _lines(_block(export, exported))


def _lines(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield f"{line}\n"


def _overview(export: Export, statuses: Counter[str], rows: Sequence[Sequence[str]]) -> list[str]:
    total = statuses.total()
    counts = ", ".join(f"{count:,} {word}" for word, count in statuses.items())
    hidden = total - len(rows)
    more = f" · the first {len(rows)} of them:" if hidden else ""
    about = f"**{total:,} runs**{': ' if counts else ''}{counts} · {_about(export)}{more}"
    return [about, "", *table(("status", "run", "Core", "started", "took", "error"), rows)] if rows else [about]


def _run_row(exported: ExportedRun) -> Sequence[str]:
    run, failure = exported.run, failure_of(exported)
    style = status_of(run)
    error = "" if failure is None else code(failure.text, 80)
    core = code(run.core_id or "", _NAME_CELLS)
    name = code(run.execution_id, _NAME_CELLS)
    return f"{style.glyph} {style.word}", name, core, utc_time(run.began_at), took_text(exported), error


def _block(export: Export, exported: ExportedRun) -> list[str]:
    run, style = exported.run, status_of(exported.run)
    core = code(run.core_id or "", _NAME_CELLS)
    link = code(link_of(export.profile, exported), MAX_LINK_CHARS)
    parts = (f"**{style.glyph} {style.word}** {code(run.execution_id, _NAME_CELLS)}", core, link)
    title = " · ".join(filter(None, parts))
    reached = sum(step.is_reached for step in exported.steps.steps)
    head = ("started", "took", "steps", "events", "exported")
    cells = (utc_time(run.began_at), took_text(exported), f"{reached:,}", f"{run.event_count:,}", _about(export))
    lines = [title, *_items(exported), "", *table(head, [cells])]
    max_rows = MAX_LINES - len(lines) - 1 - _FRAME_LINES
    timeline = _timeline(exported, max_rows)
    return [*lines, "", *fenced(timeline)] if timeline else lines


def _about(export: Export) -> str:
    source = f"from {code(export.source, _NAME_CELLS)}, " if export.source else ""
    return f"{source}{utc_time(export.at)}, {redaction_text(export)}"


def _items(exported: ExportedRun) -> Iterator[str]:
    """Yield what must be known first, each as one item of a list: the failure, who waits, what is missing."""
    failure = failure_of(exported)
    if failure is not None:
        position = f", {failure.position}" if failure.position else ""
        at = f" at {code(failure.node, _NAME_CELLS)}{position}" if failure.node else ""
        yield f"- failed{at}: {code(failure.text, _ERROR_CELLS)}"
    waits = waits_of(exported)
    if waits:
        wait = waits[0]
        due = f", due {wait.due}" if wait.due else ""
        answers = f", answers {', '.join(code(name, 30) for name in wait.options[:5])}" if wait.options else ""
        who = code(wait.assignee, _NAME_CELLS) or "a person"
        yield f"- waits for {who}: {code(wait.title, _NAME_CELLS)}{due}{answers}{_more(len(waits))}"
    marks = list(marks_of(exported))
    if marks:
        yield f"- not complete: {code(marks[0], _ERROR_CELLS)}{_more(len(marks))}"


def _more(count: int) -> str:
    return f" and {count - 1:,} more" if count > 1 else ""


def _timeline(exported: ExportedRun, max_lines: int) -> list[str]:
    """Return the timeline as lines of ASCII, with the most important rows if there are too many."""
    steps = exported.steps
    folded = default_folded(steps) | {attempts_id(step) for step in steps.steps if step.attempt == 1}
    rows = build_rows(steps, folded)
    if not rows:
        return []
    shown = rows if len(rows) <= max_lines else _most_important(steps, rows, max_lines - 1)
    timeline = layout_timeline(steps, shown, TIMELINE_CELLS, exported.now, gaps=exported.gaps, ascii_only=True)
    lines = [axis_line(timeline), *(row.line for row in row_lines(timeline))]
    texts = ["".join(text for text, _ in line).rstrip() for line in lines]
    hidden = len(rows) - len(shown)
    return [*texts, f"... {hidden:,} more"] if hidden else texts


def _most_important(steps: RunSteps, rows: Sequence[StepRow], count: int) -> list[StepRow]:
    containers = {step.parent for step in steps.steps if step.has_failed}
    kept = sorted(rows, key=lambda row: _rank(row, row.step.index in containers))[:count]
    ids = {row.id for row in kept}
    return [row for row in rows if row.id in ids]


def _rank(row: StepRow, has_failed_inside: bool) -> tuple[int, float]:
    """Return the rank of a row: what failed last, what is open, what failed too, then what took longest."""
    step = row.step
    if row.kind is RowKind.ITERATION or not step.is_reached:
        return 4, step.index
    if row.state is NodeState.FAILED:
        return (2 if has_failed_inside else 0), -step.ended_event
    return (1 if step.is_open else 3), -(step.duration_ms or 0)
