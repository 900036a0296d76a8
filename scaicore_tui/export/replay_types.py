"""The types of the JSON document of replays with their verdicts, as those of `document_types`."""

# Without `from __future__ import annotations`: TypedDict would not see NotRequired.
from typing import Annotated, TypedDict

from msgspec import Meta

from scaicore_tui.analysis.diff import Cause
from scaicore_tui.analysis.replay_verdict import Verdict
from scaicore_tui.export.diff_types import ChangeDocument
from scaicore_tui.export.document_types import WriteProgress


class ReplayDivergenceDocument(TypedDict):
    """The first difference of the two runs, as `diff` finds it."""

    node_id: Annotated[str | None, Meta(description="Null if it is one of the inputs, or of the ends of the runs.")]
    cause: Annotated[str, Meta(extra_json_schema={"enum": [str(cause) for cause in Cause]})]


class ReplayDocument(TypedDict):
    """One run that was selected, its replay, and the verdict."""

    original: Annotated[str, Meta(description="Id of the run that is replayed.")]
    core_id: str | None
    replay: Annotated[str | None, Meta(description="Id of the new run; null if none is known.")]
    likely: Annotated[bool, Meta(description="True if the new run was found by its input, and is not proven.")]
    verdict: Annotated[str, Meta(extra_json_schema={"enum": [str(verdict) for verdict in Verdict]})]
    skipped: Annotated[bool, Meta(description="True if no replay was attempted, as its input is not known, say.")]
    progress: Annotated[WriteProgress | None, Meta(description="Of the write; null if none was attempted.")]
    message: Annotated[str, Meta(description="Why it was not sent, or why the verdict is unknown; else empty.")]
    request_id: str | None
    error: Annotated[str | None, Meta(description="The error of the replay; null if it did not fail.")]
    node_id: Annotated[str | None, Meta(description="The node where the replay failed.")]
    first_divergence: ReplayDivergenceDocument | None
    first_change: Annotated[ChangeDocument | None, Meta(description="The first difference of the outputs.")]
    change_count: Annotated[int, Meta(ge=0, description="The number of these differences.")]
