"""Messages between the parts of the app. They carry values, never widgets.

A name in the past tense is a fact (`RunSelected`); an imperative is a request to the screen or the app (`CopyText`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message

from scaicore_tui.actions import Submission
from scaicore_tui.config.settings import ProfileInfo
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import Delta, Run
from scaicore_tui.runs.model import NodeKey
from scaicore_tui.session import Session
from scaicore_tui.units import Position

if TYPE_CHECKING:
    # Loaded with the run screen: the first screen appears sooner.
    from scaicore_tui.analysis.event_pages import EventPage
    from scaicore_tui.analysis.flow_view import FlowView
    from scaicore_tui.analysis.run_history import RunHistory
    from scaicore_tui.analysis.usual import PastContext


@dataclass(eq=False, repr=False, match_args=False)
class SessionChanged(Message):
    """The session changed; `update` says what."""

    delta: Delta


@dataclass(eq=False, repr=False, match_args=False)
class WriteRejected(Message):
    """A write was rejected before anything was sent."""

    reason: str


@dataclass(eq=False, repr=False, match_args=False)
class HistoryLoaded(Message):
    """A page of older events was read, or could not be read because of `problem`."""

    problem: str = ""


@dataclass(eq=False, repr=False, match_args=False)
class ResolvedLoaded(Message):
    """The resolved checkpoints were read, or could not be read because of `problem`."""

    checkpoints: tuple[Checkpoint, ...] = ()
    problem: str = ""


@dataclass(eq=False, repr=False, match_args=False)
class BatchFinished(Message):
    """A batch of answers has ended; `stop_reason` says why some were not sent, if so."""

    checkpoint_ids: tuple[str, ...]
    stop_reason: str = ""


@dataclass(eq=False, repr=False, match_args=False)
class RunSelected(Message):
    """The cursor of the run list moved to another run, or to none."""

    execution_id: str | None


@dataclass(eq=False, repr=False, match_args=False)
class RunOpened(Message):
    """A run was opened with Enter or the mouse, or one of its nodes, whose key is `node`."""

    execution_id: str
    node: NodeKey | None = None


@dataclass(eq=False, repr=False, match_args=False)
class StepSelected(Message):
    """The cursor moved to another step of the run that is shown."""


@dataclass(eq=False, repr=False, match_args=False)
class StepOpened(Message):
    """A step was opened with Enter or the mouse: it folds or unfolds."""


@dataclass(eq=False, repr=False, match_args=False)
class CheckpointOpened(Message):
    """A checkpoint was opened with Enter or the mouse."""

    checkpoint_id: str


@dataclass(eq=False, repr=False, match_args=False)
class OptionChosen(Message):
    """An option of a checkpoint was chosen. Nothing is sent yet."""

    option_id: str


@dataclass(eq=False, repr=False, match_args=False)
class ConfirmationTyped(Message):
    """The word that a protected profile asks for was edited; `begins` marks its first character."""

    begins: bool


@dataclass(eq=False, repr=False, match_args=False)
class FilterTyped(Message):
    """The text of the filter changed."""

    needle: str


@dataclass(eq=False, repr=False, match_args=False)
class FilterClosed(Message):
    """The filter bar was closed; `kept` says whether the filter stays active."""

    kept: bool


@dataclass(eq=False, repr=False, match_args=False)
class InvokeKeyAction(Message):
    """Run the action of a key in the footer."""

    action_id: str


@dataclass(eq=False, repr=False, match_args=False)
class OpenProfiles(Message):
    """Show the list of profiles."""


@dataclass(eq=False, repr=False, match_args=False)
class SwitchProfile(Message):
    """Replace this session by one on the profile `name`."""

    name: str


@dataclass(eq=False, repr=False, match_args=False)
class ProfilesLoaded(Message):
    """The profiles were read."""

    choices: tuple[ProfileInfo, ...]


@dataclass(eq=False, repr=False, match_args=False)
class ProfileOpened(Message):
    """A session on another profile was opened."""

    session: Session


@dataclass(eq=False, repr=False, match_args=False)
class SwitchFailed(Message):
    """A profile could not be opened because of `reason`; the current session continues."""

    reason: str


@dataclass(eq=False, repr=False, match_args=False)
class OtherSessionWriteChanged(Message):
    """A write of a parked session made progress; `name` is the name of that session."""

    name: str
    submission: Submission


@dataclass(eq=False, repr=False, match_args=False)
class LoadHistory(Message):
    """Read the next page of older events."""


@dataclass(eq=False, repr=False, match_args=False)
class RunsNeeded(Message):
    """Load the runs at `positions`, which are listed and not in memory."""

    positions: Sequence[Position]


@dataclass(eq=False, repr=False, match_args=False)
class SearchRuns(Message):
    """Search the runs that match a filter."""

    needle: str


@dataclass(eq=False, repr=False, match_args=False)
class RunsFound(Message):
    """The runs at `positions` match the filter `needle`; none are known because of a `problem`, if there is one."""

    needle: str
    positions: Sequence[Position] = ()
    problem: str = ""


@dataclass(eq=False, repr=False, match_args=False)
class EventsNeeded(Message):
    """Read the events of a run around number `near` that match a filter, up to number `through`."""

    execution_id: str
    near: int
    needle: str = ""
    through: int | None = None


@dataclass(eq=False, repr=False, match_args=False)
class EventsRead(Message):
    """Events of a run were read."""

    execution_id: str
    page: EventPage


@dataclass(eq=False, repr=False, match_args=False)
class ValueSelected(Message):
    """The cursor moved in a list of values."""


@dataclass(eq=False, repr=False, match_args=False)
class FlowNeeded(Message):
    """Find the graph of a run's Core. `run` is a copy, which does not change meanwhile."""

    run: Run


@dataclass(eq=False, repr=False, match_args=False)
class FlowRead(Message):
    """A run in the graph of its Core; None if no graph is known."""

    execution_id: str
    view: FlowView | None


@dataclass(eq=False, repr=False, match_args=False)
class ContextRead(Message):
    """The facts that other runs tell about a run were read. Asked for by `FlowNeeded`."""

    execution_id: str
    context: PastContext


@dataclass(eq=False, repr=False, match_args=False)
class RunHistoryNeeded(Message):
    """Read all events of a run, to show it as of any of them."""

    execution_id: str


@dataclass(eq=False, repr=False, match_args=False)
class RunHistoryRead(Message):
    """All events of a run."""

    execution_id: str
    history: RunHistory


@dataclass(eq=False, repr=False, match_args=False)
class Repaint(Message):
    """Repaint the whole screen, because another program wrote to it."""


@dataclass(eq=False, repr=False, match_args=False)
class OpenInbox(Message):
    """Open the inbox of pending checkpoints."""


@dataclass(eq=False, repr=False, match_args=False)
class LoadResolved(Message):
    """Read the resolved checkpoints."""


@dataclass(eq=False, repr=False, match_args=False)
class RefreshNow(Message):
    """Fetch now, without waiting for the next poll."""


@dataclass(eq=False, repr=False, match_args=False)
class PausePolling(Message):
    """Stop polling, or resume it."""

    paused: bool


@dataclass(eq=False, repr=False, match_args=False)
class AnswerCheckpoint(Message):
    """Send an answer to a checkpoint, once. `typed` is the typed confirmation, if the profile asks for one."""

    checkpoint_id: str
    resolution: str
    comment: str | None = None
    typed: str | None = None


@dataclass(eq=False, repr=False, match_args=False)
class AnswerAll(Message):
    """Send the same answer to several checkpoints, once each; `stop_on_failure` ends at the first that fails."""

    checkpoint_ids: tuple[str, ...]
    resolution: str
    comment: str | None = None
    stop_on_failure: bool = True
    typed: str | None = None


@dataclass(eq=False, repr=False, match_args=False)
class ReplayRun(Message):
    """Invoke a run's Core again, once, with its captured input, or with `value` if `given_input` is set."""

    execution_id: str
    value: Any = None
    given_input: bool = False
    entity_id: str | None = None
    typed: str | None = None


@dataclass(eq=False, repr=False, match_args=False)
class CopyText(Message):
    """Copy a text to the clipboard; `label` names it in the notice."""

    label: str
    text: str


@dataclass(eq=False, repr=False, match_args=False)
class TextCopied(Message):
    """A text was copied or could not be copied. `text` is the notice, shown in `colour`."""

    text: str
    colour: str = "text"


@dataclass(eq=False, repr=False, match_args=False)
class EditText(Message):
    """Edit a text in the user's own editor."""

    text: str


@dataclass(eq=False, repr=False, match_args=False)
class TextEdited(Message):
    """A text was saved in the editor."""

    text: str


@dataclass(eq=False, repr=False, match_args=False)
class EditorFailed(Message):
    """A text could not be edited because of `reason`, and is unchanged."""

    reason: str
