"""Reads runs for an export, redacted if asked for, and writes the file. Everything here blocks: it runs in a thread."""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from scaicore_tui.actions import Kind, Ledger
from scaicore_tui.analysis.flow_view import FlowView
from scaicore_tui.analysis.steps import build_steps
from scaicore_tui.config import ledger_file
from scaicore_tui.errors import ConfigError, StorageError
from scaicore_tui.export.exporter import ExportedRun
from scaicore_tui.export.redaction import Redactor
from scaicore_tui.json_text import to_bytes
from scaicore_tui.lock import OWNER_ONLY_FOLDER
from scaicore_tui.log import Log, error_fields
from scaicore_tui.protocol import Checkpoint, Event
from scaicore_tui.runs import Run, Summary, gaps_within, missing_events_note
from scaicore_tui.runs.cache import project
from scaicore_tui.secrets import Secret
from scaicore_tui.store.recordings import RunSource
from scaicore_tui.timefmt import to_seconds
from scaicore_tui.units import Micros

KEY_BYTES = 32
_NOTHING_WRITTEN = "nothing was written"
_log = Log(__name__)


class EventSource(Protocol):
    """The events and pending checkpoints of runs: of a session, or of a recorded file."""

    @property
    def checkpoints(self) -> Sequence[Checkpoint]:
        """The pending checkpoints."""

    def events(self, execution_id: str | None = None) -> Iterator[Event]:
        """Yield the events of one run in feed order."""


FindFlow = Callable[[Run, Sequence[Checkpoint]], FlowView | None]


def callable_from_threads(
    find: Callable[[Run, Sequence[Checkpoint]], Coroutine[None, None, FlowView | None]],
) -> FindFlow:
    """Return a function for other threads that awaits `find` on this event loop."""
    loop = asyncio.get_running_loop()
    return lambda run, checkpoints: asyncio.run_coroutine_threadsafe(find(run, checkpoints), loop).result()


class ExportReader:
    """Reads the runs of `runs`, with their events from `events`.

    Args:
        now: the time until which the events are known, in microseconds since 1970.
        find_flow: returns a run in its flow; None if the format shows no flow.
        replays: ids of the runs that replays repeat, by the id of the replay.
    """

    def __init__(
        self,
        runs: RunSource,
        events: EventSource,
        now: Micros,
        redactor: Redactor | None = None,
        find_flow: FindFlow | None = None,
        replays: Mapping[str, str] | None = None,
    ) -> None:
        self._runs = runs
        self._source = events
        self._now = now
        self._redactor = redactor
        self._find_flow = find_flow
        self._replays = replays or {}

    def read(self, summaries: Iterable[Summary]) -> Iterator[ExportedRun]:
        """Yield the complete runs. Raises StorageError."""
        return (self._read(summary) for summary in summaries)

    def _read(self, summary: Summary) -> ExportedRun:
        events = [self._redact(event) for event in self._source.events(summary.execution_id)]
        run, _ = project(summary.execution_id, ((summary.position + n, event) for n, event in enumerate(events)))
        run.status = summary.status
        checkpoints = [
            row if self._redactor is None else self._redactor.checkpoint(row)
            for row in self._source.checkpoints
            if row.execution_id == summary.execution_id
        ]
        flow = None if self._find_flow is None else self._find_flow(run, checkpoints)
        if flow is not None and self._redactor is not None:
            flow = self._redactor.flow(flow)
        missing = missing_events_note(summary, self._runs.gaps, to_seconds(self._now))
        graph = None if flow is None else flow.graph
        is_proven = graph is not None and not graph.is_likely
        return ExportedRun(
            run,
            build_steps(run, graph, is_complete=is_proven and not missing),
            events,
            self._now,
            missing,
            gaps_within(summary, self._runs.gaps),
            flow,
            checkpoints,
            self._original(summary.execution_id),
        )

    def _original(self, execution_id: str) -> str | None:
        original = self._replays.get(execution_id)
        return original if original is None or self._redactor is None else self._redactor.text(original)

    def _redact(self, event: Event) -> Event:
        return event if self._redactor is None else self._redactor.event(event)


def read_replays() -> Mapping[str, str]:
    """Return the runs that replays from this machine repeat, by the id of the replay; none if that cannot be read."""
    try:
        entries = Ledger(ledger_file()).entries()
    except (ConfigError, StorageError) as error:
        _log.warning("ledger cannot be read", **error_fields(error))
        return {}
    sent = (entry for entry in entries if entry.kind is Kind.REPLAY)
    return {entry.execution_id: entry.target_id for entry in sent if entry.execution_id and entry.target_id}


def read_redaction_key(path: Path | None) -> Secret:
    """Return the key of this person's redactions, kept in the file `path`: equal values stay equal from file to file.

    Without a path, or where it cannot be kept, the key is for this export only.
    """
    if path is None:
        return Secret(secrets.token_hex(KEY_BYTES))
    try:
        path.parent.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
        try:
            # Created readable by its owner only; another process may be the first.
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(KEY_BYTES))
        except FileExistsError:
            pass
        known = path.read_text("ascii").strip()
    except (OSError, ValueError):
        known = ""
    return Secret(known if len(known) == 2 * KEY_BYTES else secrets.token_hex(KEY_BYTES))


def write_file(path: Path, parts: Iterable[str]) -> int:
    """Write a file and return its size in bytes. A file of that name is replaced once all parts are written.

    A link stays one: the file that it names is written. A device or a pipe is written to, never replaced.

    Raises StorageError. Then nothing was written; of a device or a pipe, a part may have been.
    """
    try:
        # Not resolved: what /dev/stdout leads to may have no name.
        if path.exists() and not (path.is_file() or path.is_dir()):
            with path.open("wb", buffering=0) as device:
                return _write_parts(device, parts)
        return _replace(path.resolve(), parts)
    except OSError as error:
        hint = f"{error.strerror or 'no reason is known'}: choose another file"
        raise StorageError(f"can't write {path}", effect=_NOTHING_WRITTEN, hint=hint) from error


def _replace(path: Path, parts: Iterable[str]) -> int:
    """Write a file beside `path`, then put it in its place. Raises OSError, or what `parts` raises."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:60]}-")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            size = _write_parts(file, parts)
        _share_as_usual(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return size


def _write_parts(file: BinaryIO, parts: Iterable[str]) -> int:
    size = 0
    for part in parts:
        data = memoryview(to_bytes(part))
        size += len(data)
        while data:
            data = data[file.write(data) :]
    return size


def _share_as_usual(path: Path) -> None:
    """Give a file the mode of a new one: it is meant to be passed on, unlike the journal."""
    umask = os.umask(0o077)
    os.umask(umask)
    path.chmod(0o666 & ~umask)
