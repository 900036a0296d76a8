"""The results that the app gives to screens: a protocol for each kind of screen that shows some of them."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from scaicore_tui.runs import Delta
from scaicore_tui.tui.messages import FiguresRead
from scaicore_tui.tui.query_messages import OrderRead, QueriesRead, RunsFound, RunsRechecked, ValuesCounted
from scaicore_tui.tui.run_messages import (
    ComparisonRead,
    ContextRead,
    EventsRead,
    FactsRead,
    FlowRead,
    RunHistoryRead,
    SlowRunsRead,
)


@runtime_checkable
class SessionListener(Protocol):
    """A screen that follows the session."""

    def apply_delta(self, delta: Delta) -> None:
        """Show what changed in the session."""


@runtime_checkable
class SearchListener(Protocol):
    """A screen that lists the runs of a search."""

    def show_matches(self, found: RunsFound) -> None:
        """List the runs that were found."""

    def show_rechecked(self, rechecked: RunsRechecked) -> None:
        """List the runs that changed and match still or now."""

    def show_facts(self, read: FactsRead) -> None:
        """Show what other runs say about the selected one."""

    def show_slow_runs(self, read: SlowRunsRead) -> None:
        """Show which runs are slow."""

    def show_order(self, read: OrderRead) -> None:
        """List the runs in the order that was read."""

    def show_values(self, counted: ValuesCounted) -> None:
        """Offer the values of a field."""

    def show_queries(self, read: QueriesRead) -> None:
        """Offer the queries used before and the saved views."""


@runtime_checkable
class FiguresListener(Protocol):
    """A screen that shows the figures of a period."""

    def show_figures(self, read: FiguresRead) -> None:
        """Show the figures that were read."""


@runtime_checkable
class EventsListener(Protocol):
    """A screen that shows the events of a run, its flow and its past."""

    def show_events(self, read: EventsRead) -> None:
        """Show the events that were read."""

    def show_flow(self, read: FlowRead) -> None:
        """Show the flow that was found."""

    def show_context(self, read: ContextRead) -> None:
        """Show what other runs say about the run."""

    def show_history(self, read: RunHistoryRead) -> None:
        """Show the run as of one of its events."""

    def show_comparison(self, read: ComparisonRead) -> None:
        """Show the run compared with another one."""


@runtime_checkable
class MessageSink(Protocol):
    """A screen that can show a message, even before a session exists."""

    def show_message(self, text: str, colour: str = "amber") -> None:
        """Show `text`, a message from the app."""
