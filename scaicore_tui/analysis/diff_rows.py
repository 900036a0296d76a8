"""The comparison of two runs as rows: the inputs, each pair of steps, the ends. Pure; for the app and the command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from scaicore_tui.analysis.diff import RunDiff, StepPair
from scaicore_tui.analysis.diff_text import Mark, count_text, difference_text, error_code, mark_of, step_name
from scaicore_tui.analysis.error_groups import split_code
from scaicore_tui.analysis.steps import Step
from scaicore_tui.analysis.value_diff import Change
from scaicore_tui.runs import Run
from scaicore_tui.runs.status_style import NODE_STYLES, RUN_STYLES, StatusStyle
from scaicore_tui.text import display_name
from scaicore_tui.timefmt import format_duration

INPUT, END = "input of the run", "end of the run"


class Side(Struct, frozen=True):
    """How a step, or the run, went in one of the two runs. Without a `style` the run has no such step.

    `code` is that of its error, safe to show.
    """

    style: StatusStyle | None = None
    took: str = ""
    code: str = ""


NOTHING = Side()


class DiffRow(Struct, frozen=True):
    """One row. Without a `pair` it is about the runs themselves: their inputs, or how they ended.

    Attributes:
        name: of the step with iteration and attempt, safe to show.
        depth: of the step in its containers.
        longer_ms: how much longer the first one took; None if unknown.
        difference: what differs besides the values, in words; empty if nothing does.
        changes: the differences of the values.
    """

    mark: Mark
    name: str
    depth: int
    a: Side
    b: Side
    longer_ms: float | None
    difference: str
    changes: Sequence[Change] = ()
    pair: StepPair | None = None

    @property
    def is_alike(self) -> bool:
        return self.mark is Mark.ALIKE

    @property
    def text(self) -> str:
        """All that differs, in words, with the number of differences of the values."""
        counted = f"the result: {count_text(len(self.changes))}" if self.changes else ""
        return " · ".join(filter(None, (self.difference, counted)))

    @property
    def id(self) -> str:
        """An id that stays the same while a run goes on, and is the same for another partner of the first run."""
        if self.pair is None:
            return self.name
        step = self.pair.step
        return f"{'a' if self.pair.a is not None else 'b'} {step.first_event} {step.name}"


def diff_rows(diff: RunDiff) -> list[DiffRow]:
    """Return the rows of a comparison: the inputs, the steps in the order of the first run, the ends."""
    return [_input_row(diff), *step_rows(diff.pairs), _end_row(diff)]


def step_rows(pairs: Sequence[StepPair]) -> Iterator[DiffRow]:
    """Yield the rows of the steps."""
    for pair in pairs:
        yield DiffRow(
            mark_of(pair),
            step_name(pair.step),
            pair.step.depth,
            _side(pair.a),
            _side(pair.b),
            pair.longer_ms,
            difference_text(pair),
            pair.changes,
            pair,
        )


def first_row(diff: RunDiff, rows: Sequence[DiffRow]) -> int:
    """Return the row to look at first: that of the first difference; without one, the first row."""
    first = diff.first
    if first is not None and first.pair is not None:
        return next((number for number, row in enumerate(rows) if row.pair is first.pair), 0)
    return next((number for number, row in enumerate(rows) if not row.is_alike), 0)


def next_difference(rows: Sequence[DiffRow], after: int, by: int) -> int | None:
    """Return the next row that differs, with a `by` of -1 the one before; None if there is none."""
    numbers = range(after + 1, len(rows)) if by > 0 else range(after - 1, -1, -1)
    return next((number for number in numbers if not rows[number].is_alike), None)


def _input_row(diff: RunDiff) -> DiffRow:
    mark = Mark.DIFFERENT if diff.input else Mark.ALIKE
    return DiffRow(mark, INPUT, 0, NOTHING, NOTHING, None, "", diff.input)


def _end_row(diff: RunDiff) -> DiffRow:
    a, b = diff.a, diff.b
    is_over = a.is_over and b.is_over
    ended_otherwise = is_over and (a.outcome is not b.outcome or a.error != b.error)
    words = ""
    if ended_otherwise and a.outcome is not b.outcome:
        words = f"{a.outcome} in A and {b.outcome} in B"
    elif ended_otherwise:
        words = "another error"
    elif not is_over:
        words = "A goes on" if b.is_over else "B goes on" if a.is_over else "both go on"
    longer = (
        a.duration_ms - b.duration_ms if is_over and a.duration_ms is not None and b.duration_ms is not None else None
    )
    mark = Mark.DIFFERENT if diff.output or ended_otherwise else Mark.ALIKE
    return DiffRow(mark, END, 0, _run_side(a), _run_side(b), longer, words, diff.output)


def _side(step: Step | None) -> Side:
    if step is None or step.state is None:
        return NOTHING
    return Side(NODE_STYLES[step.state], format_duration(step.duration_ms), error_code(step))


def _run_side(run: Run) -> Side:
    code, _ = split_code(run.error or "")
    took = format_duration(run.duration_ms) if run.is_over else ""
    return Side(RUN_STYLES[run.status], took, display_name(code) if code else "")
