"""The facts about an exported run that come first in every report: status, marks, failure, waits. Pure.

Names, errors and titles are foreign text, which the formats make safe; all other words are ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from scaicore_tui.analysis.checkpoint_order import assignee_name
from scaicore_tui.analysis.steps import Step
from scaicore_tui.analysis.time_scale import offset_label
from scaicore_tui.analysis.timeline_view import NOT_REACHED_STYLE, NOT_YET_STYLE
from scaicore_tui.export.exporter import Export, ExportedRun
from scaicore_tui.protocol.checkpoints import Checkpoint
from scaicore_tui.runs import GapRow, Run, RunStatus
from scaicore_tui.runs.deep_link import DeepLink
from scaicore_tui.runs.status_style import NODE_STYLES, REVIEW, RUN_STYLES, StatusStyle
from scaicore_tui.timefmt import MICROS_PER_SECOND, deadline_text, format_age, format_duration, format_iso, to_seconds
from scaicore_tui.units import Micros

MAX_ANOMALIES = 5
MAX_LINK_CHARS = 200
_MARK_CELLS = 200


class Failure(Struct, frozen=True):
    """The step that ended a run, and its error. `node` and `text` are foreign text; `node` may be empty."""

    node: str
    position: str
    text: str
    step: Step | None = None


class Wait(Struct, frozen=True):
    """A request to a person. All but `since` and `due` is foreign text; what is unknown is empty."""

    title: str
    assignee: str
    since: str
    due: str
    options: tuple[str, ...]
    checkpoint: Checkpoint


def status_of(run: Run) -> StatusStyle:
    """Return glyph and word of a run's status."""
    return RUN_STYLES[run.status]


def utc_time(at: Micros | None) -> str:
    """Return a time such as `2026-04-29 12:01:32Z`; empty if it is unknown."""
    return "" if at is None else (format_iso(at - at % MICROS_PER_SECOND) or "").replace("T", " ")


def took_text(exported: ExportedRun) -> str:
    """Return how long a run took, or has taken so far; empty if that is unknown."""
    run = exported.run
    if run.is_over or run.began_at is None:
        return format_duration(run.duration_ms)
    return f"{format_duration(max(0, exported.now - run.began_at) / 1000)} so far"


def step_count_text(exported: ExportedRun) -> str:
    """Return the numbers of steps and events, such as `12 steps, 26 events`."""
    steps = sum(step.is_reached for step in exported.steps.steps)
    return f"{steps:,} step{'' if steps == 1 else 's'}, {exported.run.event_count:,} events"


def marks_of(exported: ExportedRun) -> Iterator[str]:
    """Yield what makes the report of a run incomplete, in words. An anomaly may have foreign text in it."""
    run = exported.run
    if exported.missing:
        yield exported.missing
    for gap in exported.gaps:
        yield GapRow(0, [gap]).label(to_seconds(exported.now), _MARK_CELLS)
    if run.joined_late:
        yield "incomplete: this run began before the first event that is known"
    cut = run.is_input_truncated + sum(step.visit.is_truncated for step in exported.steps.steps if step.visit)
    if cut:
        yield f"the API sent {cut:,} value{'' if cut == 1 else 's'} of it cut or not at all"
    unreadable = sum(not event.is_complete for event in exported.events)
    if unreadable:
        yield f"{unreadable:,} event{'' if unreadable == 1 else 's'} of it cannot be read in full"
    if exported.steps.dropped:
        yield f"{exported.steps.dropped:,} old visits are not shown"
    for anomaly in run.anomalies[:MAX_ANOMALIES]:
        yield f"anomaly: {anomaly}"
    if len(run.anomalies) > MAX_ANOMALIES:
        yield f"{len(run.anomalies) - MAX_ANOMALIES:,} more anomalies"


def redaction_text(export: Export) -> str:
    """Return how many values were replaced. Only final once all runs were read."""
    if not export.is_redacted:
        return "not redacted"
    count = sum(row.count for row in export.redacted)
    return f"{count:,} value{'' if count == 1 else 's'} redacted" if count else "nothing to redact was found"


def failure_of(exported: ExportedRun) -> Failure | None:
    """Return the step that ended a failed run: the last one that failed and has no failed one inside it.

    Of a run that failed without such a step, the error alone; None if the run did not fail.
    """
    run, steps = exported.run, exported.steps
    if run.status is not RunStatus.FAILED:
        return None
    containers = {step.parent for step in steps.steps if step.has_failed}
    failed = [step for step in steps.steps if step.has_failed and step.index not in containers]
    if not failed:
        return Failure("", "", run.error or "no reason given")
    last = max(failed, key=lambda step: step.ended_event)
    return Failure(last.name, step_position(last), last.error or run.error or "no reason given", last)


def link_of(profile: str, exported: ExportedRun) -> str:
    """Return the link by which the run opens in the app, at the step that ended it; empty if it would be very long."""
    failure, run = failure_of(exported), exported.run
    step = None if failure is None else failure.step
    node = None if step is None else run.nodes.get(step.key)
    visit = None
    if step is not None and node is not None and node.visit_count > 1:
        visit = 1 + node.dropped + next(index for index, one in enumerate(node.visits) if one is step.visit)
    text = str(DeepLink(run.execution_id, profile, None if step is None else step.node_id, visit))
    return text if len(text) <= MAX_LINK_CHARS else ""


def handled_failures(exported: ExportedRun) -> Counter[str]:
    """Return how many steps of each name failed without ending the run; none if the run failed."""
    if exported.run.status is RunStatus.FAILED:
        return Counter()
    return Counter(step.name for step in exported.steps.steps if step.has_failed)


def step_style(step: Step, *, is_over: bool) -> StatusStyle:
    """Return the style of a step; of one that was not reached by whether the run `is_over`."""
    if step.state is None:
        return NOT_REACHED_STYLE if is_over else NOT_YET_STYLE
    return REVIEW if step.is_open and step.waits_for_person else NODE_STYLES[step.state]


def step_position(step: Step) -> str:
    """Return iteration, attempt and begin of a step in words, such as `iteration 3, 1.5s after the start`."""
    offset = "" if step.offset_ms is None else f"{offset_label(step.offset_ms)} after the start"
    iteration = "" if step.iteration is None else f"iteration {step.iteration}"
    attempt = "" if step.attempt is None else f"attempt {step.attempt}"
    return ", ".join(filter(None, (iteration, attempt, offset)))


def waits_of(exported: ExportedRun) -> list[Wait]:
    """Return the pending checkpoints of a run."""
    now = to_seconds(exported.now)
    return [
        Wait(
            row.title,
            assignee_name(row),
            "" if row.created is None else f"{utc_time(row.created)} ({format_age(now - to_seconds(row.created))} ago)",
            "" if row.expires is None else f"{utc_time(row.expires)} ({deadline_text(row.expires, now)})",
            tuple(option.name for option in row.answers),
            row,
        )
        for row in exported.checkpoints
    ]
