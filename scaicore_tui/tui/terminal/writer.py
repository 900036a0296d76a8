"""Encodes changed cells as the fewest bytes that draw them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from scaicore_tui.tui.terminal.cells import Cell, Sgr, has_certain_width, transition

# Column and row of the cursor, both from 0. None: unknown.
CursorPosition = tuple[int, int] | None

# Up to this many unchanged cells are written again: that is shorter than a cursor movement over them.
MAX_UNCHANGED_CELLS = 4
# With more runs than this, most of the screen is new, and the search for the best order takes too long.
MAX_REORDERED_RUNS = 400


class TextRun(NamedTuple):
    """Adjacent cells with the same SGR parameters. `end` is the column behind them; None if terminals disagree."""

    y: int
    x: int
    text: str
    sgr: Sgr
    end: int | None


class Encoded(NamedTuple):
    """A text to write, and the state of the terminal after it."""

    text: str
    sgr: Sgr | None
    cursor: CursorPosition


def text_runs(y: int, row: Sequence[Cell], changed: Iterable[int]) -> list[TextRun]:
    """Return the runs that draw the `changed` columns of a row. The columns are in ascending order."""
    runs: list[TextRun] = []
    # The run that may go on: its first column, its texts, parameters, and the column behind it.
    start, texts = 0, [""]
    run_sgr: Sgr | None = None
    end: int | None = None
    for x in changed:
        text, sgr = row[x]
        if not text:
            continue
        # Most cells follow the one before, and have its parameters.
        joined = sgr if x == end and sgr is run_sgr else _joined_sgr(run_sgr, row, end, x)
        if joined is None:
            if run_sgr is not None:
                runs.append(TextRun(y, start, "".join(texts), run_sgr, end))
            start, texts, run_sgr = x, [text], sgr
        else:
            texts += [cell.text for cell in row[end:x]] if x != end else ()
            texts.append(text)
            run_sgr = joined
        end = _end(x, text, row)
    if run_sgr is not None:
        runs.append(TextRun(y, start, "".join(texts), run_sgr, end))
    return runs


def encode(runs: Sequence[TextRun], sgr: Sgr | None, cursor: CursorPosition) -> Encoded:
    """Encode runs, either row by row or grouped by SGR parameters, whichever is shorter.

    `sgr` and `cursor` are the present state of the terminal.
    """
    by_row = _encode_in_order(runs, sgr, cursor)
    if len(runs) > MAX_REORDERED_RUNS:
        return by_row
    by_sgr = _encode_in_order(_grouped_by_sgr(runs, sgr), sgr, cursor)
    return min(by_row, by_sgr, key=lambda encoded: len(encoded.text))


def cursor_move(cursor: CursorPosition, to: tuple[int, int]) -> str:
    """Return the shortest sequence that moves the cursor."""
    x, y = to
    sequences = [f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H"]
    if cursor is None:
        return sequences[0]
    if cursor[1] == y:
        sequences.append(_horizontal(x - cursor[0]))
    elif cursor[0] == x:
        sequences.append(_relative(y - cursor[1], "B", "A"))
    if cursor[1] <= y:
        # A vertical tab is a line feed that no pseudo-terminal translates. Some terminals also return to the left
        # edge, so the column is given.
        sequences.append("\v" * (y - cursor[1]) + (f"\x1b[{x + 1}G" if x else "\x1b[G"))
    return min(sequences, key=len)


def _horizontal(columns: int) -> str:
    return "\b" * -columns if -4 < columns <= 0 else _relative(columns, "C", "D")


def _relative(distance: int, forward: str, backward: str) -> str:
    count = "" if abs(distance) == 1 else str(abs(distance))
    return f"\x1b[{count}{forward if distance > 0 else backward}"


def _end(x: int, text: str, row: Sequence[Cell]) -> int | None:
    """Return the column behind a character. After the last column, terminals differ in where the cursor is."""
    end = x + 1
    while end < len(row) and not row[end].text:
        end += 1
    return end if end < len(row) and has_certain_width(text) else None


def _joined_sgr(sgr: Sgr | None, row: Sequence[Cell], end: int | None, x: int) -> Sgr | None:
    """Return the parameters of a run with `sgr` that ends at column `end` and goes on to `x`; None for a new run."""
    if sgr is None or end is None or x - end > MAX_UNCHANGED_CELLS:
        return None
    added = row[end : x + 1]
    if x > end and not all(has_certain_width(cell.text) for cell in added[:-1]):
        return None
    return _common_sgr(sgr, [cell.sgr for cell in added])


def _common_sgr(sgr: Sgr, others: Iterable[Sgr]) -> Sgr | None:
    """Return parameters that can draw all of these cells: a blank accepts any with its background."""
    for other in others:
        if not sgr.can_draw(other):
            if not other.can_draw(sgr):
                return None
            sgr = other
    return sgr


def _encode_in_order(runs: Iterable[TextRun], sgr: Sgr | None, cursor: CursorPosition) -> Encoded:
    parts: list[str] = []
    for run in runs:
        sgr_sequence, sgr = transition(sgr, run.sgr)
        parts += [sgr_sequence, cursor_move(cursor, (run.x, run.y)), run.text]
        cursor = None if run.end is None else (run.end, run.y)
    return Encoded("".join(parts), sgr, cursor)


def _grouped_by_sgr(runs: Sequence[TextRun], sgr: Sgr | None) -> list[TextRun]:
    """Return the runs grouped by SGR parameters. Each group is followed by the one with the shortest transition."""
    groups: dict[Sgr, list[TextRun]] = defaultdict(list)
    for run in runs:
        if not run.sgr.is_blank:
            groups[run.sgr].append(run)
    for run in runs:
        if run.sgr.is_blank:
            groups[next((other for other in groups if other.can_draw(run.sgr)), run.sgr)].append(run)
    ordered: list[TextRun] = []
    while groups:
        nearest = _nearest(sgr, groups)
        ordered += sorted(groups.pop(nearest), key=lambda run: (run.y, run.x))
        sgr = nearest
    return ordered


def _nearest(sgr: Sgr | None, groups: Mapping[Sgr, object]) -> Sgr:
    return min(groups, key=lambda other: len(transition(sgr, other)[0]))
