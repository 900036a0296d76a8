"""The inbox: pending checkpoints, the longest waiting first. Its cursor stays on a checkpoint, not on a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scaicore_tui.runs.status import BREAKPOINT, REVIEW
from scaicore_tui.text import cells, one_line
from scaicore_tui.tui.messages import CheckpointOpened
from scaicore_tui.tui.paint import Piece, Pieces, piece, right
from scaicore_tui.tui.times import since
from scaicore_tui.tui.widgets.rows import Rows
from scaicore_tui.tui.widgets.run_row import core_name
from scaicore_tui.wire import Checkpoint

ROOM_FOR_OPTIONS = 100
URGENT = {"critical": "red strong", "high": "amber strong"}


class CheckpointList(Rows):
    """What waits for a person. `marks` says of a checkpoint how far an answer to it got."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self._checkpoints: Sequence[Checkpoint] = ()
        self._marks: Mapping[str, str] = {}
        self._now = 0.0

    @property
    def row_count(self) -> int:
        return len(self._checkpoints)

    @property
    def empty_words(self) -> str:
        return "nothing waits for you"

    @property
    def selected(self) -> Checkpoint | None:
        """The checkpoint under the cursor."""
        return self._checkpoints[self.cursor] if self._checkpoints else None

    def draw_row(self, row: int) -> Pieces:
        checkpoint = self._checkpoints[row]
        return checkpoint_row(checkpoint, self.size.width - 2, self._now, self._marks.get(checkpoint.id))

    def show(self, checkpoints: Sequence[Checkpoint], marks: Mapping[str, str], now: float) -> bool:
        """Show the inbox as it is at `now`; whether the cursor had to leave its checkpoint."""
        before = self.selected
        self._checkpoints, self._marks, self._now = checkpoints, marks, now
        rows = {checkpoint.id: row for row, checkpoint in enumerate(checkpoints)}
        stays = before is not None and before.id in rows
        self.cursor = rows[before.id] if before is not None and stays else min(self.cursor, max(0, len(rows) - 1))
        self.reveal()
        self.repaint()
        return before is not None and not stays

    def tick(self, now: float) -> None:
        """Only time passed."""
        self._now = now
        self.repaint()

    def opened(self) -> None:
        if (checkpoint := self.selected) is not None:
            self.post_message(CheckpointOpened(checkpoint.id))


def checkpoint_row(checkpoint: Checkpoint, width: int, now: float, mark: str | None) -> list[Piece]:
    """A checkpoint, `width` cells wide: kind, Core, age, what is asked, and how to answer."""
    look = BREAKPOINT if checkpoint.is_breakpoint else REVIEW
    name = max(10, min(22, width // 5))
    urgency = URGENT.get((checkpoint.priority or "").lower())
    answers = _answers(checkpoint, width) if mark is None else (mark, "blue")
    room = max(0, width - 2 - name - 5 - 2 - cells(answers[0]) - 2)
    title = one_line(f"{checkpoint.priority}: {checkpoint.title}" if urgency else checkpoint.title, room)
    question = one_line(checkpoint.question)
    return [
        (f"{look.glyph} ", f"{look.colour} strong"),
        piece(one_line(checkpoint.flow_name or "") or core_name(checkpoint.core_id), name, "text"),
        right(since(checkpoint.created, now), 5, "grey"),
        ("  ", "text"),
        (title, urgency or "text strong"),
        piece(f"  {question}" if question else "", room - cells(title), "grey"),
        ("  ", "text"),
        answers,
    ]


def _answers(checkpoint: Checkpoint, width: int) -> Piece:
    """How it can be answered: the options where there is room, else how many there are."""
    if checkpoint.is_breakpoint:
        return "c continue", "grey"
    options = checkpoint.options
    if not options:
        return "a free text", "grey"
    spelled = "  ".join(f"{number} {one_line(option.name)}" for number, option in enumerate(options[:9], 1))
    if width >= ROOM_FOR_OPTIONS and len(options) <= 9 and cells(spelled) <= width * 2 // 5:
        return spelled, "grey"
    return f"a {len(options)} option{'s' * (len(options) != 1)}", "grey"
