"""What parts of the app tell each other. Past tense is a fact; imperative is a request, which somebody above grants.

Messages carry values, never widgets.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from scaicore_tui.session import Update


@dataclass
class SessionChanged(Message):
    """The session changed; everything it said in one go."""

    update: Update


@dataclass
class WriteStopped(Message):
    """A write was stopped before anything was sent."""

    words: str


@dataclass
class HistoryRead(Message):
    """A page of older events came, or could not be had: then `words` say why."""

    words: str = ""


@dataclass
class RunSelected(Message):
    """The cursor of the run list is on another run, or on none."""

    execution_id: str | None


@dataclass
class RunOpened(Message):
    """A run was opened with Enter or the mouse."""

    execution_id: str


@dataclass
class CheckpointOpened(Message):
    """A checkpoint was opened with Enter or the mouse."""

    checkpoint_id: str


@dataclass
class OptionChosen(Message):
    """An option of a checkpoint was chosen; nothing is sent by that."""

    option_id: str


@dataclass
class FilterTyped(Message):
    """The text of the filter changed."""

    needle: str


@dataclass
class FilterClosed(Message):
    """The filter was left; `kept` where it goes on filtering."""

    kept: bool


@dataclass
class RunAction(Message):
    """Do what a key of the footer would do."""

    action_id: str


@dataclass
class ReadOlder(Message):
    """Read older events than those known."""


@dataclass
class RefreshNow(Message):
    """Fetch now, whatever the interval says."""


@dataclass
class PausePolling(Message):
    """Stop polling, or poll again."""

    paused: bool


@dataclass
class AnswerCheckpoint(Message):
    """Send an answer to a checkpoint, once."""

    checkpoint_id: str
    resolution: str
    comment: str | None = None


@dataclass
class ReplayRun(Message):
    """Invoke a run's Core again with its input, once."""

    execution_id: str
