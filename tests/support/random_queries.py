"""Random queries and runs, made of few values so that they often match."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from scaicore_tui.analysis.query.fields import OPERATORS, RUNS, FieldKind
from scaicore_tui.analysis.query.tree import (
    And,
    DurationValue,
    MomentValue,
    Not,
    NumberValue,
    Op,
    Or,
    PatternValue,
    Test,
    TextValue,
    Tree,
    Word,
)
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import Gap, RunStatus, Summary
from tests.support.builders import NOON

HOUR = 3_600_000_000
NOW = NOON + 90 * 60_000_000
TEXTS = ("a", "B", "ab", "core_a", "core_É", "é", "pay 12", "pay 7", "x:y", 'q"o', "İ", "ﬁ", "a\nb", "Σ", "\ud800")
times = st.none() | st.sampled_from([NOW, NOON, NOON - HOUR, NOON + 1, NOON - 26 * HOUR, NOW - 1_000_000, NOW - 2_000])
texts = st.sampled_from(TEXTS)
summaries = st.builds(
    Summary,
    execution_id=st.just(""),
    position=st.just(0),
    core_id=st.none() | texts,
    outcome=st.sampled_from([None, RunStatus.COMPLETED, RunStatus.FAILED]),
    started_at=times,
    ended_at=times,
    first_event_at=times,
    last_event_at=times,
    reported_ms=st.sampled_from([None, 1.0, 200, 5_000, 4_999.5]),
    joined_late=st.booleans(),
    is_runtime=st.booleans(),
    error=st.none() | texts,
    instance_key=st.none() | texts,
    event_count=st.integers(0, 3),
)


@st.composite
def runs(draw: st.DrawFn) -> list[Summary]:
    """Return some runs, with an id, a position and nodes each."""
    found = draw(st.lists(summaries, max_size=6))
    for number, run in enumerate(found):
        run.execution_id, run.position = f"exec_{number}{draw(texts)}", 2 * number
        run.node_ids = tuple(draw(st.lists(st.none() | texts, max_size=3)))
        run.node_state_codes = "".join(draw(st.sampled_from("exf")) for _ in run.node_ids)
        # The end of a run is what its duration is counted from, if none is reported.
        run.ended_at = run.ended_at if run.reported_ms is not None or run.started_at is None else None
    return found


def checkpoints(found: list[Summary]) -> st.SearchStrategy[list[Checkpoint]]:
    """Return some pending checkpoints of runs whose id SQLite can hold as a text."""
    ids = [run.execution_id for run in found if run.execution_id.isprintable()]
    one = st.builds(
        Checkpoint,
        id=st.just("c"),
        execution_id=st.sampled_from([*ids, "exec_other"]),
        checkpoint_type=st.sampled_from(["hitl_review", "debug_breakpoint"]),
        assignee_raw=st.sampled_from([None, "ab", "user:B"]),
    )
    return st.lists(one, max_size=2)


gaps = st.lists(
    st.builds(
        Gap,
        after=st.integers(-1, 12),
        found_at=st.just(NOW),
        last_at=times,
        next_at=st.none(),
        last_execution=st.none(),
        next_execution=st.none(),
    ),
    max_size=2,
)
CHEAP = [field for field in RUNS.fields.values() if not field.is_dear]
_VALUES: dict[FieldKind, st.SearchStrategy[Any]] = {
    FieldKind.TEXT: st.builds(TextValue, texts | st.text(max_size=3)),
    FieldKind.NUMBER: st.builds(NumberValue, st.integers(0, 3) | st.just(1.5)),
    FieldKind.DURATION: st.sampled_from(
        [
            DurationValue("200ms", 200.0),
            DurationValue("2s", 2e3),
            DurationValue("90m", 5.4e6),
            DurationValue("1d", 864e5),
        ]
    ),
    FieldKind.MOMENT: st.builds(
        MomentValue, st.sampled_from(["2s", "90m", "1d", "12:00", "13:30", "14:00", "2026-04-29", "2026-04-28"])
    ),
}
patterns = st.builds(PatternValue, st.sampled_from(["a", "^a", "b$", "pay .", "[^a]b?$", "(x|q).", r"\d+$", "a.b"]))


@st.composite
def tests(draw: st.DrawFn) -> Test:
    """Return a test of one of the cheap fields."""
    field = draw(st.sampled_from(CHEAP))
    op = draw(st.sampled_from(OPERATORS[field.kind]))
    if op is Op.MATCHES:
        values: Any = patterns
    elif field.choices:
        words = [choice for choice in field.choices if choice != "replay"]
        beginnings = [word[:3] for word in words] if op is Op.HAS else words
        values = st.builds(TextValue, st.sampled_from(words) | st.sampled_from(beginnings))
    else:
        values = _VALUES[field.kind]
    return Test(field.name, op, tuple(draw(st.lists(values, min_size=1, max_size=2))))


leaves: st.SearchStrategy[Tree] = tests() | st.builds(Word, texts | st.sampled_from(["fail", "wait", "ing"]))


def _combined(parts: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.builds(Not, parts) | st.builds(And, several) | st.builds(Or, several)


trees: st.SearchStrategy[Tree] = st.recursive(leaves, _combined, max_leaves=5)
