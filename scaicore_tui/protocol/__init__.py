"""Decode the API's bodies: events, checkpoints, error responses and their wrappers. Knows no HTTP, runs or screens."""

from scaicore_tui.protocol.checkpoints import (
    Checkpoint,
    CheckpointPage,
    Invocation,
    Option,
    read_checkpoint,
    read_checkpoint_page,
    read_invocation,
)
from scaicore_tui.protocol.events import Event, EventPage, decode_event, read_event, read_event_page
from scaicore_tui.protocol.problems import Problem, read_problem

__all__ = [
    "Checkpoint",
    "CheckpointPage",
    "Event",
    "EventPage",
    "Invocation",
    "Option",
    "Problem",
    "decode_event",
    "read_checkpoint",
    "read_checkpoint_page",
    "read_event",
    "read_event_page",
    "read_invocation",
    "read_problem",
]
