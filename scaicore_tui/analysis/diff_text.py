"""The words for the differences between two runs: the same in the app, and in the output of the command. Pure."""

from __future__ import annotations

from enum import StrEnum

from scaicore_tui.analysis.diff import CAUSE_WORDS, Cause, Divergence, RunDiff, StepPair
from scaicore_tui.analysis.error_groups import split_code
from scaicore_tui.analysis.steps import Step
from scaicore_tui.analysis.value_diff import MAX_CHANGES, MISSING, Change, path_text
from scaicore_tui.json_text import write
from scaicore_tui.text import display_name, one_line
from scaicore_tui.timefmt import format_duration

MAX_CODE_CELLS = 24
MAX_PATH_CELLS = 60


class Mark(StrEnum):
    """How the step of a row compares, as diff(1) marks lines: `<` is only in the first run, `>` only in the second."""

    ALIKE = "="
    DIFFERENT = "≠"
    ONLY_A = "<"
    ONLY_B = ">"

    def sign(self, *, ascii_only: bool) -> str:
        """Return the mark as one character."""
        return "!" if ascii_only and self is Mark.DIFFERENT else str(self)


def mark_of(pair: StepPair) -> Mark:
    """Return the mark of two steps; what may still come is no difference."""
    if pair.is_alike:
        return Mark.ALIKE
    if pair.is_in_both:
        return Mark.DIFFERENT
    return Mark.ONLY_A if pair.b is None else Mark.ONLY_B


def step_name(step: Step) -> str:
    """Return the name of a step with its iteration and attempt."""
    numbers = (("iteration", step.iteration), ("attempt", step.attempt))
    return " ".join([display_name(step.name), *(f"{word} {number}" for word, number in numbers if number is not None)])


def signed(milliseconds: float, minus: str = "-") -> str:
    """Return a difference of times, with its sign."""
    sign = minus if milliseconds < 0 else "+" if milliseconds > 0 else ""
    return f"{sign}{format_duration(abs(milliseconds))}"


def count_text(number: int) -> str:
    """Return the number of differences in words."""
    more = "at least " if number >= MAX_CHANGES else ""
    return "equal" if not number else f"{more}{number:,} difference{'s' if number > 1 else ''}"


def input_text(diff: RunDiff) -> str:
    """Return if the inputs are equal, such as `same input: no, 1 difference`."""
    if diff.a.input_json is None and diff.b.input_json is None:
        return "same input: unknown, none was captured"
    return f"same input: no, {count_text(len(diff.input))}" if diff.input else "same input: yes"


def first_difference_text(diff: RunDiff) -> str:
    """Return the first difference in words, and its cause as far as the events prove it."""
    first = diff.first
    if first is None:
        return "no difference but the times" if _are_over(diff) else "no difference so far but the times"
    if first.pair is None:
        return f"first difference: {'the input' if diff.input else 'how they ended'}; all steps are alike"
    return f"first difference: {step_name(first.pair.step)} · {CAUSE_WORDS[first.cause]}"


def difference_text(pair: StepPair) -> str:
    """Return in words how two steps differ besides the values of their results; empty if they do not."""
    if pair.is_pending:
        return "A goes on" if pair.a is None or (pair.b is not None and pair.a.is_open) else "B goes on"
    if not pair.is_in_both:
        return "only in A" if pair.b is None else "only in B"
    facts = (
        (pair.has_other_state, _ends(pair)),
        (pair.is_other_error, "another error"),
        (pair.is_moved, "in another order"),
        (pair.is_cut, "equal as far as the API sent it"),
    )
    return " · ".join(text for is_so, text in facts if is_so)


def change_text(change: Change, width: int) -> str:
    """Return one difference of two values, such as `net: 4 -> 5`: text of a flow, each part in `width` cells."""
    path = one_line(path_text(change.path), MAX_PATH_CELLS)
    values = [one_line(write(value), width) for value in (change.a, change.b) if value is not MISSING]
    only = " (only in A)" if change.b is MISSING else " (only in B)" if change.a is MISSING else ""
    return f"{path}{': ' if path else ''}{' -> '.join(values)}{only}"


def error_code(step: Step) -> str:
    """Return the code with which the error of a step begins, safe to show; empty without one."""
    code, _ = split_code(step.error or "")
    return display_name(code, MAX_CODE_CELLS) if code else ""


def short_difference(diff: RunDiff) -> str:
    """Return the first difference in a few words from the point of view of the first run, the other one being `there`.

    Such as `check_claim exited there`.
    """
    first = diff.first
    if first is None:
        return "none but the times"
    if first.pair is None:
        return "the input" if diff.input else "how they ended"
    name = step_name(first.pair.step)
    return f"{name}, as the input differs" if diff.input else f"{name} {_seen_from_a(first, first.pair)}"


def _seen_from_a(first: Divergence, pair: StepPair) -> str:
    if pair.b is None or pair.a is None:
        return "was not reached there" if pair.b is None else "was reached only there"
    if pair.has_other_state:
        return f"{pair.b.state or 'ended otherwise'} there"
    if pair.is_other_error:
        return "failed otherwise there"
    return "came in another order there" if first.cause is Cause.PATH else "had another result there"


def _ends(pair: StepPair) -> str:
    """Return how each of two steps ended."""
    return " and ".join(f"{step.state or ''} in {name}" for name, step in zip("AB", pair.steps, strict=False))


def _are_over(diff: RunDiff) -> bool:
    return diff.a.is_over and diff.b.is_over
