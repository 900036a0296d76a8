"""Renders every hostile string in every field of every view and checks the output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import pytest
from rich.color import ColorSystem
from rich.style import Style
from textual._compositor import LayoutUpdate
from textual.geometry import Region, Size

from scaicore_tui.actions import Kind, Progress, Submission
from scaicore_tui.analysis.checkpoint_order import Reviewer
from scaicore_tui.analysis.diff import ComparedRun
from scaicore_tui.analysis.replay_verdict import Judgement, Verdict, judge
from scaicore_tui.analysis.steps import build_steps
from scaicore_tui.analysis.value_diff import Change
from scaicore_tui.protocol import Checkpoint, Event, read_event_page
from scaicore_tui.protocol.checkpoints import Option, read_checkpoint_page
from scaicore_tui.protocol.problems import read_problem
from scaicore_tui.runs import Run
from scaicore_tui.runs.cache import project
from scaicore_tui.runs.summary import summary_of
from scaicore_tui.session.replay_batch import BatchItem
from scaicore_tui.tui.notices import submission_notice
from scaicore_tui.tui.render.bulk_detail import answer_result, batch_lines, result_lines
from scaicore_tui.tui.render.checkpoint_detail import checkpoint_detail
from scaicore_tui.tui.render.checkpoints import inbox_row, resolved_row
from scaicore_tui.tui.render.inbox import Batch, answerable_together
from scaicore_tui.tui.render.item_form import answered_lines, form_lines, heading_spans
from scaicore_tui.tui.render.item_hint import Choice, choice_spans
from scaicore_tui.tui.render.line import Line, hanging_indent, to_strip
from scaicore_tui.tui.render.option_lines import option_lines
from scaicore_tui.tui.render.replay_detail import diff, diff_lines, replay_detail
from scaicore_tui.tui.render.replay_rows import replay_row, selection_lines
from scaicore_tui.tui.render.replays import Relation, find_replay_source
from scaicore_tui.tui.render.run_row import RowFacts, run_row
from scaicore_tui.tui.render.waiting_line import waiting_line, waiting_row
from scaicore_tui.tui.screens.panes import run_heading_spans
from scaicore_tui.tui.terminal.screen_buffer import ScreenBuffer, compositor_updates
from tests.support.hostile.corpus import CORPUS
from tests.support.hostile.hostile_feed import HostileFeed, as_json
from tests.support.hostile.output_grammar import SEQUENCES, invisible_characters, unexpected_sequences
from tests.support.run_screen_lines import comparison_lines, run_screen_lines

NOW = 1_777_464_000.0
WIDTHS = (38, 58, 118)
# Enough lines for a failure to show.
MAX_LINES = 400
# Lines that were drawn before, with their width: every string gives many lines that do not contain it.
_DRAWN: set[tuple[int, Line]] = set()


@pytest.mark.parametrize("name", CORPUS)
def test_only_the_programs_own_sequences_are_written(name: str) -> None:
    feed = HostileFeed([CORPUS[name]])
    events = read_event_page(b'{"events": [' + b",".join(feed.events) + b"]}").events
    reviews = read_checkpoint_page(as_json({"checkpoints": [*feed.pending, *feed.resolved]})).checkpoints
    assert len(events) == len(feed.events)
    assert len(reviews) == len(feed.pending) + len(feed.resolved)
    for width, ascii_only in zip(WIDTHS, (False, True, False), strict=True):
        lines = dict.fromkeys(
            tuple(line)
            for render in (run_lines, checkpoint_lines, notice_lines)
            for line in render(events, reviews, CORPUS[name], width)
        )
        new = [line for line in [*lines][:MAX_LINES] if (width, line) not in _DRAWN]
        _DRAWN.update((width, line) for line in new)
        assert foreign_output(new, width, ascii_only=ascii_only) == []


def run_lines(events: Sequence[Event], _reviews: Sequence[Checkpoint], string: str, width: int) -> Iterator[Line]:
    """Yield every line about runs."""
    for execution in dict.fromkeys(event.execution_id for event in events):
        run_events = [event for event in events if event.execution_id == execution]
        run, _ = project(execution or "", enumerate(run_events))
        yield run_row(summary_of(run, 0), width, RowFacts(NOW))
        yield run_heading_spans(run, NOW, None)
        relations = [Relation("replay of", execution or "")]
        yield from islice(run_screen_lines(run, run_events, width, relations), MAX_LINES // 4)
        if width == WIDTHS[0]:
            yield from islice(comparison_lines(run, width), MAX_LINES // 8)
        yield from replay_detail(find_replay_source(run), width)
        yield from replay_lines(run, string, width)
        yield from diff_lines(diff([str(run.input)], [str(run.error), execution or ""]), width)


def replay_lines(run: Run, string: str, width: int) -> Iterator[Line]:
    """Yield the lines about the replay of a run: before, while it is unknown, and with a verdict."""
    asked, skipped = BatchItem(run.execution_id, run.core_id, run.error), BatchItem(string, string, skip_reason=string)
    yield from selection_lines([asked, skipped], width)
    compared = ComparedRun(run, build_steps(run))
    judged = BatchItem(run.execution_id, run.core_id, judgement=judge(compared, compared))
    change = Judgement(Verdict.OUTPUT_DIFFERS, change=Change((string, 0), string, {string: string}))
    unknown = BatchItem(string, string, judgement=Judgement(Verdict.UNKNOWN), message=string)
    sent = Submission(Kind.REPLAY, string, string, execution_id=string, is_likely_match=True)
    yield from (replay_row(item, width) for item in (judged, unknown, BatchItem(string, None, judgement=change)))
    yield replay_row(BatchItem(string, string, submission=sent), width)


def checkpoint_lines(
    _events: Sequence[Event], reviews: Sequence[Checkpoint], string: str, width: int
) -> Iterator[Line]:
    """Yield every line about checkpoints."""
    reviewer = Reviewer(string, frozenset({string}))
    for review in reviews:
        yield inbox_row(review, width, NOW, ("sending…", "blue") if string else None)
        yield resolved_row(review, width, NOW)
        yield waiting_row(review, width, NOW, reviewer)
        yield waiting_line(reviews, string, reviewer, NOW, width)
        yield heading_spans(review)
        yield from form_lines(review, None, width, NOW)[: MAX_LINES // 8]
        yield from answered_lines(review, width, NOW)[: MAX_LINES // 8]
        yield from option_lines(review.options, string, width).lines
        yield list(choice_spans(Choice((review, review, review), Option(string)), [], "enter"))
        yield from checkpoint_detail(review, width, NOW)[: MAX_LINES // 8]
    batch = answerable_together(reviews, reviews[0], lambda row: None)
    yield from batch_lines(batch, frozenset({reviews[0].id}), lambda row: None, width)
    sent = Submission(Kind.ANSWER, reviews[0].id, string, progress=Progress.REFUSED, message=string)
    yield from result_lines(Batch(tuple(reviews[:1])), {reviews[0].id: answer_result(sent, None)}, width)


def notice_lines(_events: Sequence[Event], _reviews: Sequence[Checkpoint], string: str, width: int) -> Iterator[Line]:
    """Yield the notices."""
    body = as_json({"error": {"code": string, "message": string}, "meta": {"request_id": string}})
    error = read_problem(422, {}, body).to_error()
    for kind in Kind:
        sent = Submission(kind, string, string, string, resolution=string, message=str(error), request_id=string)
        sent.progress = Progress.REFUSED
        yield from (
            [(" ", "text"), (line, "red")] for line in hanging_indent(submission_notice(sent, 0.0).text, width - 1, 4)
        )


def foreign_output(lines: Sequence[Line], width: int, *, ascii_only: bool) -> list[str]:
    """Return the foreign sequences and the invisible characters in the output for these lines."""
    strips = [to_strip(line, width, lambda _: Style.parse("red on black"), ascii_only=ascii_only) for line in lines]
    size = Size(width, len(strips))
    update = LayoutUpdate([iter([one]) for one in strips], Region(0, 0, *size))
    written = ScreenBuffer().draw(compositor_updates(update), size, ColorSystem.TRUECOLOR).encode()
    assert max((one.cell_length for one in strips), default=0) <= width
    return [*unexpected_sequences(written, SEQUENCES["cursor"], SEQUENCES["pen"]), *invisible_characters(written)]
