"""Messages about queries: what is typed, what is searched and found, and what completes a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from textual.message import Message

from scaicore_tui.config.views import SavedView, Sort
from scaicore_tui.runs.sorted_order import SortedOrder
from scaicore_tui.units import Position

if TYPE_CHECKING:
    # Loaded with the run screen: the first screen appears sooner.
    from scaicore_tui.analysis.query import Query


@dataclass(eq=False, repr=False, match_args=False)
class SearchRuns(Message):
    """Search the runs that match a query, in place of another search; with None, only stop that."""

    query: Query | None


@dataclass(eq=False, repr=False, match_args=False)
class RunsFound(Message):
    """More runs match `query`: those at `positions`. `searched` is the part of the runs searched so far, 0 to 1.

    With a `problem`, the search ended because of it.
    """

    query: Query
    positions: Sequence[Position] = ()
    searched: float = 1.0
    problem: str = ""


@dataclass(eq=False, repr=False, match_args=False)
class RecheckRuns(Message):
    """Find out which of the runs at `positions`, which changed, match a query now."""

    query: Query
    positions: Sequence[Position]


@dataclass(eq=False, repr=False, match_args=False)
class RunsRechecked(Message):
    """Of the runs at `positions`, those in `matching` match `query` now."""

    query: Query
    positions: Sequence[Position]
    matching: Sequence[Position]


@dataclass(eq=False, repr=False, match_args=False)
class QueryTyped(Message):
    """The text of a query changed, and can be read."""

    query: Query


@dataclass(eq=False, repr=False, match_args=False)
class ValuesNeeded(Message):
    """Count the values of a field, to complete a query."""

    field: str


@dataclass(eq=False, repr=False, match_args=False)
class ValuesCounted(Message):
    """The values of a field that exist, each with how many runs have it, the most frequent first."""

    field: str
    values: Sequence[tuple[str, int]]


@dataclass(eq=False, repr=False, match_args=False)
class QueriesNeeded(Message):
    """Read the queries used before, and the views of the configuration."""


@dataclass(eq=False, repr=False, match_args=False)
class QueriesRead(Message):
    """The queries used before, oldest first, those about checkpoints apart, and the views of the configuration."""

    history: Sequence[str]
    checkpoint_history: Sequence[str]
    views: Mapping[str, SavedView]


@dataclass(eq=False, repr=False, match_args=False)
class RememberQuery(Message):
    """Keep a query that was used, for the next sessions; its subject is `runs` or `checkpoints`."""

    text: str
    subject: str


@dataclass(eq=False, repr=False, match_args=False)
class OrderNeeded(Message):
    """Read all runs in an order, in place of another one that is being read."""

    sort: Sort


@dataclass(eq=False, repr=False, match_args=False)
class OrderRead(Message):
    """All runs in the order `sort`, as they were when it was read. Without an `order`, `problem` says why."""

    sort: Sort
    order: SortedOrder | None = None
    problem: str = ""


@dataclass(eq=False, repr=False, match_args=False)
class ViewWanted(Message):
    """Ask for a name, to save a query as a view."""

    query: str


@dataclass(eq=False, repr=False, match_args=False)
class SaveView(Message):
    """Write a view into the configuration file; with `replace`, in place of the one with its name."""

    name: str
    view: SavedView
    replace: bool


@dataclass(eq=False, repr=False, match_args=False)
class ViewSaved(Message):
    """The view was saved, and these are all views now; with a `problem`, nothing was changed."""

    name: str
    views: Mapping[str, SavedView]
    problem: str = ""
    is_known: bool = False


@runtime_checkable
class ViewListener(Protocol):
    """A screen that saves a view."""

    def show_saved(self, saved: ViewSaved) -> None:
        """Show that the view was saved, or why not."""
