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
from scaicore_tui.runs import Delta
from scaicore_tui.runs.model import NodeKey
from scaicore_tui.session import Session
from scaicore_tui.units import Micros, Position

if TYPE_CHECKING:
    # Loaded with the run screen: the first screen appears sooner.
    from scaicore_tui.analysis.run_groups import ErrorGroup
    from scaicore_tui.analysis.statistics.rates import Rate


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


class RunListResized(Message):
    """The run list has another size."""


class OverviewResized(Message):
    """The steps beside the run list have another size."""


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
class CheckpointSelected(Message):
    """The cursor of the inbox moved to another checkpoint."""


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
class SummaryNeeded(Message):
    """Load the summary of a run, which is not in memory."""

    execution_id: str


@dataclass(eq=False, repr=False, match_args=False)
class FiguresNeeded(Message):
    """Read runs and failures of a period, from one time to another, in equal columns, and the causes of failures."""

    period: tuple[Micros, Micros]
    columns: int


@dataclass(eq=False, repr=False, match_args=False)
class FiguresRead(Message):
    """Runs and failures of a period, and the causes of failures in it, the most frequent first."""

    rate: Rate
    causes: Sequence[ErrorGroup]


@dataclass(eq=False, repr=False, match_args=False)
class ValueSelected(Message):
    """The cursor moved in a list of values."""


@dataclass(eq=False, repr=False, match_args=False)
class PictureShown(Message):
    """A run, or another moment of it, is shown: keys that waited for it act now."""


@dataclass(eq=False, repr=False, match_args=False)
class MomentTyped(Message):
    """An event or a time of the run was typed, to show the run as of it; empty if it was dropped."""

    text: str


@dataclass(eq=False, repr=False, match_args=False)
class AxisClicked(Message):
    """A cell of the line with the time axis was clicked, counted from the left edge of the steps."""

    cell: int


@dataclass(eq=False, repr=False, match_args=False)
class RateClicked(Message):
    """A cell of the lines about runs and failures over time was clicked; both are counted from 0."""

    line: int
    cell: int


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
class AnnounceAnswering(Message):
    """Let others see that a checkpoint is about to be answered here, or is not any more."""

    checkpoint_id: str
    is_open: bool


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
