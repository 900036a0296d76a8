"""The order of checkpoints, whose they are, and what they ask in words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.analysis.checkpoint_order import (
    DUE_SOON_S,
    NEVER,
    Reviewer,
    assignee_name,
    in_inbox_order,
    is_due_soon,
    is_expired,
    is_mine,
    next_order_change,
)
from scaicore_tui.analysis.review_form import asked_words
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.protocol.checkpoints import Presentation
from scaicore_tui.timefmt import format_iso
from scaicore_tui.tui.render.option_lines import option_lines
from scaicore_tui.tui.render.waiting_line import waiting_head, waiting_line, waiting_row

NOW = 1_800_000_000.0
ANN = Reviewer("usr_ann", frozenset({"finance"}))


def waiting(identity: str, due_s: float | None = None, priority: str | None = None, **fields: Any) -> Checkpoint:
    """Return a checkpoint that is due in `due_s` seconds."""
    expires = None if due_s is None else format_iso(int((NOW + due_s) * 1_000_000))
    return Checkpoint(id=identity, expires_at=expires, priority=priority, **fields)


def asking(title: str, message: str = "", *values: Any, kind: str = "context") -> Checkpoint:
    """Return a checkpoint with a form that has these values."""
    fields = [{"label": f"field {number}", "value": value} for number, value in enumerate(values)]
    return waiting("c", presentation=Presentation(title, message, [{"type": kind, "fields": fields}]))


def test_due_soon_comes_first_then_priority_then_deadline_and_expired_last() -> None:
    rows = [
        waiting("expired", -60, "critical"),
        waiting("low", None, "low"),
        waiting("old", None, None, created_at="2026-01-01T00:00:00Z"),
        waiting("new", None, "normal", created_at="2026-01-02T00:00:00Z"),
        waiting("later", 3_600, "normal"),
        waiting("critical", 7_200, "critical"),
        waiting("soon", 890, "low"),
        waiting("sooner", 600, None),
    ]
    expected = ["sooner", "soon", "critical", "later", "old", "new", "low", "expired"]
    assert [row.id for row in in_inbox_order(rows, NOW)] == expected


DUE = st.one_of(st.none(), st.integers(-3_000, 3_000))


@given(st.lists(st.tuples(DUE, st.sampled_from(["critical", "low", None]))))
def test_the_order_only_changes_at_the_announced_time(rows: list[tuple[int | None, str | None]]) -> None:
    checkpoints = [waiting(f"c{number}", due, priority) for number, (due, priority) in enumerate(rows)]
    ordered = in_inbox_order(checkpoints, NOW)
    classes = [(is_expired(row, NOW), not is_due_soon(row, NOW)) for row in ordered]
    assert classes == sorted(classes)
    change = next_order_change(checkpoints, NOW)
    assert change > NOW
    until = NOW + DUE_SOON_S if change == NEVER else change
    assert in_inbox_order(checkpoints, NOW + (until - NOW) * 0.99) == ordered


@pytest.mark.parametrize(
    ("assignee", "resolved", "mine"),
    [
        ("user:usr_ann", None, True),
        ("usr_ann", None, True),
        ("group:finance", None, True),
        ("finance", None, True),
        ("user:finance", None, False),
        ("group:usr_ann", None, False),
        ("group:sales", ["usr_bob", "usr_ann"], True),
        ("group:sales", {"id": "usr_ann"}, True),
        ("group:sales", 7, False),
        (None, None, False),
    ],
)
def test_whose_a_checkpoint_is(assignee: str | None, resolved: Any, mine: bool) -> None:
    row = waiting("c", assignee_raw=assignee, raw={"assignee_resolved": resolved})
    assert is_mine(row, ANN) is mine
    assert not is_mine(row, Reviewer())


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (asking("Review", "Ada: Train, 1030 EUR", "Ada", "Train", 1030, 880), "Ada · Train · 1030 EUR"),
        (asking("Review", "Ada: 11030 EUR", "Ada", 1030), "Ada · 1030"),
        (asking("Review", "too much?", 1030, {}, None), "Review · too much?"),
        (asking("Which angle?", "How fast?"), "Which angle? How fast?"),
        (asking("Booking", "book it", "4210", "no", kind="input"), "Booking · book it"),
        (waiting("c", checkpoint_type="debug_breakpoint", node_id="propose"), "stopped before propose"),
        (waiting("ckpt_1"), "ckpt_1"),
        (asking("a\nb", "c\x1b[2J", "x"), "a b · c␛[2J"),
    ],
)
def test_what_is_asked_in_words(row: Checkpoint, words: str) -> None:
    assert asked_words(row) == words


def test_the_waiting_line_counts_what_is_yours_and_names_the_soonest() -> None:
    rows = [
        waiting("a", 840, flow_name="research", prompt="Which angle?", assignee_raw="user:usr_ann"),
        waiting("b", 3_000, flow_name="expenses", assignee_raw="group:finance"),
        waiting("c", -5, flow_name="old"),
    ]
    line = "".join(text for text, _ in waiting_line(rows, "3", ANN, NOW, 80))
    assert line == "Waiting 3 · yours 2   soonest: 14m research  Which angle?"
    assert "yours" not in "".join(text for text, _ in waiting_line(rows, "3", Reviewer(), NOW, 80))
    assert waiting_line((), "0", ANN, NOW, 80) == [("Waiting 0", "grey")]
    for width in (120, 80, 60):
        row = "".join(text for text, _ in waiting_row(rows[1], width, NOW, ANN))
        assert ("finance ★" in row) is (width > 60)
        head = "".join(text for text, _ in waiting_head(width))
        assert head.index("CORE") == row.index("expenses")
    assert assignee_name(rows[1]) == "finance"


def test_a_click_finds_the_option_under_it() -> None:
    rows = [waiting("c", options=()).find_option(name) for name in ("Approve", "Reject", "Needs more info")]
    options = [option for option in rows if option is not None]
    laid_out = option_lines(options, "Reject", 24)
    texts = ["".join(text for text, _ in line) for line in laid_out.lines]
    assert len(texts) == 2
    assert "›2 Reject" in texts[0]
    assert [laid_out.option_at(0, texts[0].index("2")), laid_out.option_at(1, 3), laid_out.option_at(1, 60)] == [
        1,
        2,
        None,
    ]
