"""What parts of the app tell each other. Past tense is a fact; imperative is a request, which somebody above grants.

Messages carry values, never widgets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from textual.message import Message

from scaicore_tui.actions import Submission
from scaicore_tui.config.settings import ProfileInfo
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.session import Session, Update


@dataclass(eq=False, repr=False, match_args=False)
class SessionChanged(Message):
    """The session changed; everything it said in one go."""

    update: Update


@dataclass(eq=False, repr=False, match_args=False)
class WriteRejected(Message):
    """A write was stopped before anything was sent."""

    reason: str


@dataclass(eq=False, repr=False, match_args=False)
class HistoryLoaded(Message):
    """A page of older events came, or could not be had: then `words` say why."""

    problem: str = ""


@dataclass(eq=False, repr=False, match_args=False)
class ResolvedLoaded(Message):
    """The answered checkpoints came, or could not be had: then `words` say why."""

    checkpoints: tuple[Checkpoint, ...] = ()
    problem: str = ""


@dataclass(eq=False, repr=False, match_args=False)
class BatchFinished(Message):
    """No more answers go out of those asked for together; `words` say why, where some did not."""

    checkpoint_ids: tuple[str, ...]
    stop_reason: str = ""


@dataclass(eq=False, repr=False, match_args=False)
class RunSelected(Message):
    """The cursor of the run list is on another run, or on none."""

    execution_id: str | None


@dataclass(eq=False, repr=False, match_args=False)
class RunOpened(Message):
    """A run was opened with Enter or the mouse."""

    execution_id: str


@dataclass(eq=False, repr=False, match_args=False)
class CheckpointOpened(Message):
    """A checkpoint was opened with Enter or the mouse."""

    checkpoint_id: str


@dataclass(eq=False, repr=False, match_args=False)
class OptionChosen(Message):
    """An option of a checkpoint was chosen; nothing is sent by that."""

    option_id: str


@dataclass(eq=False, repr=False, match_args=False)
class ConfirmationTyped(Message):
    """The word that a protected profile asks for changed; `begins` with its first sign."""

    begins: bool


@dataclass(eq=False, repr=False, match_args=False)
class FilterTyped(Message):
    """The text of the filter changed."""

    needle: str


@dataclass(eq=False, repr=False, match_args=False)
class FilterClosed(Message):
    """The filter was left; `kept` where it goes on filtering."""

    kept: bool


@dataclass(eq=False, repr=False, match_args=False)
class InvokeKeyAction(Message):
    """Do what a key of the footer would do."""

    action_id: str


@dataclass(eq=False, repr=False, match_args=False)
class OpenProfiles(Message):
    """Show the profiles that there are to choose from."""


@dataclass(eq=False, repr=False, match_args=False)
class SwitchProfile(Message):
    """Leave this session for one on that profile."""

    name: str


@dataclass(eq=False, repr=False, match_args=False)
class ProfilesLoaded(Message):
    """The profiles were read."""

    choices: tuple[ProfileInfo, ...]


@dataclass(eq=False, repr=False, match_args=False)
class ProfileOpened(Message):
    """There is a session on another profile."""

    session: Session


@dataclass(eq=False, repr=False, match_args=False)
class SwitchFailed(Message):
    """There is none, and `words` say why: all stays as it is."""

    reason: str


@dataclass(eq=False, repr=False, match_args=False)
class OtherSessionWriteChanged(Message):
    """A write of a session that was left got further; `name` is what that was called."""

    name: str
    submission: Submission


@dataclass(eq=False, repr=False, match_args=False)
class LoadHistory(Message):
    """Read older events than those known."""


@dataclass(eq=False, repr=False, match_args=False)
class Repaint(Message):
    """Paint all of the screen: something else wrote to it."""


@dataclass(eq=False, repr=False, match_args=False)
class OpenInbox(Message):
    """Show all that waits on a screen of its own."""


@dataclass(eq=False, repr=False, match_args=False)
class LoadResolved(Message):
    """Read the checkpoints that were answered."""


@dataclass(eq=False, repr=False, match_args=False)
class RefreshNow(Message):
    """Fetch now, whatever the interval says."""


@dataclass(eq=False, repr=False, match_args=False)
class PausePolling(Message):
    """Stop polling, or poll again."""

    paused: bool


@dataclass(eq=False, repr=False, match_args=False)
class AnswerCheckpoint(Message):
    """Send an answer to a checkpoint, once; `typed` is what was typed out to confirm it, where that was asked for."""

    checkpoint_id: str
    resolution: str
    comment: str | None = None
    typed: str | None = None


@dataclass(eq=False, repr=False, match_args=False)
class AnswerAll(Message):
    """Send the same answer to several checkpoints, once each. `cautious` stops at the first that does not go well."""

    checkpoint_ids: tuple[str, ...]
    resolution: str
    comment: str | None = None
    stop_on_failure: bool = True
    typed: str | None = None


@dataclass(eq=False, repr=False, match_args=False)
class ReplayRun(Message):
    """Invoke a run's Core again, once, with its captured input; or with `value`, where that is a `given_input`."""

    execution_id: str
    value: Any = None
    given_input: bool = False
    entity_id: str | None = None
    typed: str | None = None


@dataclass(eq=False, repr=False, match_args=False)
class CopyText(Message):
    """Copy a text; `what` says what it is."""

    label: str
    text: str


@dataclass(eq=False, repr=False, match_args=False)
class TextCopied(Message):
    """A text was copied, or could not be: `words` say where it is, or why."""

    text: str
    colour: str = "text"


@dataclass(eq=False, repr=False, match_args=False)
class EditText(Message):
    """Edit a text in the editor of whoever uses the app."""

    text: str


@dataclass(eq=False, repr=False, match_args=False)
class TextEdited(Message):
    """The text was saved in the editor."""

    text: str


@dataclass(eq=False, repr=False, match_args=False)
class EditorFailed(Message):
    """The text could not be edited: `words` say why. It is as it was."""

    reason: str
