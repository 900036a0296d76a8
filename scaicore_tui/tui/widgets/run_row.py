"""A run as one row: state, id, Core, age, duration, its nodes as signs, its error. Pure."""

from __future__ import annotations

from itertools import groupby

from scaicore_tui.runs import NodeState, RunStatus, Summary
from scaicore_tui.runs.status import NODE_LOOKS, RUN_LOOKS, Look
from scaicore_tui.runs.words import took
from scaicore_tui.text import ELLIPSIS, MAX_NAME, one_line
from scaicore_tui.tui.paint import Piece, piece, right
from scaicore_tui.tui.times import since

ID_WIDTH = 13
# Of a longer one only both ends are looked at.
LONG_ID = 200
FIXED_WIDTH = 2 + ID_WIDTH + 1 + 5 + 7 + 1
MIN_ERROR = 8

_OUTWEIGHS = {RunStatus.FAILED: "text strong", RunStatus.WAITING: "text strong"}


def run_row(run: Summary, width: int, now: float, mark: Piece | None = None) -> list[Piece]:
    """The row, `width` cells wide, at `now` in seconds since 1970; a `mark` stands before the signs of its nodes."""
    look = RUN_LOOKS[run.status]
    room = max(0, width - FIXED_WIDTH)
    core = max(8, min(18, room * 3 // 5))
    marked: list[Piece] = [] if mark is None else [mark, ("  ", "text")]
    signs = [*marked, *node_signs(run, max(4, min(16, room // 4)))]
    row = [
        (f"{look.glyph} ", look.colour),
        piece(short_id(run.execution_id), ID_WIDTH + 1, _OUTWEIGHS.get(run.status, "text")),
        piece(core_name(run.core_id), core, "text"),
        right(since(run.began_at, now), 5, "grey"),
        right(took(run.duration_ms), 7, "grey"),
        (" ", "text"),
        *signs,
    ]
    left = room - core - sum(len(text) for text, _ in signs) - 1
    if run.error and left >= MIN_ERROR:
        row.append((" " + one_line(run.error, left), "red"))
    return row


def short_id(execution_id: str) -> str:
    """An id in a few cells: where it is long, its beginning and its end, which tell ids apart."""
    # Where an id is very long, of its middle nothing is seen.
    shown = one_line(execution_id if len(execution_id) <= LONG_ID else execution_id[:99] + execution_id[-99:])
    return shown if len(shown) <= ID_WIDTH else f"{shown[: ID_WIDTH - 5]}{ELLIPSIS}{shown[-4:]}"


def core_name(core_id: str | None) -> str:
    """A Core's name in a row: its id without what all of them begin with."""
    return one_line((core_id or "?").removeprefix("core_"), MAX_NAME)


def node_look(state: NodeState, *, waiting: bool) -> Look:
    """How a node looks: one that is entered in a waiting run is where it waits."""
    if waiting and state is NodeState.ENTERED:
        return RUN_LOOKS[RunStatus.WAITING]
    return NODE_LOOKS[state]


def node_signs(run: Summary, width: int) -> list[Piece]:
    """One sign per node, in the order they were entered; where there are too many, the last ones."""
    nodes = run.states
    cut = len(nodes) > width
    shown = nodes[len(nodes) - width + 1 :] if cut else nodes
    looks = [node_look(state, waiting=run.status is RunStatus.WAITING) for state in shown]
    signs: list[Piece] = [(ELLIPSIS, "grey")] if cut else []
    return signs + [(look.glyph * len(list(group)), look.colour) for look, group in groupby(looks)]
