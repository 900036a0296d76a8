"""A run as its views show it: steps, what is known of them, and its flow. Pure; made in a thread if the run is long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.analysis.flow_path import find_taken_edges
from scaicore_tui.analysis.flow_view import FlowView
from scaicore_tui.analysis.moment import Moment
from scaicore_tui.analysis.run_history import RunHistory
from scaicore_tui.analysis.step_rows import default_folded
from scaicore_tui.analysis.steps import RunSteps, Step, build_steps
from scaicore_tui.analysis.timeline_view import StepFacts, facts_of
from scaicore_tui.protocol import Event
from scaicore_tui.runs import Run, RunStatus
from scaicore_tui.runs.reduce import apply_new
from scaicore_tui.tui.render.step_detail import StepIndex
from scaicore_tui.units import Micros

# Shorter runs are shown at once; longer ones are prepared in a thread.
MAX_VISITS_AT_ONCE = 300
MAX_EVENTS_AT_ONCE = 1_000


class RunPicture(Struct, frozen=True):
    """A run, and all that its views need to know of it.

    Attributes:
        run: the run as of the moment that is shown. It is not changed, unless it is a short one that goes on.
        folded: ids of the rows that are folded at first.
        failed: the steps that failed, without containers in which a step failed, in the order of the rows.
        first: the step to look at first: the one that failed, waits or works; None if the run went well.
        retries: number of steps that were tried again.
        by_event: for each event that began or ended a visit, the index of its step.
        flow: the flow with this run in it; None if no flow is known.
        moment: the event that the run is shown as of; None for the newest one. `steps` may go on after it.
        last: with a moment, the picture of all events.
        is_partial: made of the newest events only, while the others are being read.
    """

    run: Run
    steps: RunSteps
    facts: StepFacts
    index: StepIndex
    folded: frozenset[str]
    failed: Sequence[Step]
    first: int | None
    retries: int
    by_event: dict[int, int]
    flow: FlowView | None = None
    moment: Moment | None = None
    last: RunPicture | None = None
    is_partial: bool = False


def build_picture(run: Run, flow: FlowView | None, *, is_complete: bool) -> RunPicture:
    """Return the picture of `run`. Only a graph that is proven to be the one of its Core makes its steps certain."""
    graph = None if flow is None else flow.graph
    is_proven = graph is not None and not graph.is_likely
    steps = build_steps(run, graph, is_complete=is_proven and is_complete)
    failed = _failed_steps(steps)
    return RunPicture(
        run,
        steps,
        facts_of(steps),
        StepIndex(steps),
        default_folded(steps),
        failed,
        _first_step(run, steps, failed),
        _count_retries(steps, run.event_count),
        _steps_by_event(steps.steps),
        _flow_of(flow, run),
    )


def build_past(
    history: RunHistory, number: int, now: Micros, flow: FlowView | None, last: RunPicture | None, *, is_complete: bool
) -> RunPicture:
    """Return the picture of a run as of event `number`; `last` is that of all its events, if it is known already.

    `now` stands for the time of an event that has none. Where old visits were dropped later, the steps end with the
    event: the dropped ones would be missing.
    """
    if last is None:
        last = build_picture(history.at(len(history)), flow, is_complete=is_complete)
    run = history.at(number)
    shown = build_picture(run, flow, is_complete=is_complete) if last.steps.dropped else last
    at = history.event(number).at
    facts = replace(shown.facts, times=last.facts.times)
    moment = Moment(number, now if at is None else at)
    retries = _count_retries(shown.steps, number)
    return replace(shown, run=run, facts=facts, retries=retries, flow=_flow_of(flow, run), moment=moment, last=last)


def build_newest(summary: Run, events: Sequence[Event]) -> RunPicture:
    """Return the picture of a run whose events are still being read, by its newest ones alone."""
    before = max(0, summary.event_count - len(events))
    run = Run(summary.execution_id, summary.core_id, started_at=summary.started_at, event_count=before)
    for event in events:
        apply_new(run, event)
    run.status = summary.status
    return replace(build_picture(run, None, is_complete=False), is_partial=True)


def _failed_steps(steps: RunSteps) -> list[Step]:
    failed = [step for step in steps.steps if step.has_failed]
    blamed = {step.parent for step in failed}
    return [step for step in failed if step.index not in blamed]


def _first_step(run: Run, steps: RunSteps, failed: Sequence[Step]) -> int | None:
    """Return the step to look at first. A container fails because of a step in it; that one is meant."""
    if failed and run.outcome is RunStatus.FAILED:
        return max(failed, key=lambda step: step.ended_event).index
    if steps.is_over:
        return None
    parents = {step.parent for step in steps.steps if step.is_open}
    opened = [step for step in steps.steps if step.is_open and step.index not in parents]
    waiting = [step for step in opened if step.waits_for_person]
    return (waiting or opened)[-1].index if opened else None


def _count_retries(steps: RunSteps, number: int) -> int:
    """Return the number of steps up to event `number` that were tried again."""
    return sum((step.attempt or 0) > 1 and step.first_event <= number for step in steps.steps)


def _steps_by_event(steps: Iterable[Step]) -> dict[int, int]:
    found = {step.ended_event: step.index for step in steps}
    found |= {step.entered_event: step.index for step in steps}
    found.pop(0, None)
    return found


def _flow_of(flow: FlowView | None, run: Run) -> FlowView | None:
    """Return the flow with `run` in it, which may be one as of an event."""
    if flow is None or flow.run is run:
        return flow
    waits = flow.waits if run.status is RunStatus.WAITING else {}
    return replace(flow, run=run, taken=find_taken_edges(flow.graph, run), waits=waits)
