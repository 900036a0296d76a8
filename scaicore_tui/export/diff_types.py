"""The types of the JSON document of two compared runs, as those of `document_types`."""

# Without `from __future__ import annotations`: TypedDict would not see NotRequired.
from typing import Annotated, Any, NotRequired, TypedDict

from msgspec import Meta

from scaicore_tui.analysis.diff import Cause
from scaicore_tui.export.document_types import Milliseconds
from scaicore_tui.runs.model import NodeState, RunStatus


class ChangeDocument(TypedDict):
    """One difference of two JSON values. Without `a` or `b`, only the other one has a value there."""

    path: Annotated[str, Meta(description="Such as `invoices[3].net`; empty for the whole value.")]
    a: NotRequired[Annotated[Any, Meta(description="Any JSON.")]]
    b: NotRequired[Annotated[Any, Meta(description="Any JSON.")]]


class ComparedVisitDocument(TypedDict):
    """A visit of one of the runs."""

    visit: Annotated[int, Meta(ge=0, description="Index in `visits` of its node.")]
    state: Annotated[str, Meta(extra_json_schema={"enum": [str(state) for state in NodeState]})]
    duration_ms: Milliseconds | None
    iteration: int | None
    attempt: int | None
    error: str | None


class ComparedNodeDocument(TypedDict):
    """Two visits that correspond to each other; null if only the other run has such a visit."""

    node_id: str | None
    block_kind: str | None
    visit: Annotated[int, Meta(ge=0, description="Index in `visits` of the node in the run `a`; without it, in `b`.")]
    alike: Annotated[bool, Meta(description="Nothing differs but times, or what differs may still come.")]
    a: ComparedVisitDocument | None
    b: ComparedVisitDocument | None
    changes: Annotated[list[ChangeDocument], Meta(description="The differences of the results.")]
    moved: Annotated[bool, Meta(description="The runs visited it in another order.")]
    cut: Annotated[bool, Meta(description="The API cut a result; what is left of both is equal.")]


class DivergenceDocument(TypedDict):
    """The first difference. Without a node it is one of the inputs, or of the ends of the runs."""

    node_id: str | None
    visit: int | None
    cause: Annotated[
        str,
        Meta(
            extra_json_schema={"enum": [str(cause) for cause in Cause]},
            description="`cut`: values or events before it are missing, so the cause is unknown.",
        ),
    ]


class DiffDocument(TypedDict):
    """Two runs and their differences."""

    a: Annotated[str, Meta(description="Id of the first run.")]
    b: str
    partner: Annotated[str | None, Meta(description="Why `b` was chosen; null if it was given.")]
    status_a: Annotated[str, Meta(extra_json_schema={"enum": [str(status) for status in RunStatus]})]
    status_b: str
    duration_ms_a: Milliseconds | None
    duration_ms_b: Milliseconds | None
    alike: Annotated[bool, Meta(description="Nothing differs but the times.")]
    first_divergence: DivergenceDocument | None
    input: list[ChangeDocument]
    output: list[ChangeDocument]
    nodes: Annotated[
        list[ComparedNodeDocument], Meta(description="All visits, in the order of `a`, each after its container.")
    ]
