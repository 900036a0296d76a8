"""Several answers as lines to read: before they are sent, each with what speaks against it; then what came of each.

Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping

from msgspec import Struct

from scaicore_tui.actions import Progress, Submission
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.text import one_line, truncate, wrap
from scaicore_tui.tui.notices import progress_colour
from scaicore_tui.tui.render.checkpoints import flow_label
from scaicore_tui.tui.render.inbox import Batch, WhyNot
from scaicore_tui.tui.render.line import BAR, Line, Span, column, right_align
from scaicore_tui.tui.render.runs import short_id

NUMBER, IDENTITY, WORD = 3, 14, 11
NOT_SENT_YET, NOT_SENT = "not yet", "not sent"
_GOES_WELL = (Progress.SENDING, Progress.ACCEPTED, Progress.CONFIRMED)


class AnswerResult(Struct, frozen=True):
    """What came of one answer so far: a word, its colour, and why where it did not go well."""

    word: str
    colour: str
    reason: str = ""


def batch_lines(batch: Batch, hidden: Container[str], why_not: WhyNot, width: int) -> list[Line]:
    """Every one that would be answered; those that a filter hides, and those left out, with what there is to say."""
    unseen = sum(row.id in hidden for row in batch.checkpoints)
    lines: list[Line] = []
    if unseen:
        verb = "is" if unseen == 1 else "are"
        words = f"{unseen} of these {len(batch.checkpoints)} {verb} hidden by the filter, and {verb} answered too."
        lines += [*([(line, "amber strong")] for line in wrap(words, width)), []]
    for number, row in enumerate(batch.checkpoints, 1):
        lines.append(
            [right_align(f"{number} ", NUMBER + 1, "grey"), *_named(row, width), *_hidden(row, hidden), *_told(row)]
        )
        lines += _indented(why_not(row) or "", width, "amber")
    if batch.left_out:
        lines += [[], [(f"left out · {len(batch.left_out)}", "grey")]]
    for row, reason in batch.left_out:
        lines += [
            [column("  – ", NUMBER + 1, "grey"), *_named(row, width), *_told(row)],
            *_indented(reason, width, "amber"),
        ]
    return lines


def result_lines(batch: Batch, outcomes: Mapping[str, AnswerResult], width: int) -> list[Line]:
    """What came of each, by itself."""
    lines: list[Line] = []
    for number, row in enumerate(batch.checkpoints, 1):
        outcome = outcomes[row.id]
        word = column(outcome.word, WORD, f"{outcome.colour} strong")
        lines.append([right_align(f"{number} ", NUMBER + 1, "grey"), word, *_named(row, width), *_told(row)])
        lines += _indented(outcome.reason, width, outcome.colour)
    return lines


def answer_result(submission: Submission | None, over: str | None) -> AnswerResult:
    """What came of one. `over` is None while others are being sent; then it says why no more are."""
    if submission is None:
        return AnswerResult(NOT_SENT_YET, "grey") if over is None else AnswerResult(NOT_SENT, "grey", over)
    went_well = submission.progress in _GOES_WELL
    reason = "" if went_well else submission.message
    return AnswerResult(submission.progress_text, progress_colour(submission.progress), reason)


def result_count_spans(outcomes: Mapping[str, AnswerResult]) -> Iterator[Span]:
    """How many of each word there are; nothing is added up."""
    colours = {outcome.word: outcome.colour for outcome in outcomes.values()}
    for number, (word, count) in enumerate(Counter(outcome.word for outcome in outcomes.values()).items()):
        yield f"{' · ' if number else ''}{count} {word}", colours[word]


def _named(row: Checkpoint, width: int) -> list[Span]:
    name = max(10, min(22, width // 5))
    return [column(short_id(row.id), IDENTITY, "grey"), column(truncate(flow_label(row), name - 1), name, "text")]


def _hidden(row: Checkpoint, hidden: Container[str]) -> list[Span]:
    return [("hidden ", "amber")] if row.id in hidden else []


def _told(row: Checkpoint) -> list[Span]:
    """What it asks, in the flow's own words: behind the bar."""
    return [BAR, (one_line(row.title), "text strong"), (f"  {one_line(row.body_text)}", "grey")]


def _indented(words: str, width: int, colour: str) -> list[Line]:
    indent = " " * (NUMBER + 1)
    return [[(indent, "text"), (line, colour)] for line in wrap(one_line(words), width - NUMBER - 1)] if words else []
