"""Lines of a batch of answers: before sending, each checkpoint with its warnings; after sending, each result. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping

from msgspec import Struct

from scaicore_tui.actions import Progress, Submission
from scaicore_tui.analysis.review_form import asked_words
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.text import one_line, truncate, wrap
from scaicore_tui.tui.notices import progress_colour
from scaicore_tui.tui.render.checkpoints import flow_label
from scaicore_tui.tui.render.inbox import Batch, WhyNot
from scaicore_tui.tui.render.line import BAR, Line, Span, column, right_align
from scaicore_tui.tui.render.runs import short_id

NUMBER_CELLS, ID_CELLS, WORD_CELLS = 3, 14, 11
NOT_SENT_YET, NOT_SENT = "not yet", "not sent"
_SUCCESSFUL = (Progress.SENDING, Progress.ACCEPTED, Progress.CONFIRMED)


class AnswerResult(Struct, frozen=True):
    """The state of one answer: a word, its colour, and the reason if it failed."""

    word: str
    colour: str
    reason: str = ""


def batch_lines(batch: Batch, hidden: Container[str], why_not: WhyNot, width: int) -> list[Line]:
    """Return the checkpoints that will be answered, with warnings, and those left out, with reasons.

    `hidden` holds the ids that a filter hides from the list.
    """
    hidden_count = sum(row.id in hidden for row in batch.checkpoints)
    lines: list[Line] = []
    if hidden_count:
        verb = "is" if hidden_count == 1 else "are"
        note = f"{hidden_count} of these {len(batch.checkpoints)} {verb} hidden by the filter, and {verb} answered too."
        lines += [*([(line, "amber strong")] for line in wrap(note, width)), []]
    for number, row in enumerate(batch.checkpoints, 1):
        lines.append(
            [
                right_align(f"{number} ", NUMBER_CELLS + 1, "grey"),
                *_label(row, width),
                *_hidden_mark(row, hidden),
                *_quoted_title(row),
            ]
        )
        lines += _indented(why_not(row) or "", width, "amber")
    if batch.left_out:
        lines += [[], [(f"left out · {len(batch.left_out)}", "grey")]]
    for row, reason in batch.left_out:
        lines += [
            [column("  – ", NUMBER_CELLS + 1, "grey"), *_label(row, width), *_quoted_title(row)],
            *_indented(reason, width, "amber"),
        ]
    return lines


def result_lines(batch: Batch, outcomes: Mapping[str, AnswerResult], width: int) -> list[Line]:
    """Return one line for each answer, with the reason if it failed."""
    lines: list[Line] = []
    for number, row in enumerate(batch.checkpoints, 1):
        outcome = outcomes[row.id]
        word = column(outcome.word, WORD_CELLS, f"{outcome.colour} strong")
        lines.append(
            [right_align(f"{number} ", NUMBER_CELLS + 1, "grey"), word, *_label(row, width), *_quoted_title(row)]
        )
        lines += _indented(outcome.reason, width, outcome.colour)
    return lines


def answer_result(submission: Submission | None, stop_reason: str | None) -> AnswerResult:
    """Return the state of one answer. `stop_reason` is None while the batch is being sent."""
    if submission is None:
        return AnswerResult(NOT_SENT_YET if stop_reason is None else NOT_SENT, "grey", stop_reason or "")
    reason = "" if submission.progress in _SUCCESSFUL else submission.message
    return AnswerResult(submission.progress_text, progress_colour(submission.progress), reason)


def result_count_spans(outcomes: Mapping[str, AnswerResult]) -> Iterator[Span]:
    """Return the number of answers for each word, such as "3 confirmed · 1 refused"."""
    colours = {outcome.word: outcome.colour for outcome in outcomes.values()}
    for number, (word, count) in enumerate(Counter(outcome.word for outcome in outcomes.values()).items()):
        yield f"{' · ' if number else ''}{count} {word}", colours[word]


def _label(row: Checkpoint, width: int) -> list[Span]:
    name = max(10, min(22, width // 5))
    return [column(short_id(row.id), ID_CELLS, "grey"), column(truncate(flow_label(row), name - 1), name, "text")]


def _hidden_mark(row: Checkpoint, hidden: Container[str]) -> list[Span]:
    return [("hidden ", "amber")] if row.id in hidden else []


def _quoted_title(row: Checkpoint) -> list[Span]:
    """Return what is asked behind the quote bar."""
    return [BAR, (asked_words(row), "text strong")]


def _indented(text: str, width: int, colour: str) -> list[Line]:
    indent = " " * (NUMBER_CELLS + 1)
    return (
        [[(indent, "text"), (line, colour)] for line in wrap(one_line(text), width - NUMBER_CELLS - 1)] if text else []
    )
