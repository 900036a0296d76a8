"""The ledger: every write that was ever asked for, as JSON lines, each synced to disk before it goes out. Append-only.

It is also what makes a write happen once when several processes of this program run: a write is claimed here first.
What it never holds is a secret.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import asdict, replace

from scaicore_tui.actions.submission import Kind, Progress
from scaicore_tui.config import Caller, Identity
from scaicore_tui.errors import ConfigError
from scaicore_tui.lock import OWNER_ONLY_FILE, Lock

# So many seconds a process that writes a line down may hold the others up.
PATIENCE = 30.0
# No answer is waited for any longer than this, in seconds; a process of that number is another one by then.
LONGEST_WAIT = 600.0
OPEN = frozenset({Progress.SENDING, Progress.ACCEPTED, Progress.UNKNOWN})


class Entry(Struct, frozen=True):
    """One write: what was sent, by whom, and the states it went through. `at` is in seconds since 1970.

    `is_left` where its session was closed before it knew what came of it.
    """

    id: str
    at: float
    pid: int
    profile: str
    host: str
    kind: Kind
    target_id: str
    core_id: str | None = None
    execution_id: str | None = None
    resolution: str | None = None
    comment: str | None = None
    input: Any = None
    entity_id: str | None = None
    states: tuple[dict[str, Any], ...] = field(default_factory=tuple)
    is_left: bool = False
    # Whose write it is, beside profile and host; none of it is known of what older programs wrote.
    url: str | None = None
    subject: str | None = None
    tenant: str | None = None
    key: str | None = None

    @property
    def identity(self) -> Identity | None:
        """The feed that it was sent to; None where only the host is known."""
        if self.url is None:
            return None
        caller = Caller(self.subject, self.tenant, self.key)
        return Identity(self.url, self.profile, caller=None if caller == Caller() else caller)

    def is_sent_to(self, identity: Identity) -> bool:
        """Whether what came of it can be looked up there: not at another API on its host, nor as another caller."""
        if self.identity is None:
            return self.profile == identity.profile and self.host == identity.host
        return identity.may_look_up(self.identity) and identity.core in (None, self.core_id)

    @property
    def progress(self) -> Progress:
        """How far it got, as far as was written down."""
        return Progress(self.states[-1]["progress"])

    @property
    def is_open(self) -> bool:
        """Whether what came of it is still to be told."""
        return self.progress in OPEN

    def is_orphan(self, now: float) -> bool:
        """Whether nobody waits for its answer any more, at `now` in seconds since 1970: whoever sent it is gone."""
        return self.is_left or (self.pid != os.getpid() and (now - self.at > LONGEST_WAIT or not _lives(self.pid)))

    @property
    def found(self) -> bool:
        """Whether the run that a replay started is known, or likely."""
        return self.kind is Kind.REPLAY and self.execution_id is not None

    def is_about(self, other: Entry) -> bool:
        """Whether both would change the same thing."""
        same_kind = (self.kind is Kind.REPLAY) == (other.kind is Kind.REPLAY)
        return same_kind and self.target_id == other.target_id and self._has_same_targets(other)

    def _has_same_targets(self, other: Entry) -> bool:
        ours, theirs = self.identity, other.identity
        return self.host == other.host if ours is None or theirs is None else ours.has_same_targets(theirs)


class Ledger:
    """The ledger in a file, made with the first write, readable by its owner only; or without a file, in memory."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._kept: list[str] = []

    @property
    def is_kept(self) -> bool:
        """Whether it outlives this process."""
        return self._path is not None

    def claim(self, entry: Entry) -> str | None:
        """Write `entry` down as being sent, unless an earlier write forbids it: then the reason.

        Raises ConfigError where it can't be written down; nothing must be sent then.
        """
        with self._locked():
            reason = _why_not(entry, [old for old in self.entries() if old.is_about(entry)])
            if reason is None:
                self._append(_first_line(entry), synced=True)
        return reason

    def note(self, entry_id: str, at: float, progress: Progress, **facts: Any) -> None:
        """Write down how far a write got. Not synced: what a crash takes of this is looked up again."""
        told = {name: value for name, value in facts.items() if value not in (None, "")}
        with self._locked():
            self._append({"id": entry_id, "at": at, "progress": str(progress), **told})

    def leave(self, entry_id: str) -> None:
        """Write down that nobody waits for that write any more: the next session looks it up."""
        with self._locked():
            self._append({"id": entry_id, "is_left": True})

    def entries(self) -> list[Entry]:
        """All writes, oldest first, with all their states."""
        found: dict[str, Entry] = {}
        for line in self._lines():
            _read_line(found, line)
        return list(found.values())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone among the processes that share the file, which is made where there is none."""
        if self._path is None:
            yield
            return
        try:
            with Lock(self._path, PATIENCE):
                self._path.touch(mode=OWNER_ONLY_FILE)
                self._path.chmod(OWNER_ONLY_FILE)
                yield
        except OSError as error:
            raise ConfigError(f"the ledger {self._path} can't be written: {error.strerror or error}") from error

    def _lines(self) -> Iterable[str]:
        if self._path is None:
            return self._kept
        try:
            return self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return ()

    def _append(self, line: dict[str, Any], *, synced: bool = False) -> None:
        text = json.dumps(line)
        if self._path is None:
            self._kept.append(text)
        else:
            _write_down(self._path, text, synced=synced)


def _write_down(path: Path, text: str, *, synced: bool) -> None:
    """Append a line, behind a cut-off one on a new line; where `synced`, return when the disk has it."""
    with path.open("a+b") as file:
        file.seek(0, os.SEEK_END)
        if file.tell():
            file.seek(-1, os.SEEK_END)
            text = text if file.read(1) == b"\n" else f"\n{text}"
        file.write(f"{text}\n".encode())
        file.flush()
        if synced:
            os.fsync(file.fileno())


def _first_line(entry: Entry) -> dict[str, Any]:
    said = {
        name: value for name, value in asdict(entry).items() if value is not None and name not in ("states", "is_left")
    }
    return said | {"progress": str(Progress.SENDING)}


def _read_line(found: dict[str, Entry], line: str) -> None:
    """Take in one line; one that a crash cut off says nothing."""
    try:
        told = json.loads(line)
        if told.get("is_left") is True:
            found[told["id"]] = replace(found[told["id"]], is_left=True)
            return
        state = {name: told[name] for name in ("at", "progress", "message", "request_id") if name in told}
        known = found.get(told["id"])
        if known is None:
            entry = {name: told[name] for name in Entry.__struct_fields__ if name in told}
            known = Entry(**(entry | {"kind": Kind(told["kind"])}))
        execution_id = told.get("execution_id", known.execution_id)
        found[known.id] = replace(known, execution_id=execution_id, states=(*known.states, state))
    except (ValueError, KeyError, TypeError):
        return


def _why_not(entry: Entry, earlier: list[Entry]) -> str | None:
    """Why `entry` may not be sent after the `earlier` writes to the same target."""
    last = earlier[-1] if earlier else None
    if last is None:
        return None
    if last.progress is Progress.SENDING and not last.is_orphan(entry.at):
        return f"another scaicore-tui (process {last.pid}) is sending to it"
    if last.progress in (Progress.SENDING, Progress.UNKNOWN) and not (entry.kind is Kind.REPLAY and last.found):
        return "it was sent before, and what came of that is not known yet: it is looked up"
    if last.progress in (Progress.ACCEPTED, Progress.CONFIRMED) and entry.kind is not Kind.REPLAY:
        return f"it was answered from this machine: {last.resolution}"
    return None


def _lives(pid: int) -> bool:
    if os.name != "posix":
        return True  # there, the question would kill it
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
