"""The differences between two runs: of their inputs, and of the steps that correspond to each other. Pure.

A step of one run corresponds to the step of the other that is the same visit of the same node in the same container:
its first, second … visit in that container, and in a loop in that iteration. So the order in which branches at the same
time came does not count. The iterations of a loop are aligned at those that are equal: one that only one of the runs
has is one difference, and not one of each iteration after it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

from scaicore_tui.analysis.statistics.paths import path_of, usual_path, variants
from scaicore_tui.analysis.steps import RunSteps, Step
from scaicore_tui.analysis.value_diff import MISSING, Change, aligned_indexes, changes, read_value
from scaicore_tui.runs.model import Run, RunStatus
from scaicore_tui.runs.summary import Summary


class Cause(StrEnum):
    """The reason for the first difference, as far as the events prove it."""

    INPUT = "input"
    RESULT = "result"
    PATH = "path"
    CUT = "cut"


CAUSE_WORDS = {
    Cause.INPUT: "the input of the runs differs",
    Cause.RESULT: "all before it is equal, the result differs",
    Cause.PATH: "all before it is equal, the path differs",
    Cause.CUT: "values or events before it are missing: whether all before it is equal is unknown",
}


class StepPair(Struct, frozen=True):
    """Two steps that correspond to each other; one is None if only the other run has such a step.

    At least one is there.

    Attributes:
        changes: the differences of their results, if both ended in the same way.
        is_other_error: both failed, with different errors.
        is_cut: a result was cut by the API, and what is left of both is equal.
        is_moved: it came after another step that in the other run came after it.
        is_pending: what differs may still come, as a run without the step, or without its end, goes on.
    """

    a: Step | None
    b: Step | None
    changes: Sequence[Change] = ()
    is_other_error: bool = False
    is_cut: bool = False
    is_moved: bool = False
    is_pending: bool = False

    @property
    def steps(self) -> Sequence[Step]:
        """The step of the first run and that of the second, as far as they are there."""
        return [step for step in (self.a, self.b) if step is not None]

    @property
    def step(self) -> Step:
        """The step of the first run; of the second if only that one has it."""
        return self.steps[0]

    @property
    def is_in_both(self) -> bool:
        return self.a is not None and self.b is not None

    @property
    def has_other_state(self) -> bool:
        return self.a is not None and self.b is not None and self.a.state is not self.b.state

    @property
    def is_alike(self) -> bool:
        """True if nothing differs for certain but the times."""
        if self.is_pending:
            return True
        same_steps = self.is_in_both and not self.has_other_state
        return same_steps and not (self.changes or self.is_other_error or self.is_moved)

    @property
    def longer_ms(self) -> float | None:
        """How much longer the first one took; None if the duration of one is unknown."""
        if self.a is None or self.b is None or self.a.duration_ms is None or self.b.duration_ms is None:
            return None
        return self.a.duration_ms - self.b.duration_ms


class Divergence(NamedTuple):
    """The first difference. Without a `pair` it is one of the inputs, or of the ends of the runs."""

    cause: Cause
    pair: StepPair | None


class RunDiff(Struct, frozen=True):
    """The differences between two runs. `pairs` are in the order of the first, each after its container."""

    a: Run
    b: Run
    input: Sequence[Change]
    output: Sequence[Change]
    pairs: Sequence[StepPair]
    first: Divergence | None

    @property
    def is_alike(self) -> bool:
        """True if nothing differs but the times."""
        return self.first is None


class ComparedRun(NamedTuple):
    """A run to compare, with its steps. Without `is_complete`, events of it may be missing."""

    run: Run
    steps: RunSteps
    is_complete: bool = True

    @property
    def has_all_visits(self) -> bool:
        """True if no event is missing as far as is known, and no visit was dropped."""
        return self.is_complete and not self.run.joined_late and not self.steps.dropped


def compare(a: ComparedRun, b: ComparedRun) -> RunDiff:
    """Compare two runs."""
    pairs = list(_pairs(a, b))
    inputs, outputs = changes(_input(a.run), _input(b.run)), _output_changes(a.run, b.run)
    first = _first_divergence(inputs, pairs, has_all=a.has_all_visits and b.has_all_visits)
    if first is None and (outputs or _ended_otherwise(a.run, b.run)):
        first = Divergence(Cause.RESULT, None)
    return RunDiff(a.run, b.run, inputs, outputs, pairs, first)


def _input(run: Run) -> object:
    source = run.input_json
    return MISSING if source is None else read_value(source)


def _output_changes(a: Run, b: Run) -> Sequence[Change]:
    return changes(a.output, b.output) if a.outcome is b.outcome is RunStatus.COMPLETED else ()


def _ended_otherwise(a: Run, b: Run) -> bool:
    return a.is_over and b.is_over and (a.outcome is not b.outcome or a.error != b.error)


# What steps that correspond to each other have in common: the iteration, the node, and which of its visits there it is.
_Key = tuple[int | None, object, int]
# The number of an iteration of the second run in the first one; one that the first has not got is negative there.
_Numbers = Mapping[int | None, int]


def _pairs(a: ComparedRun, b: ComparedRun) -> Iterator[StepPair]:
    """Yield all pairs, each followed by the pairs inside it. Containers may be nested deeper than functions may be."""
    levels = [_pairs_inside(a, b, None, None)]
    while levels:
        pair = next(levels[-1], None)
        if pair is None:
            levels.pop()
            continue
        yield pair
        one, other = pair.a, pair.b
        if one is not None and other is not None:
            levels.append(_pairs_inside(a, b, one.index, other.index))
        elif one is not None:
            levels.append(iter([StepPair(step, None, is_pending=pair.is_pending) for step in _reached(a, one.index)]))
        elif other is not None:
            levels.append(iter([StepPair(None, step, is_pending=pair.is_pending) for step in _reached(b, other.index)]))


def _pairs_inside(a: ComparedRun, b: ComparedRun, in_a: int | None, in_b: int | None) -> Iterator[StepPair]:
    """Yield the pairs directly inside the containers `in_a` and `in_b`; with None, those at the top level."""
    ours, others = _by_key(a, in_a, {}), _by_key(b, in_b, _numbers_in_a(a, b, in_a, in_b))
    moved = _moved_keys(ours, others)
    for key in _merged([*ours], [*others]):
        yield _pair(a, b, ours.get(key), others.get(key), is_moved=key in moved)


def _reached(run: ComparedRun, container: int | None) -> Iterator[Step]:
    return (step for step in run.steps.children_of(container) if step.is_reached)


def _numbers_in_a(a: ComparedRun, b: ComparedRun, in_a: int | None, in_b: int | None) -> _Numbers:
    """Return the numbers of the iterations of `in_b` in the first run, aligned at the iterations that are equal."""
    ours, others = _iterations(a, in_a), _iterations(b, in_b)
    if ours == others:
        return {}
    found: dict[int | None, int] = {}
    names, other_names = list(ours), list(others)
    for mine, other in aligned_indexes(list(ours.values()), list(others.values())):
        if other is not None:
            number = other_names[other]
            found[number] = names[mine] if mine is not None else -number
    return found


def _iterations(run: ComparedRun, container: int | None) -> dict[int, Hashable]:
    """Return for each iteration of a loop what happened directly in it, in order, without the times."""
    found: dict[int, list[Hashable]] = {}
    for step in _reached(run, container):
        if step.iteration is not None and step.visit is not None:
            happened = (step.key, step.state, step.visit.result_json, step.error)
            found.setdefault(step.iteration, []).append(happened)
    return {number: tuple(steps) for number, steps in found.items()}


def _by_key(run: ComparedRun, container: int | None, numbers: _Numbers) -> dict[_Key, Step]:
    found: dict[_Key, Step] = {}
    counts: dict[tuple[int | None, object], int] = {}
    for step in _reached(run, container):
        node = (numbers.get(step.iteration, step.iteration), step.key)
        counts[node] = counts.get(node, 0) + 1
        found[(*node, counts[node])] = step
    return found


def _merged(ours: Sequence[_Key], others: Sequence[_Key]) -> Iterator[_Key]:
    """Yield all keys in the order of the first; those only in the second come before the next one that both have."""
    known, common = set(ours), set(others).intersection(ours)
    after: dict[_Key | None, list[_Key]] = {}
    before: _Key | None = None
    for key in others:
        if key in known:
            before = key
        else:
            after.setdefault(before, []).append(key)
    before = None
    for key in ours:
        if key in common:
            yield from after.get(before, ())
            before = key
        yield key
    yield from after.get(before, ())


def _moved_keys(ours: dict[_Key, Step], others: dict[_Key, Step]) -> set[_Key]:
    """Return the keys whose step came after the one before it in the first run, and before it in the other.

    Steps that overlap have no order.
    """
    common = [key for key in ours if key in others]
    return {
        key
        for before, key in pairwise(common)
        if _is_before(ours[before], ours[key]) and _is_before(others[key], others[before])
    }


def _is_before(one: Step, other: Step) -> bool:
    return 0 < one.ended_event < other.first_event


def _pair(a: ComparedRun, b: ComparedRun, one: Step | None, other: Step | None, *, is_moved: bool) -> StepPair:
    if one is None or other is None:
        return StepPair(one, other, is_pending=not (a if one is None else b).run.is_over)
    if one.visit is None or other.visit is None or one.is_open or other.is_open:
        goes_on = (one.is_open and not a.run.is_over) or (other.is_open and not b.run.is_over)
        return StepPair(one, other, is_moved=is_moved, is_pending=goes_on)
    if one.state is not other.state:
        return StepPair(one, other, is_moved=is_moved)
    found = changes(read_value(one.visit.result_json), read_value(other.visit.result_json))
    is_cut = not found and (one.visit.is_truncated or other.visit.is_truncated)
    is_other_error = one.has_failed and other.has_failed and one.error != other.error
    return StepPair(one, other, found, is_other_error, is_cut, is_moved)


def _first_divergence(inputs: Sequence[Change], pairs: Sequence[StepPair], *, has_all: bool) -> Divergence | None:
    differing = [pair for pair in pairs if not pair.is_alike]
    # Where both runs went on in other ways, the step of the first one is named.
    pair = min(differing, key=lambda pair: (_shown_by_event(pair), pair.a is None), default=None)
    if pair is None:
        return Divergence(Cause.INPUT, None) if inputs else None
    if inputs:
        return Divergence(Cause.INPUT, pair)
    if not has_all or any(other.is_cut and _shown_by_event(other) < _shown_by_event(pair) for other in pairs):
        return Divergence(Cause.CUT, pair)
    return Divergence(Cause.RESULT if pair.is_in_both and not pair.is_moved else Cause.PATH, pair)


def _shown_by_event(pair: StepPair) -> int:
    """Return the number of the event with which a pair differs: up to the first difference both runs count alike.

    That two steps ended in different ways shows when the first of them ends.
    """
    if not pair.is_in_both or pair.is_moved:
        return pair.step.first_event
    return min((step.ended_event for step in pair.steps if step.ended_event), default=pair.step.first_event)


class Partner(NamedTuple):
    """A run to compare with, and the reason in words."""

    summary: Summary
    reason: str


def choose_partner(run: Summary, others: Sequence[Summary], original: Summary | None = None) -> Partner | None:
    """Return the run to compare `run` with; None if no other run of its Core completed.

    That is the `original` of a replay; else, of the completed runs among `others`, which are newest first and of its
    Core, the newest with an equal input, or the newest on the usual path, or the newest.
    """
    if original is not None:
        return Partner(original, "the run that it replays")
    completed = [
        other for other in others if other.outcome is RunStatus.COMPLETED and other.execution_id != run.execution_id
    ]
    same_input = next((other for other in completed if other.input_digest == run.input_digest), None)
    if same_input is not None and not run.joined_late:
        return Partner(same_input, "the newest run with an equal input that completed")
    usual = usual_path(variants(completed), run.core_id)
    on_path = next((other for other in completed if usual is not None and set(path_of(other)) == set(usual)), None)
    if on_path is not None:
        return Partner(on_path, "the newest run that completed on the usual path")
    return Partner(completed[0], "the newest run that completed") if completed else None
