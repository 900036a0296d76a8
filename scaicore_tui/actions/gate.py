"""The gate: preconditions of every write. Each `why_not_*` returns a message for the person, or None. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from scaicore_tui.actions.shared_writes import describe, is_done
from scaicore_tui.actions.submission import MAY_STILL_ARRIVE, Progress, Submission
from scaicore_tui.protocol.checkpoints import CONTINUE, Checkpoint, Option
from scaicore_tui.runs import Run
from scaicore_tui.store.shared_ledger import SharedWrite
from scaicore_tui.text import display_name, one_line

OFFLINE = "offline: a journal is shown, nothing can be sent"
WITHOUT_CREDENTIAL = (
    "no token is set for this API, so nothing can be sent: set SCAICORE_TUI_TOKEN, or token_file in the profile"
)
PAST = "the past is shown, nothing is sent from it: esc returns to now"
NO_LONGER_PENDING = "no longer pending: answered elsewhere, or expired"
# An answer with such a progress is never followed by another one from this session.
CLOSED_REASONS = {
    Progress.ACCEPTED: "the answer was accepted: waiting for the run to continue",
    Progress.CONFIRMED: "already answered; the run has continued",
    Progress.CONFLICT: "already answered",
}


class WriteContext(Struct, frozen=True):
    """The facts that decide whether a write is allowed now. One is made for each decision.

    offline: there is no server. lacks_token: no token is set, and none can be fetched. shows_past: the run is shown as
    of one of its events. protected: the profile requires a typed confirmation. busy: ids of targets with a write in
    progress. unknown: ids of targets with a write that may still arrive. answers: the latest answer of this session by
    checkpoint id. pending: ids of the checkpoints that are listed as pending; None if that is not checked. others: the
    latest writes of other persons by target, if a ledger is shared.

    The texts are reasons, empty if there is none. forbidden_answers, forbidden_replays: the server's message about a
    missing permission. stale_checkpoints, stale_runs: the data shown is too old to act on.
    """

    offline: bool = False
    read_only: bool = False
    protected: bool = False
    lacks_token: bool = False
    forbidden_answers: str = ""
    forbidden_replays: str = ""
    stale_checkpoints: str = ""
    stale_runs: str = ""
    busy: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()
    answers: Mapping[str, Submission] = field(default_factory=dict)
    pending: frozenset[str] | None = None
    shows_past: bool = False
    others: Mapping[str, SharedWrite] = field(default_factory=dict)


def why_no_writes(context: WriteContext) -> str | None:
    """Return why this session cannot write anything; None if it can."""
    if (elsewhere := why_not_here(context)) is not None:
        return elsewhere
    if context.read_only:
        return "this session is read-only"
    return WITHOUT_CREDENTIAL if context.lacks_token else None


def why_not_here(context: WriteContext) -> str | None:
    """Return why nothing can be sent from what is shown; None if it can."""
    if context.offline:
        return OFFLINE
    return PAST if context.shows_past else None


def why_target_blocked(context: WriteContext, target_id: str) -> str | None:
    """Return why an earlier write to `target_id` blocks another one; None if nothing does."""
    if target_id in context.busy:
        return "another write to it is under way"
    if target_id in context.unknown:
        return MAY_STILL_ARRIVE
    other = context.others.get(target_id)
    return f"already answered: {describe(other)}" if other is not None and is_done(other) else None


def why_not_write(context: WriteContext, target_id: str, stale: str, forbidden: str) -> str | None:
    """Return why nothing can be written to `target_id`; None if a write is allowed.

    `stale` and `forbidden` are reasons that apply to the kind of the target, empty if there is none.
    """
    return why_no_writes(context) or forbidden or why_target_blocked(context, target_id) or stale or None


def why_not_answer(context: WriteContext, checkpoint: Checkpoint | None, resolution: str | None = None) -> str | None:
    """Return why `checkpoint` cannot be answered (with `resolution`); None if it can."""
    if (elsewhere := why_not_here(context)) is not None:
        return elsewhere
    if checkpoint is None:
        return "no checkpoint is selected"
    closed = _why_closed(context, checkpoint)
    if closed is not None:
        return closed
    if not checkpoint.is_pending:
        return f"the checkpoint is already {display_name(checkpoint.status)}"
    missing = context.forbidden_answers
    forbidden = f"this credential may not answer: {missing}" if missing else ""
    reason = why_not_write(context, checkpoint.id, context.stale_checkpoints, forbidden)
    if reason is None and resolution is not None and not _offers(checkpoint, resolution):
        offered = ", ".join(display_name(option.id) for option in checkpoint.answers)
        reason = f"{resolution!r} is not an option of this checkpoint; its options: {offered}"
    return reason


def why_not_in_batch(context: WriteContext, checkpoint: Checkpoint) -> str | None:
    """Return why `checkpoint` cannot be answered together with others; None if it can."""
    if is_outcome_unknown(context, checkpoint):
        return "an earlier answer may or may not have arrived: answer this one separately"
    return why_not_answer(context, checkpoint)


def is_outcome_unknown(context: WriteContext, checkpoint: Checkpoint) -> bool:
    """Return whether an answer was sent that seems not to have arrived."""
    earlier = context.answers.get(checkpoint.id)
    return earlier is not None and earlier.progress is Progress.NOT_RECEIVED


def why_not_continue(context: WriteContext, checkpoint: Checkpoint | None) -> str | None:
    """Return why `checkpoint` cannot be continued; None if it can. Only a breakpoint can be."""
    if why_not_here(context) is None and checkpoint is not None and not checkpoint.is_breakpoint:
        return "only a breakpoint can be continued; press a to answer it"
    earlier = None if checkpoint is None else context.answers.get(checkpoint.id)
    if why_not_here(context) is None and earlier is not None and earlier.is_unknown:
        return "the outcome of an earlier continue is unknown and being looked up"
    return why_not_answer(context, checkpoint, CONTINUE)


def why_not_replay(context: WriteContext, run: Run | None, given_input: bool = False) -> str | None:
    """Return why `run` cannot be replayed with its captured input, or with a `given_input`; None if it can."""
    if (elsewhere := why_not_here(context)) is not None:
        return elsewhere
    if run is None:
        return "no run is selected"
    if run.is_loading:
        return "the events of this run are still being loaded: try again in a moment"
    if run.core_id is None:
        return "the Core of this run is not known"
    if not run.has_input and not given_input:
        return "the input of this run is not known: the run began before our first event"
    if run.is_input_truncated and not given_input:
        return "the API truncated the input of this run: edit the input to replay it"
    missing = context.forbidden_replays
    forbidden = f"this credential may not replay: {missing}" if missing else ""
    return why_not_write(context, run.execution_id, context.stale_runs, forbidden)


def why_not_confirmed(context: WriteContext, accepted: Iterable[str | None], typed: str | None) -> str | None:
    """Return why `typed` does not confirm a write; None if it does, or if the profile is not protected.

    `typed` must be one of the `accepted` texts, as they are displayed.
    """
    shown = [one_line(text) for text in accepted if text]
    if not context.protected or typed in shown:
        return None
    needed = f"type {display_name(shown[0])}" if shown else "an empty answer cannot be confirmed"
    return f"this profile is protected: {needed}"


def confirmation_words(options: Iterable[Option], resolution: str) -> list[str]:
    """Return the texts that confirm an answer on a protected profile: its id, and the label of that option."""
    return [resolution, *(option.label for option in options if option.id == resolution)]


def _why_closed(context: WriteContext, checkpoint: Checkpoint) -> str | None:
    """Return why `checkpoint` does not wait any more, as far as this session knows; None if it does."""
    earlier = context.answers.get(checkpoint.id)
    if earlier is not None and earlier.progress in CLOSED_REASONS:
        return CLOSED_REASONS[earlier.progress]
    return NO_LONGER_PENDING if context.pending is not None and checkpoint.id not in context.pending else None


def _offers(checkpoint: Checkpoint, resolution: str) -> bool:
    """Return True for Continue on a breakpoint, a listed option, and any text if no options are listed (API §3)."""
    return checkpoint.find_option(resolution) is not None
