"""The types of the JSON document that `record` prints, as those of `document_types`."""

# Without `from __future__ import annotations`: TypedDict would not see NotRequired.
from typing import Annotated, NotRequired, TypedDict

from msgspec import Meta

from scaicore_tui.export.document_types import Count


class TracesDocument(TypedDict):
    """The figures of the runs that a recording sent to a receiver of traces."""

    spans_sent: Annotated[Count, Meta(description="The receiver accepted them.")]
    spans_refused: Annotated[Count, Meta(description="The receiver refused them for good.")]
    runs_sent: Count
    runs_refused: Count
    runs_waiting: Annotated[
        Count, Meta(description="Runs that are over and could not be sent yet: the next recording sends them.")
    ]
    runs_continued: Annotated[Count, Meta(description="Runs that went on after they were sent: the rest was not sent.")]
    runs_deleted: Annotated[
        Count, Meta(description="Runs that the journal's age or size limit deleted before they could be sent.")
    ]


class TeamDocument(TypedDict):
    """Figures that only a recording into a journal on a server has."""

    delivered: Annotated[
        Count, Meta(description="Events that were kept in a local file while the server was away, and are delivered.")
    ]
    kept_locally: Annotated[
        Count,
        Meta(
            description="Events that are only in that file. The next recording on this machine delivers them. "
            "If not 0, the exit code is 9."
        ),
    ]
    stood_by: Annotated[bool, Meta(description="True if another process recorded, at least for a while.")]
    is_counted: Annotated[
        bool,
        Meta(description="False if the journal could not be counted at the end: its numbers are from before."),
    ]


class RecordDocument(TypedDict):
    """Summary of a recording."""

    journal: Annotated[str, Meta(description="Path of the journal.")]
    events: Annotated[Count, Meta(description="In the journal.")]
    runs: Annotated[Count, Meta(description="In the journal.")]
    duplicates: Annotated[Count, Meta(description="Events in the journal that are duplicates of others.")]
    gaps: Annotated[Count, Meta(description="Number of gaps in the journal whose events are lost.")]
    holes: Annotated[Count, Meta(description="Same as open_gaps (the older name).")]
    open_gaps: Annotated[
        Count,
        Meta(
            description="Number of gaps whose events were not read yet, including unread older history. "
            "The next process reads them."
        ),
    ]
    history_unread: Annotated[bool, Meta(description="True if older events (--backfill) were not read completely.")]
    checkpoints_unread: Annotated[bool, Meta(description="True if the pending checkpoints were never read.")]
    recorded: Annotated[Count, Meta(description="Number of events that this process added.")]
    unsaved: Annotated[
        Count,
        Meta(description="Number of events that could not be written to the journal. If not 0, the exit code is 9."),
    ]
    unreadable: Annotated[Count, Meta(description="Number of recorded events that could not be fully decoded.")]
    requests: Annotated[Count, Meta(description="Number of requests that this process sent.")]
    stale_dropped: Annotated[Count, Meta(description="Number of responses that arrived too late to be used.")]
    traces: NotRequired[Annotated[TracesDocument, Meta(description="Only with --otlp.")]]
    team: NotRequired[Annotated[TeamDocument, Meta(description="Only for a journal on a server.")]]
