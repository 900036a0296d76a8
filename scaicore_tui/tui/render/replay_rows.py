"""Replays of several runs: what will be sent, and the table of verdicts while they are sent and after. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from scaicore_tui.analysis.replay_verdict import GOOD_VERDICTS, VERDICT_COLOURS, judgement_text, verdict_counts
from scaicore_tui.text import display_name, one_line, truncate, wrap
from scaicore_tui.tui.notices import progress_colour
from scaicore_tui.tui.render.line import Line, Span, column, line_width
from scaicore_tui.tui.render.runs import core_name, short_id

if TYPE_CHECKING:
    from scaicore_tui.session.replay_batch import BatchItem, ReplayBatch

COSTS = (
    "One by one, each once, with its captured input. Models and plugins are called again: that costs money, and side "
    "effects happen a second time."
)
NOT_YET, SENDING, LIKELY = "not yet", "sending…", "?"
ID_CELLS, VERDICT_CELLS, MAX_CORE_CELLS = 15, 20, 20
INDENT = "    "


def selection_lines(items: Sequence[BatchItem], width: int) -> list[Line]:
    """Return what will be replayed: the Cores with their numbers, the runs, and those left out with the reasons."""
    wanted, left_out = [one for one in items if not one.skip_reason], [one for one in items if one.skip_reason]
    cores = Counter(core_name(item.core_id) for item in wanted).most_common()
    counts = " · ".join(f"{display_name(core)} {count}" for core, count in cores)
    lines: list[Line] = [[(line, "text strong")] for line in wrap(counts, width)] if wanted else []
    lines += [*([(line, "amber")] for line in wrap(COSTS, width)), []]
    lines += [_selected_line(number, item, width) for number, item in enumerate(wanted, 1)]
    if left_out:
        lines += [[], [(f"left out · {len(left_out)}", "grey")]]
    for item in left_out:
        lines.append(_selected_line(0, item, width))
        lines += [[(INDENT, "text"), (line, "amber")] for line in wrap(one_line(item.skip_reason), width - len(INDENT))]
    return lines


def replay_head(width: int) -> Line:
    """Return the headings over the columns of `replay_row`."""
    return [
        column("VERDICT", VERDICT_CELLS, "grey"),
        column("CORE", _core_cells(width), "grey"),
        column("RUN", ID_CELLS, "grey"),
        column("REPLAY ?likely", ID_CELLS, "grey"),
        ("ERROR, OR FIRST DIFFERENCE", "grey"),
    ]


def replay_row(item: BatchItem, width: int) -> Line:
    """Return the row of one replay: its verdict, its runs, and what the verdict is based on."""
    submission = item.submission
    likely = LIKELY if submission is not None and submission.is_likely_match else ""
    replay = f"{short_id(item.replay_id)}{likely}" if item.replay_id is not None else "–"
    row: list[Span] = [
        _verdict(item),
        column(truncate(display_name(core_name(item.core_id)), _core_cells(width) - 1), _core_cells(width), "text"),
        column(short_id(item.execution_id), ID_CELLS, "grey"),
        column(replay, ID_CELLS, "text"),
    ]
    left = width - line_width(row)
    return [*row, (one_line(_detail(item), left), "text")] if left > 0 else row


def title_spans(batch: ReplayBatch) -> Iterator[Span]:
    """Return how many replays are done, and how many have each verdict."""
    yield "Replays", "text strong"
    yield f"  {batch.done_count} of {len(batch.items)}", "text strong"
    counts = verdict_counts(item.verdict for item in batch.items)
    yield f"  {counts}" if counts else "", "text"
    if batch.skipped:
        yield f"  {len(batch.skipped)} left out", "grey"


def finished_text(batch: ReplayBatch) -> str:
    """Return the notice about a batch that has ended."""
    replays = f"{len(batch.items)} replay{'s' * (len(batch.items) != 1)}"
    return f"{replays}: {verdict_counts(item.verdict for item in batch.items)}"


def are_all_good(batch: ReplayBatch) -> bool:
    """Return True if no replay needs a look."""
    return all(item.verdict in GOOD_VERDICTS for item in batch.items)


def _verdict(item: BatchItem) -> Span:
    if item.judgement is not None:
        return column(item.judgement.verdict, VERDICT_CELLS, f"{VERDICT_COLOURS[item.judgement.verdict]} strong")
    if item.skip_reason:
        return column("left out", VERDICT_CELLS, "grey")
    if item.is_being_sent:
        return column(SENDING, VERDICT_CELLS, "blue")
    if item.submission is None:
        return column(NOT_YET, VERDICT_CELLS, "grey")
    progress = item.submission.progress
    return column(item.submission.progress_text, VERDICT_CELLS, progress_colour(progress))


def _detail(item: BatchItem) -> str:
    if item.judgement is None or item.message:
        return item.message or item.skip_reason
    return judgement_text(item.judgement)


def _selected_line(number: int, item: BatchItem, width: int) -> Line:
    core = _core_cells(width)
    return [
        column(f"{number:>3} " if number else "  – ", len(INDENT), "grey"),
        column(short_id(item.execution_id), ID_CELLS, "grey"),
        column(truncate(display_name(core_name(item.core_id)), core - 1), core, "text"),
        (one_line(item.error or "", max(0, width - len(INDENT) - ID_CELLS - core)), "red"),
    ]


def _core_cells(width: int) -> int:
    return max(10, min(MAX_CORE_CELLS, width // 6))
