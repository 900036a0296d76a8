"""Writes runs of a session to a file, for the app. The command line does the same for recorded files, too."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from scaicore_tui.config.paths import redaction_key_file
from scaicore_tui.errors import ConfigError, ScaicoreError
from scaicore_tui.export.exporter import Export, Redacted
from scaicore_tui.export.formats import FORMATS, Format
from scaicore_tui.export.redaction import Redactor
from scaicore_tui.session.exports import ExportReader, callable_from_threads, read_redaction_key, write_file
from scaicore_tui.timefmt import MICROS_PER_SECOND

if TYPE_CHECKING:
    from scaicore_tui.session.session import Session


class FileRequest(Struct, frozen=True):
    """Runs to write to a file. `replaces` an existing file only if a person said so."""

    execution_ids: tuple[str, ...]
    format: Format
    path: Path
    is_redacted: bool
    replaces: bool = False


class WrittenFile(Struct, frozen=True):
    """The result: the size in bytes and what was redacted, or the `problem`. Nothing was written if it `exists`."""

    path: Path
    size: int = 0
    redacted: Sequence[Redacted] = ()
    problem: str = ""
    exists: bool = False


def new_redactor(paths: Sequence[str]) -> Redactor:
    """Return a redactor with this person's key, or with one for this export if it cannot be kept."""
    try:
        return Redactor(read_redaction_key(redaction_key_file()), paths)
    except ConfigError:  # There is no home folder.
        return Redactor(read_redaction_key(None), paths)


async def write_runs(session: Session, request: FileRequest) -> WrittenFile:
    """Write the file in a thread. Never raises a ScaicoreError: it is in the result."""
    redactor = new_redactor(session.target.redact) if request.is_redacted else None
    find_flow = callable_from_threads(session.flows.view) if FORMATS[request.format].shows_flow else None
    known_until = session.known_until or int(session.now * MICROS_PER_SECOND)
    sent = (one for one in session.submissions if one.is_replay and one.execution_id)
    replays = {one.execution_id: one.target_id for one in sent if one.execution_id and one.target_id}
    reader = ExportReader(session.stored_runs, session, known_until, redactor, find_flow, replays)
    export = Export(
        reader.read(map(session.stored_runs.find_one, request.execution_ids)),
        int(session.now * MICROS_PER_SECOND),
        session.target.title,
        session.target.link_profile,
        is_one_run=len(request.execution_ids) == 1,
        is_redacted=redactor is not None,
        summary=tuple if redactor is None else redactor.summary,
    )
    return await asyncio.to_thread(_write, export, request)


def _write(export: Export, request: FileRequest) -> WrittenFile:
    try:
        if request.path.exists() and not request.replaces:
            return WrittenFile(request.path, exists=True)
        size = write_file(request.path, FORMATS[request.format].load()(export))
    except ScaicoreError as error:
        return WrittenFile(request.path, problem=str(error))
    except OSError as error:
        return WrittenFile(request.path, problem=f"{error.strerror}")
    return WrittenFile(request.path, size, export.redacted)
