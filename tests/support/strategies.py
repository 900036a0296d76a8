"""Hypothesis strategies for events."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.support.builders import MILLISECOND, NOON, event

TYPES = [
    "invocation.started",
    "invocation.completed",
    "invocation.failed",
    "block.entered",
    "block.exited",
    "block.failed",
]
EVENTS_OF_TWO_RUNS = st.builds(
    event,
    st.sampled_from([*TYPES, "custom.note", "block.paused"]),
    st.integers(0, 5).map(lambda n: NOON + n * 500 * MILLISECOND),
    execution=st.sampled_from(["exec_1", "exec_2", None]),
    node_id=st.sampled_from(["a", "b", None]),
    block_kind=st.sampled_from(["rigid", None, "quantum"]),
)
