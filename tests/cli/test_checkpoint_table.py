"""The table of `checkpoints` says the same as the rows of the inbox."""

from __future__ import annotations

from scaicore_tui.analysis.checkpoint_order import Reviewer
from scaicore_tui.cli.output import stdout
from scaicore_tui.cli.output.tables import checkpoint_rows
from scaicore_tui.tui.render.checkpoints import inbox_row
from tests.support.builders import NOON, SECOND, read_row
from tests.support.scene import BREAKPOINT, REVIEW


def test_checkpoints_are_told_in_the_words_of_the_inbox() -> None:
    rows = [
        read_row(**REVIEW | {"id": "ckpt_late", "expires_at": "2026-04-29T11:59:00.000Z"}),
        read_row(**REVIEW | {"assignee_raw": "group:finance", "priority": "normal"}),
        read_row(**BREAKPOINT),
    ]
    now, reviewer = NOON / SECOND, Reviewer(groups=frozenset({"finance"}))
    printed = [
        [stdout.cell_text(cell) for cell in row] for row in checkpoint_rows(rows, reviewer, now, ascii_only=True)
    ]
    for told, row in zip(printed, rows, strict=True):
        inbox = "".join(text for text, _ in inbox_row(row, 400, now, None, reviewer))
        due, priority, flow, assignee, asked = told[2:7]
        assert [
            word in inbox for word in (due, priority, flow, assignee.removesuffix(" !"), asked.removesuffix("…"))
        ] == [True] * 5
    assert [row[0] for row in printed] == ["=", "=", "#"]
    assert printed[0][2:4] == ["1m late", "high"]
    assert printed[1][3:6] == ["", "expense-approval", "finance !"]
    assert printed[2][7] == "continue"
