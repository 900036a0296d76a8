"""Lines of the ledger: what each says, and which entries they make together.

A line is decoded strictly. One that can't be decoded is counted and passed over, whatever is in it: it never raises.
"""

from __future__ import annotations

import json
import os
from typing import Annotated, Any

from msgspec import Meta, Struct, convert, field
from msgspec.structs import asdict, replace

from scaicore_tui.actions.submission import Kind, Progress
from scaicore_tui.config import Caller, Identity
from scaicore_tui.json_text import write
from scaicore_tui.protocol import envelope, lenient_json

# No answer is waited for any longer than this, in seconds; a process of that number is another one by then.
MAX_WRITE_S = 600.0
OPEN_PROGRESS = frozenset({Progress.SENDING, Progress.ACCEPTED, Progress.UNKNOWN})
# The first line of a file that was pruned: it tells readers that the file is another one.
REWRITTEN = "rewritten"

# Seconds from 1970 to the year 5138: a date can tell it.
UnixSeconds = Annotated[float, Meta(ge=0, le=1e11)]
NonEmptyText = Annotated[str, Meta(min_length=1)]
# What a system takes for the number of a process.
Pid = Annotated[int, Meta(ge=1, lt=2**31)]

# Whatever decoding an odd line raises.
_DECODE_ERRORS = (ValueError, RecursionError)


class State(Struct, frozen=True, omit_defaults=True):
    """How far a write got at a moment, and why."""

    at: UnixSeconds
    progress: Progress
    message: str = ""
    request_id: str | None = None


class Entry(Struct, frozen=True):
    """One write: what was sent, by whom, and the states it went through. `at` is in seconds since 1970.

    `is_left` where its session was closed before it knew what came of it. `input_json` is the input as it was sent, and
    `input` its value. Of a finished write the ledger keeps only the beginning, `input_start` of `input_size` bytes.
    """

    id: NonEmptyText
    at: UnixSeconds
    pid: Pid
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
    states: tuple[State, ...] = field(default_factory=tuple)
    is_left: bool = False
    input_json: bytes | None = None
    input_size: int | None = None
    input_start: str | None = None
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
        return identity.can_look_up(self.identity) and identity.core in (None, self.core_id)

    @property
    def progress(self) -> Progress:
        """How far it got, as far as was written down."""
        return self.states[-1].progress

    @property
    def updated_at(self) -> float:
        """When something was written down of it last, in seconds since 1970."""
        return max(self.at, self.states[-1].at)

    @property
    def is_open(self) -> bool:
        """Whether what came of it is still to be told."""
        return self.progress in OPEN_PROGRESS

    def is_orphaned(self, now: float) -> bool:
        """Whether nobody waits for its answer any more, at `now` in seconds since 1970: whoever sent it is gone."""
        return self.is_left or (
            self.pid != os.getpid() and (now - self.at > MAX_WRITE_S or not _is_process_alive(self.pid))
        )

    @property
    def has_replay_run(self) -> bool:
        """Whether the run that a replay started is known, or likely."""
        return self.kind is Kind.REPLAY and self.execution_id not in (None, self.target_id)

    def conflicts_with(self, other: Entry) -> bool:
        """Whether both would change the same thing."""
        same_kind = (self.kind is Kind.REPLAY) == (other.kind is Kind.REPLAY)
        return same_kind and self.target_id == other.target_id and self._has_same_targets(other)

    def _has_same_targets(self, other: Entry) -> bool:
        ours, theirs = self.identity, other.identity
        return self.host == other.host if ours is None or theirs is None else ours.has_same_targets(theirs)


class EntryIndex:
    """The entries that the lines of a ledger make, by id, oldest first."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        # How many lines can't be read.
        self.unreadable_count = 0

    def add(self, line: bytes) -> None:
        """Take in one line."""
        if not line.strip():
            return
        try:
            told, source = _parse_line(line)
            if told.keys() != {REWRITTEN}:
                self._add_object(told, source)
        except _DECODE_ERRORS:
            self.unreadable_count += 1

    def _add_object(self, told: dict[str, Any], source: bytes | None) -> None:
        identity = convert(told.get("id"), NonEmptyText)
        known = self.entries.get(identity)
        if told.get("is_left") is True:
            if known is not None:
                self.entries[identity] = replace(known, is_left=True)
        elif known is None:
            self._add_entry(told, source)
        else:
            execution_id = convert(told.get("execution_id", known.execution_id), str | None)
            states = (*known.states, convert(told, State))
            self.entries[identity] = replace(known, execution_id=execution_id, states=states)

    def _add_entry(self, told: dict[str, Any], source: bytes | None) -> None:
        """The first line of a write; a state of one whose first line can't be read says nothing."""
        if "kind" not in told:
            convert(told, State)
            return
        entry = convert({name: told[name] for name in told if name not in _NOT_WRITTEN}, Entry)
        source = source if entry.input_size is None else None
        value = None if source is None else lenient_json.parse_or_unparsed(envelope.decode(source))
        try:
            state = convert(told, State)
        except ValueError:
            # It was claimed, by a version that knows more states: as far as we know it is being sent.
            self.unreadable_count += 1
            state = State(entry.at, Progress.SENDING)
        value = None if value is lenient_json.UNPARSED else value
        self.entries[entry.id] = replace(entry, states=(state,), input=value, input_json=source)


_NOT_WRITTEN = ("input", "states", "is_left", "input_json")


def _parse_line(line: bytes) -> tuple[dict[str, Any], bytes | None]:
    """The members of a line but its input, and that as it stands there. Raises ValueError where it is no object."""
    text, source = line.decode("utf-8-sig"), None
    if (span := lenient_json.find_span(text, "input") if '"input"' in text else None) is not None:
        start, end = span
        source, text = text[start:end].encode(), f"{text[:start]}null{text[end:]}"
    told = json.loads(text)
    if not isinstance(told, dict):
        raise ValueError("it is no object")
    # A name without a value says as much as no name.
    return {name: value for name, value in told.items() if value is not None}, source


def claim_line(entry: Entry) -> bytes:
    """The line that claims a write: all that is known of it, its input as it is sent."""
    told = {name: value for name, value in asdict(entry).items() if value is not None and name not in _NOT_WRITTEN}
    line = json.dumps(told | {"progress": str(Progress.SENDING)}).encode()
    source = entry.input_json
    if source is None and entry.input is not None:
        source = write(entry.input, ascii_only=True, non_finite="null").encode()
    # A line break in valid JSON stands outside of strings, and means no more than a space.
    flat = None if source is None else source.replace(b"\r", b" ").replace(b"\n", b" ")
    return line if flat is None else b'%s, "input": %s}' % (line[:-1], flat)


def state_line(entry_id: str, at: float, progress: Progress, facts: dict[str, Any]) -> bytes:
    """The line that tells how far a write got."""
    told = {name: value for name, value in facts.items() if value not in (None, "")}
    return json.dumps({"id": entry_id, "at": at, "progress": str(progress), **told}).encode()


def release_line(entry_id: str) -> bytes:
    """The line that says that nobody waits for that write any more."""
    return json.dumps({"id": entry_id, "is_left": True}).encode()


def shorten_input(line: bytes, entry: Entry, max_chars: int) -> bytes:
    """The first line of `entry` with no more than the first `most` characters of its input; all else as it is."""
    text = line.decode("utf-8-sig")
    span = lenient_json.find_span(text, "input")
    if span is None or entry.input_json is None:
        return line
    kept = {"input_size": len(entry.input_json), "input_start": entry.input_json.decode()[:max_chars]}
    return f"{text[: span[0]]}null, {json.dumps(kept)[1:-1]}{text[span[1] :]}".encode()


def read_id(line: bytes) -> str | None:
    """The id of the write that a line is about; None where it can't be read, or is about none."""
    try:
        told, _ = _parse_line(line)
        return convert(told.get("id"), str | None)
    except _DECODE_ERRORS:
        return None


def _is_process_alive(pid: int) -> bool:
    if os.name != "posix":
        return True  # there, the question would kill it
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
