"""What a list shows of a run, what a filter searches, and what is looked for in many runs at once.

Kept in memory for all runs and stored with their events, so that neither a long list nor a start needs a fold.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice

import msgspec

from scaicore_tui.runs.model import NULL_DIGEST, NodeState, Run, RunStatus, RunTiming

# Changes whenever the fold, or what is kept of it, does: summaries that another number made are made anew.
SUMMARY_VERSION = 2
# An error is kept in full with its event, and so are names.
MAX_ERROR_CHARS = 400
MAX_NAME_CHARS = 200
# Of a run with more nodes, the newest are kept.
MAX_NODES = 500
_STATE_CODES = {NodeState.ENTERED: "e", NodeState.EXITED: "x", NodeState.FAILED: "f"}
_STATES = {letter: state for state, letter in _STATE_CODES.items()}


class Summary(RunTiming, msgspec.Struct, array_like=True, gc=False):
    """One run in a few hundred bytes. `place` is that of its first event in the feed: the oldest is lowest.

    The fields mean what they do in a Run; `status` is not stored, as it depends on what is pending now.
    """

    execution_id: str
    position: int
    core_id: str | None = None
    outcome: RunStatus | None = None
    started_at: int | None = None
    ended_at: int | None = None
    first_event_at: int | None = None
    last_event_at: int | None = None
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
        """The state of each node, of the newest, in the order they were first entered."""
        return [_STATES[letter] for letter in self.node_state_codes]


def summary_of(run: Run, position: int) -> Summary:
    """The summary of a run whose first event stands at `place`."""
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


def to_partial_run(summary: Summary) -> Run:
    """The run, as far as its summary tells."""
    told = {name: getattr(summary, name) for name in Run.__struct_fields__ if name in Summary.__struct_fields__}
    return Run(**told, is_loading=True)


def _truncate(text: str | None, max_chars: int) -> str | None:
    return text if text is None or len(text) <= max_chars else text[:max_chars]


def encode_summary(summary: Summary) -> bytes:
    """The summary as it is stored: JSON."""
    try:
        return _encode(summary)
    except (UnicodeEncodeError, OverflowError):
        # Half a character, or a number of more than 64 bits.
        return json.dumps(msgspec.to_builtins(summary)).encode()


def decode_summary(source: bytes) -> Summary:
    """The summary that was stored. Raises ValueError where it is none."""
    try:
        return intern_fields(_decode(source))
    except msgspec.DecodeError:
        return intern_fields(msgspec.convert(json.loads(source), Summary))


# Most runs go through the same few nodes of the same few Cores: each such text is kept once.
_interned: dict[object, object] = {}
MAX_INTERNED_VALUES = 20_000


def intern_fields(summary: Summary) -> Summary:
    """The summary, with what it has in common with others held in common."""
    if len(_interned) > MAX_INTERNED_VALUES:
        _interned.clear()
    keep = _interned.setdefault
    summary.core_id = keep(summary.core_id, summary.core_id)  # type: ignore[assignment]
    summary.node_ids = keep(summary.node_ids, summary.node_ids)  # type: ignore[assignment]
    summary.node_state_codes = keep(summary.node_state_codes, summary.node_state_codes)  # type: ignore[assignment]
    return summary


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Summary).decode
