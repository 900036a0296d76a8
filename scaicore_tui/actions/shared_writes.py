"""The writes of a team: what each progress means for the next write to the same checkpoint, and in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from scaicore_tui.actions.ledger_lines import MAX_WRITE_S, Entry
from scaicore_tui.actions.submission import Kind, Progress
from scaicore_tui.errors import Conflict, ScaicoreError, UsageError
from scaicore_tui.store.shared_ledger import SharedWrite
from scaicore_tui.text import display_name
from scaicore_tui.timefmt import MICROS_PER_SECOND, clock_or_date, to_seconds

NOTHING_SENT = "nothing was sent"
# A claim of this age is not used any more: a machine that slept must not send what somebody else may have sent since.
CLAIM_LIFETIME_S = 120.0
# Later, a write whose outcome nobody recorded counts as not received, if the checkpoint is still pending.
OVERDUE_AFTER_S = CLAIM_LIFETIME_S + MAX_WRITE_S
OVERDUE_MESSAGE = "not received by the server: the checkpoint is still pending"
_HOLDING = (Progress.SENDING, Progress.ACCEPTED, Progress.CONFIRMED, Progress.UNKNOWN)
_DONE = (Progress.ACCEPTED, Progress.CONFIRMED)
_VERBS: Mapping[Kind, tuple[str, str]] = {
    Kind.CONTINUE: ("continuing", "continued"),
    Kind.REPLAY: ("replaying", "replayed"),
}


def progress_of(write: SharedWrite) -> Progress:
    """Return the progress of a write. One that a newer version of the program stored counts as unknown."""
    try:
        return Progress(write.progress)
    except ValueError:
        return Progress.UNKNOWN


def holds_claim(progress: Progress) -> bool:
    """Return whether a write with such a progress keeps others from answering the same checkpoint."""
    return progress in _HOLDING


def is_done(write: SharedWrite) -> bool:
    """Return whether the server accepted an answer: then no other one can follow."""
    return progress_of(write) in _DONE


def is_overdue(write: SharedWrite) -> bool:
    """Return whether a write is too old to have an outcome that is still to be recorded. It can't arrive any more."""
    age_s = to_seconds(write.read_at - write.claimed_at)
    return progress_of(write) in (Progress.SENDING, Progress.UNKNOWN) and age_s > OVERDUE_AFTER_S


def shared_write(entry: Entry, person: str, machine: str) -> SharedWrite:
    """Return a write of this machine, which is about to be sent, as the team's ledger stores it. It has no input."""
    return SharedWrite(
        id=entry.id,
        kind=str(entry.kind),
        target_id=entry.target_id,
        person=person,
        machine=machine,
        progress=str(Progress.SENDING),
        core_id=entry.core_id,
        execution_id=entry.execution_id,
        resolution=entry.resolution,
        comment=entry.comment,
        entity_id=entry.entity_id,
        is_exclusive=entry.kind is not Kind.REPLAY,
    )


def describe(write: SharedWrite) -> str:
    """Return a write by another person in words: `ada answered approve 10:42:07 · confirmed`."""
    person, progress = display_name(write.person), progress_of(write)
    doing, done = _VERBS.get(_kind(write), ("sending", "answered"))
    option = "" if _kind(write) in _VERBS else f" {display_name(write.resolution or '')}"
    if progress is Progress.SENDING:
        return f"{person} is {doing}{option or ' it'}"
    at = clock_or_date(write.claimed_at, to_seconds(write.read_at))
    return f"{person} {done}{option or ' it'} {at} · {progress}"


def why_taken(write: SharedWrite) -> ScaicoreError:
    """Return the error for an answer to a checkpoint that another write holds."""
    progress, text = progress_of(write), describe(write)
    if progress in _DONE:
        return Conflict(f"already answered: {text}", effect=NOTHING_SENT)
    if progress is Progress.SENDING:
        return UsageError(f"{text} now", effect=NOTHING_SENT, hint="wait for the outcome")
    left_s = OVERDUE_AFTER_S - to_seconds(write.read_at - write.claimed_at)
    return UsageError(
        f"{text}: it may still arrive",
        effect=NOTHING_SENT,
        hint=f"if the checkpoint is still pending in {max(1, round(left_s / 60))} min, it can be answered",
    )


def _kind(write: SharedWrite) -> Kind:
    try:
        return Kind(write.kind)
    except ValueError:
        return Kind.ANSWER


def state_of(entry: Entry, stored: SharedWrite) -> SharedWrite | None:
    """Return the state of a write that is only in the ledger of this machine; None if the team's is as new.

    `stored` is the write as the team's ledger has it. Only an outcome that is open there is replaced.
    """
    progress, last = entry.progress, entry.states[-1]
    is_open = progress_of(stored) in (Progress.SENDING, Progress.ACCEPTED, Progress.UNKNOWN)
    if not is_open or progress in (Progress.SENDING, progress_of(stored)):
        return None
    return SharedWrite(
        id=entry.id,
        kind=stored.kind,
        target_id=stored.target_id,
        person=stored.person,
        machine=stored.machine,
        progress=str(progress),
        execution_id=entry.execution_id,
        message=last.message,
        request_id=last.request_id,
        claimed_at=int(entry.at * MICROS_PER_SECOND),
    )
