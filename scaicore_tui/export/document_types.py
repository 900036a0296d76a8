"""The types of the JSON documents that commands print with `--json`. Fields may be added, never changed.

The schemas are generated from these types (`cli/schemas.py`), and mypy checks the code that builds the documents. They
describe plain dictionaries, so that only the schemas import this module. What a field means is in its `Meta`.
"""

# Without `from __future__ import annotations`: TypedDict would not see NotRequired.
from typing import Annotated, Any, NotRequired, TypedDict

from msgspec import Meta

from scaicore_tui.analysis.run_groups import Trend
from scaicore_tui.analysis.steps import ATTEMPT, ITERATION, NOT_REACHED, PARENT
from scaicore_tui.runs.model import NodeState, RunStatus
from scaicore_tui.runs.status_style import NODE_STYLES
from scaicore_tui.runs.transitions import TransitionKind

# The values of `actions.submission.Kind` and `Progress`, which this package must not import.
WRITE_KINDS = ("answer", "continue", "replay")
WRITE_PROGRESS = ("sending", "not sent", "accepted", "confirmed", "refused", "conflict", "unknown", "absent")


def _one_of(*values: str | None, description: str | None = None) -> Meta:
    """Return the constraint that a value is one of `values`, and what it means."""
    return Meta(
        extra_json_schema={"enum": [None if value is None else str(value) for value in values]}, description=description
    )


_TIME = Meta(description="ISO 8601, in UTC.", pattern=r"^\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
Time = Annotated[str, _TIME]
Count = Annotated[int, Meta(ge=0)]
Milliseconds = Annotated[float, Meta(ge=0)]
WriteKind = Annotated[str, _one_of(*WRITE_KINDS)]
WriteProgress = Annotated[str, _one_of(*WRITE_PROGRESS)]


class ResultDocument(TypedDict):
    """The result of a visit."""

    result_binding: Annotated[str | None, Meta(description="Name of the variable that the result is bound to.")]
    result_binding_value: Annotated[Any, Meta(description="The result: any JSON.")]
    result_binding_truncated: Annotated[bool, Meta(description="True if the result was too large for the API to send.")]


class VisitDocument(ResultDocument):
    """One passage of the run through a node."""

    state: Annotated[str, _one_of(*NodeState)]
    entered_at: Time | None
    ended_at: Time | None
    duration_ms: Annotated[Milliseconds | None, Meta(description="Milliseconds; null if unknown or not ended.")]
    error: str | None


class NodeDocument(TypedDict):
    """A node of a run, with its visits."""

    node_id: Annotated[str | None, Meta(description="Null for the blocks of a kind that have no id.")]
    block_kind: str | None
    state: Annotated[str, _one_of(*NodeState)]
    color: Annotated[str, _one_of(*(style.colour for style in NODE_STYLES.values()))]
    visit_count: Annotated[
        Count, Meta(description="Number of visits. If there are very many, `visits` has only the newest.")
    ]
    visits: Annotated[list[VisitDocument], Meta(min_length=1, description="Oldest first.")]


class RunDocument(TypedDict):
    """One run."""

    execution_id: str
    core_id: str | None
    status: Annotated[str, _one_of(*RunStatus)]
    started_at: Time | None
    ended_at: Time | None
    duration_ms: Annotated[Milliseconds | None, Meta(description="Milliseconds; null if unknown or not ended.")]
    joined_late: Annotated[bool, Meta(description="True if the start of the run was not read.")]
    input: Annotated[Any, Meta(description="Captured input: any JSON.")]
    output: Annotated[Any, Meta(description="Any JSON; null until the run ends.")]
    error: str | None
    instance_key: str | None
    event_count: Annotated[Count, Meta(description="Number of events without duplicates.")]
    last_event_at: Time | None
    oddities: Annotated[list[str], Meta(description="Anomalies: events that a correct run does not have.")]
    nodes: Annotated[list[NodeDocument], Meta(description="In the order of their first visit.")]


class StepDocument(TypedDict):
    """A visit with its place in the run, or a node that the run did not reach."""

    node_id: str | None
    block_kind: str | None
    state: Annotated[str | None, _one_of(*NodeState, None, description="Null if the run did not reach the node.")]
    entered_at: Time | None
    ended_at: Time | None
    duration_ms: Annotated[Milliseconds | None, Meta(description="Milliseconds; null if unknown or not ended.")]
    offset_ms: Annotated[Milliseconds | None, Meta(description="From the start of the run to the enter of the visit.")]
    parent: Annotated[int | None, Meta(description="Index in `steps` of the loop or other container that it is in.")]
    depth: Annotated[Count, Meta(description="Number of containers around it.")]
    iteration: Annotated[int | None, Meta(description="Iteration of its container, from 1; null if that is no loop.")]
    attempt: Annotated[
        int | None, Meta(description="Number of the attempt, from 1; null if the node was not tried again so far.")
    ]
    waits_for_person: bool
    error: str | None
    visit: Annotated[int | None, Meta(description="Index in `visits` of its node.")]
    entered_event: Annotated[
        int | None, Meta(description="Number of the event in the run, from 1, without duplicates; null if missing.")
    ]
    ended_event: int | None
    inferred: Annotated[
        list[Annotated[str, _one_of(PARENT, ITERATION, ATTEMPT, NOT_REACHED)]],
        Meta(description="What is not known for certain: the API does not tell it."),
    ]


class ShowDocument(RunDocument):
    """One run with its steps."""

    steps: Annotated[
        list[StepDocument], Meta(description="In the order of their begin; nodes that were not reached come last.")
    ]


class TransitionCheckpointDocument(TypedDict):
    """The checkpoint of a change. Only in changes of a checkpoint."""

    checkpoint_id: str
    checkpoint_type: str
    title: str
    options: list[str]
    resolution: str | None
    resolved_by: str | None


class TransitionDocument(TypedDict):
    """One change of a run. The fields of the result are only in `node_exited`."""

    at: Time | None
    change: Annotated[
        str,
        _one_of(
            *TransitionKind,
            description="`checkpoint_gone`: the checkpoint is no longer pending; its answer is unknown.",
        ),
    ]
    execution_id: str | None
    core_id: str | None
    node_id: str | None
    block_kind: str | None
    duration_ms: Annotated[
        Milliseconds | None, Meta(description="Duration in milliseconds of the visit or run that ended.")
    ]
    error: str | None
    result_binding: NotRequired[
        Annotated[str | None, Meta(description="Name of the variable that the result is bound to.")]
    ]
    result_binding_value: NotRequired[Annotated[Any, Meta(description="The result: any JSON.")]]
    result_binding_truncated: NotRequired[
        Annotated[bool, Meta(description="True if the result was too large for the API to send.")]
    ]
    checkpoint: NotRequired[TransitionCheckpointDocument]


class SqlRowDocument(TypedDict):
    """A row of the result: the values of the columns of the statement, by name."""


class EventDocument(TypedDict, total=False):
    """Events are printed unchanged, therefore no field is guaranteed."""

    type: str
    core_id: str | None
    timestamp: str
    payload: dict[str, Any]


class CheckpointDocument(TypedDict):
    """A checkpoint, printed unchanged."""

    id: Any
    core_id: NotRequired[str | None]
    execution_id: NotRequired[str | None]
    checkpoint_type: NotRequired[str]
    status: NotRequired[str]


class WriteDocument(TypedDict):
    """The outcome of an answer or a replay."""

    kind: WriteKind
    target_id: Annotated[str, Meta(description="Id of the answered checkpoint or of the replayed run.")]
    core_id: str | None
    resolution: str | None
    progress: Annotated[
        WriteProgress,
        Meta(
            description="State of the write. `not sent`: it failed before it was sent. "
            "`accepted`: the server accepted it. `confirmed`: events show its effect; for a checkpoint without a run, "
            "it is listed as resolved."
        ),
    ]
    message: str
    request_id: str | None
    execution_id: Annotated[str | None, Meta(description="Id of the run that continued or started.")]
    likely: Annotated[bool, Meta(description="True if `execution_id` is likely but not proven.")]
    status: Annotated[str | None, _one_of(*RunStatus, None, description="Status of the run that a replay started.")]


class LedgerStateDocument(TypedDict):
    """The progress of a write at one time."""

    at: Time
    progress: WriteProgress
    message: NotRequired[str]
    request_id: NotRequired[str]


class LedgerEntryDocument(TypedDict):
    """One write that was sent from this machine."""

    id: str
    at: Time
    pid: int
    profile: str
    host: str
    url: NotRequired[Annotated[str, Meta(description="Base URL of the API; absent in entries of older versions.")]]
    subject: NotRequired[Annotated[str, Meta(description="User that the token names, if it names one.")]]
    tenant: NotRequired[str]
    key: NotRequired[Annotated[str, Meta(description="Digest of the API key, if the caller is not known otherwise.")]]
    kind: WriteKind
    target_id: str
    core_id: NotRequired[str]
    execution_id: NotRequired[str]
    resolution: NotRequired[str]
    comment: NotRequired[str]
    input: NotRequired[Annotated[Any, Meta(description="Input of the invocation as sent: any JSON.")]]
    input_size: NotRequired[
        Annotated[
            int,
            Meta(description="Size in bytes of an input that is not stored any more, because the write is finished."),
        ]
    ]
    input_start: NotRequired[
        Annotated[str, Meta(description="First characters of an input that is not stored any more.")]
    ]
    entity_id: NotRequired[str]
    progress: WriteProgress
    states: Annotated[list[LedgerStateDocument], Meta(min_length=1)]


class TeamWriteDocument(TypedDict):
    """One write of a member of the team. Times are of the server that has the ledger."""

    id: str
    claimed_at: Time
    changed_at: Time
    person: Annotated[str, Meta(description="User that the token names; else the user and the name of the machine.")]
    machine: Annotated[str, Meta(description="User and name of the machine from which it was sent.")]
    kind: WriteKind
    target_id: str
    core_id: NotRequired[str]
    execution_id: NotRequired[str]
    resolution: NotRequired[str]
    comment: NotRequired[str]
    entity_id: NotRequired[str]
    progress: WriteProgress
    message: str
    request_id: NotRequired[str]


class DemoDocument(TypedDict):
    """The addresses of the demo."""

    url: Annotated[str, Meta(description="Base URL of the proxy's API, ending in /api/v1.")]
    grid_url: Annotated[str, Meta(description="URL of the ScaiGrid, without a path.")]
    token: str
    viewer_token: Annotated[str, Meta(description="Token that may only read.")]
    pid: int


class CheckDocument(TypedDict):
    """The result of one check."""

    name: Annotated[str, Meta(description="Name of the check.")]
    state: Annotated[str, _one_of("ok", "warning", "failed", "unknown")]
    words: Annotated[str, Meta(description="Result, for people.")]
    fix: Annotated[str | None, Meta(description="How to fix the problem.")]
    facts: Annotated[dict[str, Any], Meta(description="Result, for programs.")]


class BundleDocument(TypedDict):
    """The archive that `--bundle` wrote."""

    file: Annotated[str, Meta(description="Path of the archive.")]
    contents: Annotated[list[str], Meta(description="Names of the files in it.")]


class DoctorDocument(TypedDict):
    """The checks of configuration, connection and terminal."""

    ok: Annotated[bool, Meta(description="True if no check failed.")]
    exit_code: Annotated[Count, Meta(description="Exit code of the first failed check; 0 if none failed.")]
    checks: list[CheckDocument]
    bundle: NotRequired[Annotated[BundleDocument, Meta(description="Only with --bundle.")]]


class ConfigProblemDocument(TypedDict):
    """A problem of the settings."""

    place: Annotated[str, Meta(description="The key; empty for the whole file.")]
    problem: str
    fix: str


class ConfigCheckDocument(TypedDict):
    """The problems of the settings, with their fixes."""

    file: Annotated[str, Meta(description="Path of the configuration file.")]
    exists: bool
    problems: list[ConfigProblemDocument]


class SettingDocument(TypedDict):
    """A setting and where it comes from."""

    value: str | float | bool | None
    source: str


class SettingsDocument(TypedDict):
    """By name. The value of the token is a placeholder, or null if there is none."""

    profile: SettingDocument
    url: SettingDocument
    api: SettingDocument
    token: SettingDocument
    core: NotRequired[SettingDocument]
    interval: NotRequired[SettingDocument]
    timeout: NotRequired[SettingDocument]
    read_only: NotRequired[SettingDocument]
    protected: NotRequired[SettingDocument]
    color: NotRequired[SettingDocument]
    journal: NotRequired[SettingDocument]
    keep_days: NotRequired[SettingDocument]
    keep_mb: NotRequired[SettingDocument]
    low_bandwidth: NotRequired[SettingDocument]
    ca_file: NotRequired[SettingDocument]
    flows: NotRequired[SettingDocument]
    redact: NotRequired[SettingDocument]
    tenant: NotRequired[SettingDocument]
    theme: NotRequired[SettingDocument]
    view: NotRequired[SettingDocument]
    sort: NotRequired[SettingDocument]
    mouse: NotRequired[SettingDocument]
    times: NotRequired[SettingDocument]


class ConfigShowDocument(TypedDict):
    """Every setting with its source."""

    file: Annotated[str, Meta(description="Path of the configuration file.")]
    exists: bool
    profiles: list[str]
    settings: SettingsDocument
    keys: NotRequired[Annotated[dict[str, Any], Meta(description="The changed keys of the app, by action.")]]


class NodeFiguresDocument(TypedDict):
    """The figures of one node of a Core, over the visits that ended in the period."""

    core_id: str | None
    node_id: Annotated[str | None, Meta(description="Null for the blocks of a kind that have no id.")]
    visits: Count
    failed: Count
    p50_ms: Annotated[Milliseconds | None, Meta(description="Half of the visits take at most this; null if unknown.")]
    p95_ms: Annotated[Milliseconds | None, Meta(description="95 of 100 visits take at most this.")]
    p99_ms: Annotated[Milliseconds | None, Meta(description="99 of 100 visits take at most this.")]
    waits_for_people: Annotated[
        bool, Meta(description="True if the durations are the waits of people: the node has no other visits.")
    ]
    block_kind: str | None
    waits: Annotated[Count, Meta(description="Visits that waited for a person; other durations leave them out.")]
    exact: Annotated[bool, Meta(description="False if the durations are within 1 % of the exact ones.")]
    input_tokens: Annotated[
        int | None, Meta(description="Sum over the visits whose result reports tokens; null if none does.")
    ]
    output_tokens: int | None
    cost: Annotated[float | None, Meta(description="Sum of the costs in the results, in their unit; null if unknown.")]


class AnswersDocument(TypedDict):
    """Checkpoints of one type and assignee."""

    checkpoint_type: str
    assignee: str | None
    asked: Count
    answered: Count
    expired: Annotated[Count, Meta(description="Closed by their deadline.")]
    pending: Count
    timed: Annotated[Count, Meta(description="Answered at a known time: the durations are of these.")]
    p50_ms: Annotated[Milliseconds | None, Meta(description="Half of the answers took at most this; exact.")]
    p95_ms: Milliseconds | None


class ErrorGroupDocument(TypedDict):
    """Failed runs with the same cause."""

    core_id: str | None
    node_id: str | None
    code: Annotated[str | None, Meta(description="The code with which the error begins.")]
    text: Annotated[str, Meta(description="The error without its code, with numbers, ids, paths and quotes masked.")]
    count: Count
    first_at: Time | None
    last_at: Time | None
    example: Annotated[str, Meta(description="Id of the run that failed last.")]
    trend: Annotated[str, _one_of(*Trend)]
    new_today: Annotated[bool, Meta(description="True if no such failure of a day before (UTC) is known.")]


class VariantDocument(TypedDict):
    """Finished runs of a Core that entered the same nodes."""

    core_id: str | None
    path: Annotated[list[str], Meta(description="In the order of the first visits that is most frequent.")]
    count: Count
    share: Annotated[float, Meta(description="Of the finished runs of the Core, from 0 to 1.")]
    failed: Count
    p95_ms: Milliseconds | None
    example: Annotated[str, Meta(description="Id of the newest of these runs.")]


class RunGroupDocument(TypedDict):
    """Runs with the same Core or status, or that entered the same node."""

    core_id: Annotated[str | None, Meta(description="The Core of the node, or the Core itself; null for a status.")]
    value: str | None
    count: Count
    failed: Count
    p95_ms: Milliseconds | None
    last_at: Time | None
    example: Annotated[str, Meta(description="Id of the newest of these runs.")]
