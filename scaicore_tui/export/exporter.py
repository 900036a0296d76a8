"""The input of every export format: runs with their steps, events and checkpoints, redacted already. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from scaicore_tui.analysis.flow_view import FlowView
from scaicore_tui.analysis.steps import RunSteps
from scaicore_tui.protocol import Event
from scaicore_tui.protocol.checkpoints import Checkpoint
from scaicore_tui.runs import Gap, Run
from scaicore_tui.units import Micros


class ExportedRun(Struct, frozen=True):
    """One run to export.

    Attributes:
        steps: its steps; those of `flow`, if its graph is proven to be the one of the Core, are certain.
        events: its events in feed order. They are verbatim, or redacted if the export is.
        now: the time until which the run was observed, in microseconds since 1970.
        missing: why events of it may be missing, in words; empty if none is as far as is known.
        gaps: the gaps within it.
        flow: the run in its flow; None if no graph is known and its nodes have no ids.
        checkpoints: its pending checkpoints.
        replays: id of the run that it replays; None if it is no replay as far as is known.
    """

    run: Run
    steps: RunSteps
    events: Sequence[Event]
    now: Micros
    missing: str = ""
    gaps: Sequence[Gap] = ()
    flow: FlowView | None = None
    checkpoints: Sequence[Checkpoint] = ()
    replays: str | None = None


class Redacted(Struct, frozen=True):
    """One kind of value that was replaced, and how often: by its key or path, or by the form of the value."""

    reason: str
    count: int


class Export(Struct, frozen=True):
    """Runs to export, and what readers of the file must know about them.

    Attributes:
        runs: read one after the other while the file is written.
        at: the time of the export, in microseconds since 1970.
        source: the profile, host or file that the runs came from, safe to show; empty if unknown.
        profile: the profile or host for links to the runs; empty for those of a file.
        is_one_run: one run was named; else there may be any number of them.
        has_payloads: a format that leaves them out by itself shows inputs, outputs and results.
        is_redacted: secrets were replaced.
        summary: returns what was replaced so far.
    """

    runs: Iterable[ExportedRun]
    at: Micros
    source: str = ""
    profile: str = ""
    is_one_run: bool = False
    has_payloads: bool = False
    is_redacted: bool = False
    summary: Callable[[], Sequence[Redacted]] = tuple

    @property
    def redacted(self) -> Sequence[Redacted]:
        """The replaced values so far: all of them once `runs` were read to their end."""
        return self.summary()


class Exporter(Protocol):
    """One format: a function that yields the text of the file in parts."""

    def __call__(self, export: Export) -> Iterator[str]:
        """Yield the text of the file, in parts that need not be lines."""
