"""The lines of the ledger: encode them, decode them, and combine them into entries.

A line is decoded strictly. A line that cannot be decoded is counted and skipped; it never raises.
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

# Longest time that a process waits for a response. Later, its process id may belong to another process.
MAX_WRITE_S = 600.0
OPEN_PROGRESS = frozenset({Progress.SENDING, Progress.ACCEPTED, Progress.UNKNOWN})
# Key of the first line of a pruned file. It has a new value each time: readers detect that the file was replaced.
REWRITTEN = "rewritten"

# Seconds since 1970, up to the year 5138: the largest that a date can represent.
UnixSeconds = Annotated[float, Meta(ge=0, le=1e11)]
NonEmptyText = Annotated[str, Meta(min_length=1)]
# A process id, in the range that operating systems accept.
Pid = Annotated[int, Meta(ge=1, lt=2**31)]

# All that decoding a malformed line can raise.
_DECODE_ERRORS = (ValueError, RecursionError)


class State(Struct, frozen=True, omit_defaults=True):
    """The progress of a write at one time, and why."""

    at: UnixSeconds
    progress: Progress
    message: str = ""
    request_id: str | None = None


class Entry(Struct, frozen=True):
    """One write: what was sent, by whom, and the states it went through. `at` is in seconds since 1970.

    is_left: its session was closed before the outcome was known.
    input_json, input: the input of a replay as it was sent, and its value.
    input_start, input_size: for a finished write, the beginning of the input and its size in bytes; no `input` then.
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
    # The feed and the caller. Older versions of the program did not record them.
    url: str | None = None
    subject: str | None = None
    tenant: str | None = None
    key: str | None = None

    @property
    def identity(self) -> Identity | None:
        """The feed that it was sent to; None if only the host is known."""
        if self.url is None:
            return None
        caller = Caller(self.subject, self.tenant, self.key)
        return Identity(self.url, self.profile, caller=None if caller == Caller() else caller)

    def is_sent_to(self, identity: Identity) -> bool:
        """Return True if its outcome can be looked up as `identity`: the same API and the same caller."""
        if self.identity is None:
            return self.profile == identity.profile and self.host == identity.host
        return identity.can_look_up(self.identity) and identity.core in (None, self.core_id)

    @property
    def progress(self) -> Progress:
        """The last recorded progress."""
        return self.states[-1].progress

    @property
    def updated_at(self) -> float:
        """The time of the last record about it, in seconds since 1970."""
        return max(self.at, self.states[-1].at)

    @property
    def is_open(self) -> bool:
        """True if its final outcome is not recorded yet."""
        return self.progress in OPEN_PROGRESS

    def is_orphaned(self, now: float) -> bool:
        """Return True if no process waits for its response any more, at `now` in seconds since 1970."""
        return self.is_left or (
            self.pid != os.getpid() and (now - self.at > MAX_WRITE_S or not _is_process_alive(self.pid))
        )

    @property
    def has_replay_run(self) -> bool:
        """True if it is a replay whose new run is known or likely."""
        return self.kind is Kind.REPLAY and self.execution_id not in (None, self.target_id)

    def conflicts_with(self, other: Entry) -> bool:
        """Return True if both write to the same target: both resolve one checkpoint, or both replay one run."""
        same_kind = (self.kind is Kind.REPLAY) == (other.kind is Kind.REPLAY)
        return same_kind and self.target_id == other.target_id and self._has_same_targets(other)

    def _has_same_targets(self, other: Entry) -> bool:
        if self.identity is None or other.identity is None:
            return self.host == other.host
        return self.identity.has_same_targets(other.identity)


class EntryIndex:
    """All entries of a ledger by id, oldest first, built from its lines."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        # The number of lines that cannot be decoded.
        self.unreadable_count = 0

    def add(self, line: bytes) -> None:
        """Apply one line."""
        if not line.strip():
            return
        try:
            fields, input_json = _parse_line(line)
            if fields.keys() != {REWRITTEN}:
                self._add_object(fields, input_json)
        except _DECODE_ERRORS:
            self.unreadable_count += 1

    def _add_object(self, fields: dict[str, Any], input_json: bytes | None) -> None:
        entry_id = convert(fields.get("id"), NonEmptyText)
        known = self.entries.get(entry_id)
        if fields.get("is_left") is True:
            if known is not None:
                self.entries[entry_id] = replace(known, is_left=True)
        elif known is None:
            self._add_entry(fields, input_json)
        else:
            execution_id = convert(fields.get("execution_id", known.execution_id), str | None)
            states = (*known.states, convert(fields, State))
            self.entries[entry_id] = replace(known, execution_id=execution_id, states=states)

    def _add_entry(self, fields: dict[str, Any], input_json: bytes | None) -> None:
        """Add the first line of a write. Ignore a later line if the first one could not be decoded."""
        if "kind" not in fields:
            convert(fields, State)
            return
        entry = convert({name: fields[name] for name in fields if name not in _NOT_WRITTEN}, Entry)
        input_json = input_json if entry.input_size is None else None
        value = None if input_json is None else lenient_json.parse_or_unparsed(envelope.decode(input_json))
        try:
            state = convert(fields, State)
        except ValueError:
            # A newer version of the program claimed it, with a progress that we do not know: treat it as being sent.
            self.unreadable_count += 1
            state = State(entry.at, Progress.SENDING)
        value = None if value is lenient_json.UNPARSED else value
        self.entries[entry.id] = replace(entry, states=(state,), input=value, input_json=input_json)


_NOT_WRITTEN = ("input", "states", "is_left", "input_json")


def _parse_line(line: bytes) -> tuple[dict[str, Any], bytes | None]:
    """Return the fields of a line without its input, and the JSON text of the input. Raises ValueError."""
    text, input_json = line.decode("utf-8-sig"), None
    if (span := lenient_json.find_span(text, "input") if '"input"' in text else None) is not None:
        start, end = span
        input_json, text = text[start:end].encode(), f"{text[:start]}null{text[end:]}"
    fields = json.loads(text)
    if not isinstance(fields, dict):
        raise ValueError("the line is not a JSON object")
    # null means the same as a missing field.
    return {name: value for name, value in fields.items() if value is not None}, input_json


def claim_line(entry: Entry) -> bytes:
    """Return the line that claims a write, with all its fields and its input as sent."""
    fields = {name: value for name, value in asdict(entry).items() if value is not None and name not in _NOT_WRITTEN}
    line = json.dumps(fields | {"progress": str(Progress.SENDING)}).encode()
    input_json = entry.input_json
    if input_json is None and entry.input is not None:
        input_json = write(entry.input, ascii_only=True, non_finite="null").encode()
    # In valid JSON, line breaks occur only between tokens: a space means the same.
    flat = None if input_json is None else input_json.replace(b"\r", b" ").replace(b"\n", b" ")
    return line if flat is None else b'%s, "input": %s}' % (line[:-1], flat)


def state_line(entry_id: str, at: float, progress: Progress, facts: dict[str, Any]) -> bytes:
    """Return the line that records the progress of a write; `facts` are its other fields."""
    fields = {name: value for name, value in facts.items() if value not in (None, "")}
    return json.dumps({"id": entry_id, "at": at, "progress": str(progress), **fields}).encode()


def release_line(entry_id: str) -> bytes:
    """Return the line that records that no session tracks the write any more."""
    return json.dumps({"id": entry_id, "is_left": True}).encode()


def shorten_input(line: bytes, entry: Entry, max_chars: int) -> bytes:
    """Return the claim line of `entry` with only the first `max_chars` characters of its input."""
    text = line.decode("utf-8-sig")
    span = lenient_json.find_span(text, "input")
    if span is None or entry.input_json is None:
        return line
    summary = {"input_size": len(entry.input_json), "input_start": entry.input_json.decode()[:max_chars]}
    return f"{text[: span[0]]}null, {json.dumps(summary)[1:-1]}{text[span[1] :]}".encode()


def read_id(line: bytes) -> str | None:
    """Return the id of the write that a line is about; None if it has none or cannot be decoded."""
    try:
        fields, _ = _parse_line(line)
        return convert(fields.get("id"), str | None)
    except _DECODE_ERRORS:
        return None


def _is_process_alive(pid: int) -> bool:
    if os.name != "posix":
        return True  # on Windows os.kill would end the process
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
