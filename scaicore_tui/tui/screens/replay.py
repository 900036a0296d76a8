"""The dialog before a replay: what would run again, with which input, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from scaicore_tui.runs import Run
from scaicore_tui.text import one_line, pretty, wrap
from scaicore_tui.tui.actions import Place, bindings
from scaicore_tui.tui.desk import Desk
from scaicore_tui.tui.messages import ReplayRun
from scaicore_tui.tui.paint import Piece, Pieces
from scaicore_tui.tui.screens.dialog import Dialog
from scaicore_tui.tui.widgets.reading import Reading
from scaicore_tui.tui.widgets.run_row import core_name

WARNING = "A replay is a new run. Its model and plugin calls happen again: they cost, and what they change, changes."


class ReplayScreen(Dialog):
    """Confirms the replay of one run."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings({Place.REPLAY})]

    def __init__(self, desk: Desk, run: Run) -> None:
        super().__init__(desk)
        self.run_again = run

    @property
    def place(self) -> Place:
        return Place.REPLAY

    def title_pieces(self) -> Iterator[Piece]:
        yield "Replay  ", "accent strong"
        yield core_name(self.run_again.core_id), "text strong"

    def compose_body(self) -> Iterator[Widget]:
        yield Reading(self._lines)

    def judge(self) -> None:
        reason = self.desk.session.why_not_replay(self.run_again.execution_id)
        if reason is not None:
            self.verdict((f"can't be sent: {one_line(reason)}", "amber"))
        else:
            self.verdict(("enter invokes ", "text"), (one_line(self.run_again.core_id or ""), "accent strong"))

    def action_send(self) -> None:
        if self.in_haste or self.desk.session.why_not_replay(self.run_again.execution_id) is not None:
            self.show_frame()
            return
        self.app.post_message(ReplayRun(self.run_again.execution_id))
        self.dismiss()

    def _lines(self, width: int) -> list[Pieces]:
        run = self.run_again
        facts = f"Core {one_line(run.core_id or '?')} · input of run {one_line(run.execution_id)}"
        lines: list[Pieces] = [[(line, "amber")] for line in wrap(WARNING, width)]
        lines += [[], *([(line, "grey")] for line in wrap(facts, width)), [], [("input", "accent")]]
        return lines + [[(line, "text")] for line in wrap(pretty(run.input), width)]
