"""The gate: what may be written now, and if not, why, in words for the person at the dead key. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from scaicore_tui.actions.submission import MAY_STILL_ARRIVE
from scaicore_tui.protocol.checkpoints import CONTINUE, Checkpoint, Option
from scaicore_tui.runs import Run
from scaicore_tui.text import display_name, one_line

OFFLINE = "offline: a journal is shown, nothing can be sent"


class WriteContext(Struct, frozen=True):
    """What bears on every write: no server to write to (`offline`), a read-only session, a profile that wants a word
    typed out (`protected`), a screen that shows what is long past (`stale` of what waits, `stale_runs`: in words, or
    empty), targets with a write under way (`busy`), and targets with one that may still arrive (`unknown`).

    To answer and to invoke take a permission each: `forbidden_answers` and `forbidden_replays` are the server's words
    for the one that is missing, or empty.
    """

    offline: bool = False
    read_only: bool = False
    protected: bool = False
    forbidden_answers: str = ""
    forbidden_replays: str = ""
    stale_checkpoints: str = ""
    stale_runs: str = ""
    busy: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()


def why_no_writes(context: WriteContext) -> str | None:
    """Why this session can write nothing at all; None where it can."""
    if context.offline:
        return OFFLINE
    return "this session is read-only" if context.read_only else None


def why_target_blocked(context: WriteContext, target_id: str) -> str | None:
    """Why an earlier write to `target_id` forbids another one; None where none does."""
    if target_id in context.busy:
        return "an answer to it is under way"
    if target_id in context.unknown:
        return MAY_STILL_ARRIVE
    return None


def why_not_write(context: WriteContext, target_id: str, stale: str, forbidden: str) -> str | None:
    """Why nothing may be written to `target_id`, of which what is shown may be `stale`; None where it may.

    `forbidden` says which permission is missing.
    """
    return why_no_writes(context) or forbidden or why_target_blocked(context, target_id) or stale or None


def why_not_answer(context: WriteContext, checkpoint: Checkpoint | None, resolution: str | None = None) -> str | None:
    """Why `checkpoint` can't be answered (with `resolution`); None where it can."""
    if context.offline:
        return OFFLINE
    if checkpoint is None:
        return "no checkpoint is selected"
    if not checkpoint.is_pending:
        return f"it is {display_name(checkpoint.status)} already"
    missing = context.forbidden_answers
    forbidden = f"this credential may not answer: {missing}" if missing else ""
    reason = why_not_write(context, checkpoint.id, context.stale_checkpoints, forbidden)
    if reason is None and resolution is not None and not _offers(checkpoint, resolution):
        offered = ", ".join(display_name(option.id) for option in checkpoint.answers)
        reason = f"{resolution!r} is not offered; it offers {offered}"
    return reason


def why_not_continue(context: WriteContext, checkpoint: Checkpoint | None) -> str | None:
    """Why `checkpoint` can't be continued: only a breakpoint can."""
    if not context.offline and checkpoint is not None and not checkpoint.is_breakpoint:
        return "only a breakpoint continues; this one wants an answer (a)"
    return why_not_answer(context, checkpoint, CONTINUE)


def why_not_replay(context: WriteContext, run: Run | None, given_input: bool = False) -> str | None:
    """Why `run` can't be invoked again with its captured input, or with a `given_input`; None where it can."""
    if context.offline:
        return OFFLINE
    if run is None:
        return "no run is selected"
    if run.is_loading:
        return "its events are still being read: in a moment"
    if run.core_id is None:
        return "its Core is not known"
    if not run.has_input and not given_input:
        return "its input was not captured: the feed began after its start"
    if run.is_input_truncated and not given_input:
        return "its input was cut off on its way: only a given input can be sent"
    missing = context.forbidden_replays
    forbidden = f"this credential may not replay: {missing}" if missing else ""
    return why_not_write(context, run.execution_id, context.stale_runs, forbidden)


def why_not_confirmed(context: WriteContext, accepted: Iterable[str | None], typed: str | None) -> str | None:
    """Why `typed` does not confirm a write on a protected profile: it must be one of `words`, as they are shown."""
    shown = [one_line(word) for word in accepted if word]
    if not context.protected or typed in shown:
        return None
    needed = f"type {display_name(shown[0])}" if shown else "an empty answer can not be typed out"
    return f"this profile is protected: {needed}"


def confirmation_words(options: Iterable[Option], resolution: str) -> list[str]:
    """What confirms that answer where it has to be typed out: its id, or its label, if it is one of `options`."""
    return [resolution, *(option.label for option in options if option.id == resolution)]


def _offers(checkpoint: Checkpoint, resolution: str) -> bool:
    """A breakpoint offers Continue; anything else its options, or free text where it lists none (API §3)."""
    return checkpoint.find_option(resolution) is not None
