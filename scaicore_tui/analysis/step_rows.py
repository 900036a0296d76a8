"""The steps of a run as rows of a list, with containers, iterations and attempts that fold. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from enum import StrEnum

from msgspec import Struct

from scaicore_tui.analysis.steps import RunSteps, Step
from scaicore_tui.runs.model import NodeState

# Loops with more iterations are folded at first, except for iterations that failed or are active.
MAX_UNFOLDED_ITERATIONS = 3


class RowKind(StrEnum):
    """The kind of things that a row stands for."""

    STEP = "step"
    ITERATION = "iteration"
    ATTEMPTS = "attempts"


class StepRow(Struct, frozen=True):
    """One row.

    Attributes:
        id: stays the same while the run goes on.
        kind: a step; an iteration of a loop; or, folded into the last one, several attempts at a node.
        step: the step; for an iteration its first one, for attempts the last one.
        members: indexes of the steps that the row stands for, with all that is in them if it is folded.
        fold_id: id that folds and unfolds this row, or the attempts that it is one of; None if there is nothing to.
        count: iterations of a loop, or attempts.
    """

    id: str
    kind: RowKind
    step: Step
    depth: int
    state: NodeState | None
    members: tuple[int, ...]
    fold_id: str | None = None
    is_folded: bool = False
    iteration: int | None = None
    count: int = 0


def step_id(step: Step) -> str:
    """Return an id of a step that stays the same while the run goes on and old visits are dropped."""
    return f"event {step.first_event}" if step.is_reached else f"node {step.node_id}"


def iteration_id(loop: Step, iteration: int) -> str:
    return f"{step_id(loop)} iteration {iteration}"


def attempts_id(first: Step) -> str:
    """Return the id of all attempts of which `first` is the first."""
    return f"{step_id(first)} attempts"


def build_rows(steps: RunSteps, folded: Container[str]) -> list[StepRow]:
    """Return the rows of a run, top to bottom, without what is inside rows whose ids are in `folded`."""
    return list(_level(steps, None, folded, 0))


def default_folded(steps: RunSteps, max_iterations: int = MAX_UNFOLDED_ITERATIONS) -> frozenset[str]:
    """Return the ids that are folded at first: in long loops the iterations that neither failed nor are active."""
    found = set[str]()
    for loop in steps.steps:
        if loop.is_loop and loop.index in steps.children:
            groups = steps.iterations_of(loop.index)
            quiet = [number for number, members in groups if _state_of(members) is NodeState.EXITED]
            if len(groups) > max_iterations:
                found.update(iteration_id(loop, number) for number in quiet if number is not None)
    return frozenset(found)


def unfolding(steps: RunSteps, index: int) -> frozenset[str]:
    """Return all ids that must not be folded for a step to be visible."""
    step, found = steps.step(index), set[str]()
    for container in steps.ancestors(index):
        found.add(step_id(container))
        if step.iteration is not None:
            found.add(iteration_id(container, step.iteration))
        found |= _attempts_around(steps, step)
        step = container
    return frozenset(found | _attempts_around(steps, step))


def _attempts_around(steps: RunSteps, step: Step) -> set[str]:
    if step.attempt is None:
        return set()
    groups = _by_attempts([other for other in steps.children_of(step.parent) if other.iteration == step.iteration])
    return {attempts_id(members[0]) for members in groups if any(other.index == step.index for other in members)}


def _level(steps: RunSteps, parent: int | None, folded: Container[str], depth: int) -> Iterator[StepRow]:
    loop = None if parent is None else steps.step(parent)
    if loop is None or not loop.is_loop:
        yield from _passages(steps, steps.children_of(parent), folded, depth)
        return
    for number, members in steps.iterations_of(loop.index):
        if number is None:
            yield from _passages(steps, members, folded, depth)
            continue
        fold_id = iteration_id(loop, number)
        is_folded = fold_id in folded
        indexes = tuple(step.index for step in members)
        yield StepRow(
            fold_id, RowKind.ITERATION, members[0], depth, _state_of(members), indexes, fold_id, is_folded, number
        )
        if not is_folded:
            yield from _passages(steps, members, folded, depth + 1)


def _passages(steps: RunSteps, members: Sequence[Step], folded: Container[str], depth: int) -> Iterator[StepRow]:
    """Yield the rows of steps in the order of their begin; attempts of a node follow each other."""
    for attempts in _by_attempts(members):
        fold_id = attempts_id(attempts[0]) if len(attempts) > 1 else None
        if fold_id is not None and fold_id in folded:
            last = attempts[-1]
            indexes = tuple(step.index for step in attempts)
            yield StepRow(
                fold_id,
                RowKind.ATTEMPTS,
                last,
                depth,
                last.state,
                indexes,
                fold_id,
                is_folded=True,
                count=len(attempts),
            )
            continue
        for step in attempts:
            yield from _step_rows(steps, step, folded, depth, fold_id)


def _step_rows(
    steps: RunSteps, step: Step, folded: Container[str], depth: int, attempts: str | None
) -> Iterator[StepRow]:
    children = steps.children.get(step.index, ())
    own_id = step_id(step)
    is_folded = bool(children) and own_id in folded
    groups = steps.iterations_of(step.index) if step.is_loop and children else ()
    count = max((number or 0 for number, _ in groups), default=0)
    yield StepRow(
        own_id,
        RowKind.STEP,
        step,
        depth,
        step.state,
        (step.index,),
        own_id if children else attempts,
        is_folded,
        step.iteration,
        count,
    )
    if children and not is_folded:
        yield from _level(steps, step.index, folded, depth + 1)


def _by_attempts(members: Sequence[Step]) -> list[list[Step]]:
    """Return the steps in groups: attempts at one node together, each other step alone; by the first of each group."""
    groups: list[list[Step]] = []
    current: dict[str, list[Step]] = {}
    for step in members:
        if step.attempt is not None and step.attempt > 1 and step.name in current:
            current[step.name].append(step)
        else:
            current[step.name] = [step]
            groups.append(current[step.name])
    return groups


def _state_of(members: Sequence[Step]) -> NodeState | None:
    """Return the state of an iteration: active if a step is, else that of the last one."""
    reached = [step for step in members if step.is_reached]
    if any(step.is_open for step in reached):
        return NodeState.ENTERED
    return reached[-1].state if reached else None
