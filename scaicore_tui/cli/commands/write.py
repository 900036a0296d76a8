"""The commands `resolve`, `continue` and `replay`: ask for confirmation, send once, report the outcome."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from scaicore_tui import errors
from scaicore_tui.actions import Progress, Submission
from scaicore_tui.actions.submit import captured_input
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stdout, streams
from scaicore_tui.cli.output.prompts import ask, confirm
from scaicore_tui.cli.output.stderr import say
from scaicore_tui.cli.sessions import open_for_writing
from scaicore_tui.decoding import decode_text
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.protocol.checkpoints import CONTINUE
from scaicore_tui.protocol.strict_json import StrictJson, parse_strict
from scaicore_tui.runs import Run, RunStatus
from scaicore_tui.session import Session
from scaicore_tui.text import block_quote, display_name, json_inline, one_line, quote

if TYPE_CHECKING:
    from scaicore_tui.export.document_types import WriteDocument

FOLLOW_TIMEOUT_S = 30.0
FOLLOW_INTERVAL_S = 1.0
FOLLOW_GROWTH = 1.5
PREVIEW_CELLS = 200

_ERRORS: dict[Progress, type[errors.ScaicoreError]] = {
    Progress.NOT_SENT: errors.RequestRejected,
    Progress.REFUSED: errors.RequestRejected,
    Progress.CONFLICT: errors.Conflict,
    Progress.UNKNOWN: errors.OutcomeUnknown,
    Progress.NOT_RECEIVED: errors.RequestRejected,
}


async def resolve(
    common: Common, checkpoint_id: str, resolution: str, comment: str | None, yes: bool, json: bool
) -> int:
    """Answer a checkpoint and wait until its run continues; return the exit code."""
    streams.require_output()
    async with open_for_writing(common) as session:
        await session.read_once(all_checkpoints=False)
        await report_recovered(session)
        checkpoint = await session.require_checkpoint(checkpoint_id)
        if (option := checkpoint.find_option(resolution)) is not None:
            resolution = option.id
        typed = await ask_to_confirm(session, _question(checkpoint, resolution, session), resolution, yes)
        async with _report_interrupts(session):
            with _print_unsent(session, json):
                submission = await session.answer(checkpoint_id, resolution, comment, typed=typed)
            await _follow(session, submission)
    return _report(submission, json)


async def continue_(common: Common, checkpoint_id: str, yes: bool, json: bool) -> int:
    """Continue a breakpoint and wait until its run continues; return the exit code."""
    return await resolve(common, checkpoint_id, CONTINUE, None, yes, json)


async def replay(
    common: Common,
    execution: str,
    source: str | None,
    entity_id: str | None,
    yes: bool,
    json: bool,
    timeout_s: float | None = None,
) -> int:
    """Invoke a run's Core again and follow the new run; return the exit code, which is 1 if that run failed."""
    streams.require_output()
    async with open_for_writing(common) as session:
        await session.read_once()
        await report_recovered(session)
        run = await session.find_run(execution)
        given = captured_input(run) if source is None else _read_input(source)
        for note in given.notes if source is not None else ():
            say(f"--input {source}: {note}")
        title = f"Input of {display_name(run.execution_id)}" if source is None else "Your input"
        target = f"{display_name(run.core_id or '?')} again on {one_line(session.target.host)}"
        shown = block_quote(json_inline(given.value, PREVIEW_CELLS), get_terminal_size().columns)
        question = f"Invoke {target}? Models and plugins are called again."
        typed = await ask_to_confirm(session, "\n".join([f"{title}:", *shown, question]), run.core_id or "", yes)
        async with _report_interrupts(session):
            is_given = source is not None
            with _print_unsent(session, json):
                submission = await session.replay(run.execution_id, given, entity_id, given_input=is_given, typed=typed)
            await _follow(session, submission, timeout_s)
        started = await session.find_run(submission.execution_id) if submission.execution_id else None
    return _report(submission, json, started, timeout_s)


def _question(checkpoint: Checkpoint, resolution: str, session: Session) -> str:
    """Return the question for confirmation, which names the option, the checkpoint and the host."""
    parts = (checkpoint.core_id, checkpoint.execution_id, checkpoint.node_id, checkpoint.id, session.target.host)
    context = ", ".join(display_name(part) for part in parts if part)
    return f"Answer {display_name(resolution)} to {quote(checkpoint.title)} ({context})?"


async def report_recovered(session: Session) -> None:
    """Look up writes of processes that died before they knew the outcome, and report each."""
    for submission in await session.recover_writes():
        write = f"{submission.kind} {display_name(submission.target_id)}, sent by a process that has died"
        say(f"{write}: {submission.progress} · {one_line(submission.message)}")


@asynccontextmanager
async def _report_interrupts(session: Session) -> AsyncIterator[None]:
    """If interrupted after something was sent, say that it stays sent, and how to find its outcome."""
    try:
        yield
    except asyncio.CancelledError:
        if any(not submission.is_final for submission in session.submissions):
            say("interrupted: the write was already sent. scaicore-tui ledger shows its outcome")
        raise


@contextmanager
def _print_unsent(session: Session, json: bool) -> Iterator[None]:
    """With `--json`, also print the document of a write that failed before it was sent."""
    try:
        yield
    except errors.ScaicoreError:
        if json and session.submissions:
            stdout.document(_document(session.submissions[-1], None))
        raise


async def ask_to_confirm(session: Session, question: str, word: str, yes: bool) -> str | None:
    """Ask for confirmation, unless `--yes` is set; return the typed text if the profile is protected.

    A protected profile always requires that `word` is typed. Raises UsageError without a confirmation or a terminal.
    """
    protected = session.target.protected
    if yes and not protected:
        return None
    if not sys.stdin.isatty():
        hint = "this profile is protected: --yes is not enough" if protected else "add --yes"
        raise errors.UsageError("no terminal to ask for confirmation on", effect="nothing was sent", hint=hint)
    typed: str | None = None
    if protected:
        typed = await ask(f"{question} This profile is protected: type {display_name(word)}")
        confirmed = typed == one_line(word)
    else:
        confirmed = await confirm(question)
    if not confirmed:
        raise errors.UsageError("not confirmed", effect="nothing was sent")
    # The question may have been open for long.
    await session.read_once(all_checkpoints=False)
    return typed


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end a blocking read of standard input: asyncio's handler would only run after the read."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _read_input(source: str) -> StrictJson:
    try:
        with _interruptible():
            data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        if source == "-" and streams.is_closed(0):
            raise ValueError("standard input is closed")  # noqa: TRY301  (reported like any invalid input)
        return parse_strict(decode_text(data))
    except (OSError, ValueError) as error:
        raise errors.UsageError(f"--input {source}: {error}", effect="nothing was sent") from error


async def _follow(session: Session, submission: Submission, timeout_s: float | None = None) -> None:
    """Poll until the outcome of the write is known, for at most `timeout_s`, or FOLLOW_TIMEOUT_S."""
    limit_s = FOLLOW_TIMEOUT_S if timeout_s is None else timeout_s
    waited, interval = 0.0, FOLLOW_INTERVAL_S
    while _is_open(submission) and waited < limit_s:
        await session.read_once(all_checkpoints=False)
        if _is_open(submission):
            await session.clock.sleep(interval)
            waited += interval
            # Poll less and less often, to save requests of the rate limit.
            interval = min(interval * FOLLOW_GROWTH, max(FOLLOW_INTERVAL_S, limit_s - waited))


def _is_open(submission: Submission) -> bool:
    """Return True if further polls can tell more. A replay's run, found by its input, stays likely at best."""
    return submission.progress in (Progress.ACCEPTED, Progress.UNKNOWN) and not submission.is_likely_match


def _report(submission: Submission, json: bool, started: Run | None = None, timeout_s: float | None = None) -> int:
    """Print the outcome and return the exit code. Raises the error that fits if the write failed."""
    if json:
        with _report_on_stderr(submission):
            stdout.document(_document(submission, started))
            stdout.flush()
    if started is not None and started.status is RunStatus.FAILED:
        say(f"{_target(submission)} failed: {quote(started.error or '')}")
        return 1
    if submission.progress is Progress.UNKNOWN and submission.is_likely_match:
        raise errors.OutcomeUnknown(
            f"the response was lost; {_target(submission)}", hint="scaicore-tui runs shows the run"
        )
    kind = _ERRORS.get(submission.progress)
    if kind is not None:
        raise submission.failure or kind(submission.message, request_id=submission.request_id)
    if _is_open(submission):
        limit_s = FOLLOW_TIMEOUT_S if timeout_s is None else timeout_s
        raise errors.TimedOut(
            f"accepted, but its run has not continued for {limit_s:.0f} s",
            hint="scaicore-tui runs shows its status",
        )
    if not json:
        with _report_on_stderr(submission):
            stdout.line(_outcome(submission))
            stdout.flush()
    return 0


@contextmanager
def _report_on_stderr(submission: Submission) -> Iterator[None]:
    """If standard output fails, report the outcome of the write with that error."""
    try:
        yield
    except errors.StorageError as error:
        raise errors.StorageError(
            error.message, effect=_outcome(submission), hint="scaicore-tui ledger shows it"
        ) from error


def _outcome(submission: Submission) -> str:
    return f"{submission.progress}: {one_line(submission.message)} · {_target(submission)}"


def _target(submission: Submission) -> str:
    likely = " (likely: found by its input)" if submission.is_likely_match else ""
    return display_name(submission.execution_id or submission.target_id) + likely


def _document(submission: Submission, started: Run | None) -> WriteDocument:
    return {
        "kind": str(submission.kind),
        "target_id": submission.target_id,
        "core_id": submission.core_id,
        "resolution": submission.resolution,
        "progress": str(submission.progress),
        "message": submission.message,
        "request_id": submission.request_id,
        "execution_id": submission.execution_id,
        "likely": submission.is_likely_match,
        "status": str(started.status) if started else None,
    }
