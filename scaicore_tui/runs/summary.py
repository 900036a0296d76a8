"""The summary of a run: what lists show and filters search.

All summaries are stored with the events, so that neither a list nor a start has to read events. In memory are only
those that were used last.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from itertools import islice

import msgspec

from scaicore_tui.runs.model import NULL_DIGEST, NodeState, Run, RunStatus, RunTiming
from scaicore_tui.units import Micros, Position

# Increase with every change of the reducer or of the fields: stored summaries of other versions are rebuilt.
SUMMARY_VERSION = 2
# The events intern errors and names in full.
MAX_ERROR_CHARS = 400
MAX_NAME_CHARS = 200
# Of a run with more nodes, the summary has the newest.
MAX_NODES = 500
_STATE_CODES = {NodeState.ENTERED: "e", NodeState.EXITED: "x", NodeState.FAILED: "f"}
_STATES = {letter: state for state, letter in _STATE_CODES.items()}


class Summary(RunTiming, msgspec.Struct, array_like=True, gc=False):
    """One run in a few hundred bytes. `position` is that of its first event.

    Other fields mean the same as in `Run`. `node_ids` and `node_state_codes` (a letter each) have the newest nodes, in
    the order of their first visits. `status` is set by the index, as it depends on pending checkpoints. Stored as an
    array: fields may only be added at the end.
    """

    execution_id: str
    position: Position
    core_id: str | None = None
    outcome: RunStatus | None = None
    started_at: Micros | None = None
    ended_at: Micros | None = None
    first_event_at: Micros | None = None
    last_event_at: Micros | None = None
    reported_ms: float | int | None = None
    joined_late: bool = True
    is_runtime: bool = False
    input_digest: int = NULL_DIGEST
    output_digest: int = NULL_DIGEST
    error: str | None = None
    instance_key: str | None = None
    event_count: int = 0
    node_ids: tuple[str | None, ...] = ()
    node_state_codes: str = ""
    status: RunStatus = RunStatus.UNKNOWN

    @property
    def node_states(self) -> Sequence[NodeState]:
        """The state of each of `node_ids`."""
        return [_STATES[letter] for letter in self.node_state_codes]

    @property
    def failed_node(self) -> str | None:
        """The failed node that was entered last: of nested nodes, the one where it failed. None if none has an id."""
        index = self.node_state_codes.rfind(_STATE_CODES[NodeState.FAILED])
        return None if index < 0 else self.node_ids[index]


def summary_of(run: Run, position: Position) -> Summary:
    """Return the summary of a run whose first event is at `position`."""
    nodes = list(islice(reversed(run.nodes.values()), MAX_NODES))[::-1]
    return intern_fields(
        Summary(
            execution_id=run.execution_id,
            position=position,
            core_id=_truncate(run.core_id, MAX_NAME_CHARS),
            outcome=run.outcome,
            started_at=run.started_at,
            ended_at=run.ended_at,
            first_event_at=run.first_event_at,
            last_event_at=run.last_event_at,
            reported_ms=run.reported_ms,
            joined_late=run.joined_late,
            is_runtime=run.is_runtime,
            input_digest=run.input_digest,
            output_digest=run.output_digest,
            error=_truncate(run.error, MAX_ERROR_CHARS),
            instance_key=_truncate(run.instance_key, MAX_NAME_CHARS),
            event_count=run.event_count,
            node_ids=tuple([_truncate(node.node_id, MAX_NAME_CHARS) for node in nodes]),
            node_state_codes="".join([_STATE_CODES[node.state] for node in nodes]),
        )
    )


def status_of(summary: Summary) -> RunStatus:
    """Return the status of a run as far as its events tell: whether it waits, only its checkpoints tell."""
    if summary.outcome is not None:
        return summary.outcome
    return RunStatus.RUNNING if summary.is_runtime else RunStatus.UNKNOWN


def with_status(summary: Summary, waiting: Collection[str]) -> Summary:
    """Set the status of `summary`, and return it; `waiting` are the ids of runs with a pending checkpoint."""
    status = status_of(summary)
    is_open = status in (RunStatus.RUNNING, RunStatus.UNKNOWN)
    summary.status = RunStatus.WAITING if is_open and summary.execution_id in waiting else status
    return summary


def to_partial_run(summary: Summary) -> Run:
    """Return a run that has only the fields of its summary, marked as loading."""
    values = {name: getattr(summary, name) for name in Run.__struct_fields__ if name in Summary.__struct_fields__}
    return Run(**values, is_loading=True)


def _truncate(text: str | None, max_chars: int) -> str | None:
    return text if text is None or len(text) <= max_chars else text[:max_chars]


def encode_summary(summary: Summary) -> bytes:
    """Return the JSON of a summary, as stored."""
    try:
        return _encode(summary)
    except (UnicodeEncodeError, OverflowError):
        # msgspec can't write unpaired surrogates, nor numbers of more than 64 bits.
        return json.dumps(msgspec.to_builtins(summary)).encode()


def decode_summary(source: bytes) -> Summary:
    """Return the summary stored as `source`. Raises ValueError or TypeError if it is not one."""
    try:
        return intern_fields(_decode(source))
    except msgspec.DecodeError:
        return intern_fields(msgspec.convert(json.loads(source), Summary))


# Most runs have the same few Cores and nodes: each such value is in memory once.
_interned: dict[object, object] = {}
MAX_INTERNED_VALUES = 20_000


def intern_fields(summary: Summary) -> Summary:
    """Replace field values of `summary` by equal objects that other summaries use; return it."""
    if len(_interned) > MAX_INTERNED_VALUES:
        _interned.clear()
    intern = _interned.setdefault
    summary.core_id = intern(summary.core_id, summary.core_id)  # type: ignore[assignment]
    summary.node_ids = intern(summary.node_ids, summary.node_ids)  # type: ignore[assignment]
    summary.node_state_codes = intern(summary.node_state_codes, summary.node_state_codes)  # type: ignore[assignment]
    return summary


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Summary).decode
