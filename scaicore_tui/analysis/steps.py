"""The steps of a run: its visits with container, iteration and attempt. Pure; the model behind all views of one run.

The API tells none of these three (API §2): they come from the graph of the flow, or are inferred from the order of the
events. `Step.inferred` names what is not known for certain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Protocol

from msgspec import Struct, field

from scaicore_tui.analysis.step_parents import LOOP_KINDS, STILL_OPEN, Interval, find_parents
from scaicore_tui.analysis.step_repeats import Child, count_repeats
from scaicore_tui.runs.model import NodeKey, NodeRunInfo, NodeState, NodeVisit, Run, elapsed_ms
from scaicore_tui.units import Micros

PARENT, ITERATION, ATTEMPT, NOT_REACHED = "parent", "iteration", "attempt", "not reached"
_POSITION = (PARENT, ITERATION, ATTEMPT)
# Blocks that wait until a person has answered.
PERSON_KINDS = frozenset({"checkpoint"})
_ENTRY_PREFIX = "entry_"


class FlowNodeShape(Protocol):
    """The part of a node of a flow graph that is read."""

    @property
    def id(self) -> str: ...

    @property
    def type(self) -> str: ...


class FlowShape(Protocol):
    """The part of a flow graph that is read: `analysis.flow_graph.FlowGraph` is one."""

    @property
    def nodes(self) -> Sequence[FlowNodeShape]: ...

    @property
    def is_inferred(self) -> bool:
        """True if the graph shows what runs did, and not the design."""
        ...

    def parent_of(self, node_id: str) -> str | None:
        """Return the container whose body the node is in; None if it is in none, or not in the graph."""
        ...

    def is_loop(self, node_id: str) -> bool:
        """Return true if the node repeats its body."""
        ...


class Step(Struct, gc=False):
    """A visit and its place in the run; or, without `visit`, a node that the run did not reach.

    Attributes:
        index: its index in the steps of the run; that of its container is smaller.
        offset_ms: from the start of the run to the enter of the visit.
        parent: index of the container's step; None at the top level.
        iteration: iteration of the container that it is in, from 1; None if that is no loop.
        attempt: number of the attempt in this iteration, from 1; None if the node was not tried again so far.
        entered_event, ended_event: number of the event in the run, from 1; 0 if it is missing.
        inferred: which of PARENT, ITERATION, ATTEMPT and NOT_REACHED are inferred.
    """

    index: int
    node_id: str | None
    block_kind: str | None
    state: NodeState | None = None
    entered_at: Micros | None = None
    ended_at: Micros | None = None
    duration_ms: float | None = None
    offset_ms: float | None = None
    parent: int | None = None
    depth: int = 0
    iteration: int | None = None
    attempt: int | None = None
    visit: NodeVisit | None = None
    error: str | None = None
    waits_for_person: bool = False
    is_loop: bool = False
    entered_event: int = 0
    ended_event: int = 0
    inferred: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.node_id or f"({self.block_kind or 'block'})"

    @property
    def key(self) -> NodeKey:
        """The key of its node in the run."""
        return self.node_id, None if self.node_id is not None else self.block_kind

    @property
    def is_reached(self) -> bool:
        return self.visit is not None

    @property
    def is_open(self) -> bool:
        return self.state is NodeState.ENTERED

    @property
    def has_failed(self) -> bool:
        return self.state is NodeState.FAILED

    @property
    def first_event(self) -> int:
        """Number of the first event of the visit that is known; 0 if there is none."""
        return min(filter(None, (self.entered_event, self.ended_event)), default=0)


class RunSteps(Struct):
    """The steps of one run, in the order of their first events; nodes that were not reached come last.

    Attributes:
        children: for each step that has any, the indexes of those directly in it; for None those at the top level.
        began_at, ended_at: limits of the run; None if unknown.
        is_over: the run has ended.
        dropped: number of old visits that are no longer kept.
        reordered: number of visits whose end came before their begin.
        has_whole_seconds: no time of the run has a fraction of a second.
    """

    steps: list[Step]
    children: dict[int | None, list[int]]
    began_at: Micros | None = None
    ended_at: Micros | None = None
    is_over: bool = False
    dropped: int = 0
    reordered: int = 0
    has_whole_seconds: bool = False
    _iterations: dict[int, Sequence[tuple[int | None, Sequence[Step]]]] = field(default_factory=dict)

    def step(self, index: int) -> Step:
        return self.steps[index]

    def children_of(self, index: int | None) -> Sequence[Step]:
        """Return the steps directly in the step `index`; with None, those at the top level."""
        return [self.steps[child] for child in self.children.get(index, ())]

    def iterations_of(self, index: int) -> Sequence[tuple[int | None, Sequence[Step]]]:
        """Return the steps directly in the loop `index`, by iteration. They are grouped once: rows ask often."""
        if index not in self._iterations:
            groups = groupby(self.children_of(index), key=lambda step: step.iteration)
            self._iterations[index] = [(number, list(members)) for number, members in groups]
        return self._iterations[index]

    def ancestors(self, index: int) -> Iterator[Step]:
        """Yield the containers of a step, the innermost first."""
        parent = self.steps[index].parent
        while parent is not None:
            yield self.steps[parent]
            parent = self.steps[parent].parent


def build_steps(
    run: Run, graph: FlowShape | None = None, others: Iterable[Run] = (), *, is_complete: bool = True
) -> RunSteps:
    """Return the steps of `run`, with their containers by `graph` if there is one that is not inferred itself.

    Nodes that were not reached are those of `graph`; without one, those of `others`, which are runs of the same Core.
    Without `is_complete` events may be missing: then nothing is certain.
    """
    began_at = run.began_at
    placed = sorted(_intervals(run), key=lambda pair: pair[0].start)
    intervals = [interval for interval, _ in placed]
    steps = [_step(index, node, visit, began_at, graph) for index, (_, (node, visit)) in enumerate(placed)]
    is_certain = graph is not None and not graph.is_inferred and is_complete and _is_clean(run)
    _set_parents(steps, intervals, graph, is_certain=is_certain)
    _set_repeats(steps)
    _add_dropped_iterations(steps, run)
    _append_unreached(steps, run, graph, others)
    times = [at for step in steps for at in (step.entered_at, step.ended_at) if at is not None]
    return RunSteps(
        steps,
        _group_children(steps),
        began_at,
        run.ended_at,
        run.is_over,
        sum(node.dropped for node in run.nodes.values()),
        sum(0 < step.ended_event < step.entered_event for step in steps),
        bool(times) and not any(at % 1_000_000 for at in times),
    )


def _is_clean(run: Run) -> bool:
    """Return whether nothing in the run says that events are missing or out of order.

    What was taken for a repeat may have been an event of a fast loop, with equal bytes.
    """
    return not run.joined_late and not run.anomalies and not run.duplicates


def _intervals(run: Run) -> Iterator[tuple[Interval, tuple[NodeRunInfo, NodeVisit]]]:
    for key, node in run.nodes.items():
        for visit in node.visits:
            start = visit.entered_event or visit.ended_event
            if visit.is_open:
                end = STILL_OPEN
            else:
                start = min(start, visit.ended_event or start)
                end = visit.ended_event if visit.entered_event <= visit.ended_event and visit.entered_event else start
            failed = visit.state is NodeState.FAILED
            yield Interval(key, node.block_kind, start, end, failed), (node, visit)


def _step(index: int, node: NodeRunInfo, visit: NodeVisit, began_at: Micros | None, graph: FlowShape | None) -> Step:
    is_loop = node.block_kind in LOOP_KINDS or (
        graph is not None and node.node_id is not None and graph.is_loop(node.node_id)
    )
    return Step(
        index,
        node.node_id,
        node.block_kind,
        visit.state,
        visit.entered_at,
        visit.ended_at,
        visit.duration_ms,
        elapsed_ms(began_at, visit.entered_at),
        visit=visit,
        error=visit.error,
        waits_for_person=node.block_kind in PERSON_KINDS,
        is_loop=is_loop,
        entered_event=visit.entered_event,
        ended_event=visit.ended_event,
    )


def _set_parents(
    steps: Sequence[Step], intervals: Sequence[Interval], graph: FlowShape | None, *, is_certain: bool
) -> None:
    """Set the container and the depth of each step, and what of its place is inferred."""
    known = {} if graph is None or graph.is_inferred else _parents_by_graph(steps, intervals, graph)
    guessed = find_parents(intervals) if len(known) < len(steps) else []
    for step in steps:
        step.parent = known[step.index] if step.index in known else guessed[step.index]
        step.depth = 0 if step.parent is None else steps[step.parent].depth + 1
        step.inferred = () if is_certain and step.index in known else _POSITION


def _parents_by_graph(steps: Sequence[Step], intervals: Sequence[Interval], graph: FlowShape) -> dict[int, int | None]:
    """Return the container's step of each step whose place the graph tells: the newest one that was open then."""
    ids = {node.id for node in graph.nodes}
    newest: dict[str, int] = {}
    found: dict[int, int | None] = {}
    for step, interval in zip(steps, intervals, strict=True):
        if step.node_id is None or step.node_id not in ids:
            continue
        container = graph.parent_of(step.node_id)
        if container is None:
            found[step.index] = None
        elif container in newest and intervals[newest[container]].end > interval.start:
            found[step.index] = newest[container]
        newest[step.node_id] = step.index
    return found


def _set_repeats(steps: Sequence[Step]) -> None:
    """Set iterations and attempts, for all children of one container after the other."""
    groups: dict[int | None, list[Step]] = {}
    for step in steps:
        groups.setdefault(step.parent, []).append(step)
    for parent, members in groups.items():
        is_loop = parent is not None and steps[parent].is_loop
        children = [Child(step.key, step.has_failed) for step in members]
        for step, repeat in zip(members, count_repeats(children, is_loop=is_loop), strict=True):
            step.iteration, step.attempt = repeat.iteration, repeat.attempt
            if repeat.is_ambiguous and not step.inferred:
                step.inferred = (ITERATION, ATTEMPT) if is_loop else (ATTEMPT,)


def _add_dropped_iterations(steps: Sequence[Step], run: Run) -> None:
    """Count the iterations whose visits are no longer kept, where a loop ran only once.

    They are as many as dropped visits of the node with which the kept ones begin.
    """
    offsets: dict[int, int] = {}
    for step in steps:
        if step.parent is None or step.iteration is None:
            continue
        if step.parent not in offsets:
            container, node = run.nodes.get(steps[step.parent].key), run.nodes.get(step.key)
            is_single = container is not None and container.visit_count == 1
            offsets[step.parent] = node.dropped if is_single and node is not None else 0
        step.iteration += offsets[step.parent]
        if offsets[step.parent] and ITERATION not in step.inferred:
            step.inferred = (*step.inferred, ITERATION)


def _append_unreached(steps: list[Step], run: Run, graph: FlowShape | None, others: Iterable[Run]) -> None:
    reached = {node.node_id for node in run.nodes.values()}
    if graph is None:
        for node_id, kind in _nodes_of(others).items():
            if node_id not in reached:
                steps.append(Step(len(steps), node_id, kind, inferred=(NOT_REACHED, PARENT)))
        return
    newest = {step.node_id: step.index for step in steps}
    inferred = (NOT_REACHED,) if graph.is_inferred or not _is_clean(run) else ()
    for node in graph.nodes:
        if node.id in reached or node.type.startswith(_ENTRY_PREFIX):
            continue
        container = graph.parent_of(node.id)
        parent = newest.get(container) if container is not None else None
        depth = 0 if parent is None else steps[parent].depth + 1
        newest[node.id] = len(steps)
        is_loop = graph.is_loop(node.id)
        steps.append(
            Step(len(steps), node.id, node.type, parent=parent, depth=depth, is_loop=is_loop, inferred=inferred)
        )


def _nodes_of(runs: Iterable[Run]) -> dict[str, str | None]:
    nodes = (node for run in runs for node in run.nodes.values())
    return {node.node_id: node.block_kind for node in nodes if node.node_id is not None}


def _group_children(steps: Sequence[Step]) -> dict[int | None, list[int]]:
    children: dict[int | None, list[int]] = {}
    for step in steps:
        children.setdefault(step.parent, []).append(step.index)
    return children
