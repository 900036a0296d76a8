"""What the API says, and only that: bodies, wrappers, problems. Knows nothing of HTTP, runs or screens."""

from scaicore_tui.wire.checkpoints import Checkpoint, CheckpointPage, Option, read_checkpoint, read_checkpoint_page
from scaicore_tui.wire.events import Event, EventPage, read_event, read_event_page, read_stored
from scaicore_tui.wire.invoke import Invocation, read_invocation
from scaicore_tui.wire.problems import Problem, read_problem

__all__ = [
    "Checkpoint",
    "CheckpointPage",
    "Event",
    "EventPage",
    "Invocation",
    "Option",
    "Problem",
    "read_checkpoint",
    "read_checkpoint_page",
    "read_event",
    "read_event_page",
    "read_invocation",
    "read_problem",
    "read_stored",
]
