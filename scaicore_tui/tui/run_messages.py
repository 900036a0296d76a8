"""Messages with which the run screen asks for the facts of a run that are read from the journal, and their answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from scaicore_tui.runs import Run, Summary

if TYPE_CHECKING:
    # Loaded with the run screen: the first screen appears sooner.
    from scaicore_tui.analysis.diff import Partner
    from scaicore_tui.analysis.event_pages import EventPage
    from scaicore_tui.analysis.flow_view import FlowView
    from scaicore_tui.analysis.run_history import RunHistory
    from scaicore_tui.analysis.steps import FlowShape
    from scaicore_tui.analysis.usual import PastContext
    from scaicore_tui.session.comparisons import Comparison, FirstDifference


@dataclass(eq=False, repr=False, match_args=False)
class EventsNeeded(Message):
    """Read the events of a run around number `near` that match a filter, up to number `through`.

    A new request replaces an older one of the same `reader`, which is the `id` of what will show the events.
    """

    execution_id: str
    reader: int
    near: int
    needle: str = ""
    through: int | None = None


@dataclass(eq=False, repr=False, match_args=False)
class EventsRead(Message):
    """Events of a run were read. Two screens may show the same run: only the one that sent `request` shows them."""

    request: EventsNeeded
    page: EventPage


@dataclass(eq=False, repr=False, match_args=False)
class FlowNeeded(Message):
    """Find the graph of a run's Core. `run` is a copy, which does not change meanwhile."""

    run: Run


@dataclass(eq=False, repr=False, match_args=False)
class FlowRead(Message):
    """A run in the graph of its Core; None if no graph is known."""

    execution_id: str
    view: FlowView | None


@dataclass(eq=False, repr=False, match_args=False)
class ContextRead(Message):
    """The facts that other runs tell about a run were read. Asked for by `FlowNeeded`."""

    execution_id: str
    context: PastContext


@dataclass(eq=False, repr=False, match_args=False)
class FactsNeeded(Message):
    """Read what other runs say about a run, without its nodes; the Core is that of the run.

    With `compares`, its first difference from another run is read too.
    """

    execution_id: str
    core_id: str | None
    compares: bool = False


@dataclass(eq=False, repr=False, match_args=False)
class FactsRead(Message):
    """The facts that other runs tell about a run, without its nodes. Asked for by `FactsNeeded`."""

    execution_id: str
    context: PastContext
    first_difference: FirstDifference | None = None


@dataclass(eq=False, repr=False, match_args=False)
class SlowRunsNeeded(Message):
    """Find the runs that take longer than usual."""


@dataclass(eq=False, repr=False, match_args=False)
class SlowRunsRead(Message):
    """The runs that take longer than usual, by id, and why they are said to."""

    hints: Mapping[str, str]


@dataclass(eq=False, repr=False, match_args=False)
class RunHistoryNeeded(Message):
    """Read all events of a run, to show it as of any of them."""

    execution_id: str


@dataclass(eq=False, repr=False, match_args=False)
class RunHistoryRead(Message):
    """All events of a run."""

    execution_id: str
    history: RunHistory


@dataclass(eq=False, repr=False, match_args=False)
class ComparisonNeeded(Message):
    """Compare a run with a partner, which is chosen if there is none.

    `run` is a copy, which does not change meanwhile; `summary` is that of the whole run, if it is shown as of an event.
    With `lists_others`, all runs that it can be compared with are told too.
    """

    summary: Summary
    run: Run
    graph: FlowShape | None = None
    partner: Partner | None = None
    lists_others: bool = True


@dataclass(eq=False, repr=False, match_args=False)
class ComparisonRead(Message):
    """A run was compared, or cannot be. Only the screen that sent `request` shows it."""

    request: ComparisonNeeded
    comparison: Comparison
