"""Queries of the command line: `--where` and `--since`, and the runs that they select, in the order asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.analysis.query import RUNS, Query, QueryContext, QueryError, Subject, asks_for, parse_query
from scaicore_tui.analysis.query.tree import MomentValue, Op, Test, TextValue, Tree, tests_in
from scaicore_tui.analysis.query.values import is_moment
from scaicore_tui.config import config_file, ledger_file
from scaicore_tui.config.profiles import read_profiles
from scaicore_tui.config.views import Grouping, Sort
from scaicore_tui.errors import StorageError, UsageError

if TYPE_CHECKING:
    from scaicore_tui.runs import Summary
    from scaicore_tui.session import Recording, SearchableRuns, Session

_FAILED = Test("status", Op.EQUAL, (TextValue("failed"),))


class RunSelection(Struct, frozen=True):
    """The runs that a command is asked for, and how to print them. Without `sort`, those that began last come first."""

    where: str = ""
    since: str | None = None
    sort: Sort | None = None
    limit: int | None = None
    group: Grouping | None = None
    failed: bool = False
    view: str | None = None

    def in_view(self) -> RunSelection:
        """Return this selection within the view that it names; its own order and grouping come first.

        Raises UsageError if the configuration has no such view.
        """
        if self.view is None:
            return self
        views = read_profiles(config_file()).views
        if self.view not in views:
            known = ", ".join(views) or "none: add a table [views.NAME]"
            raise UsageError(f"no view {self.view!r} in {config_file()}", hint=f"views there: {known}")
        view = views[self.view]
        return replace(self, sort=self.sort or view.sort, group=self.group or view.group)

    def query(self, core: str | None) -> Query:
        """Return the query, also for the Core that the common options name. Raises QueryError or UsageError."""
        conditions: list[Tree] = [_FAILED] if self.failed else []
        if core is not None:
            conditions.append(Test("core", Op.EQUAL, (TextValue(core),)))
        if self.since is not None:
            if not is_moment(self.since):
                raise UsageError(f"--since {self.since!r} is no time", hint="such as 1h, 14:00 or 2026-11-25")
            conditions.append(Test("changed", Op.AT_LEAST, (MomentValue(self.since),)))
        if self.view is not None:
            conditions.append(parse_query(read_profiles(config_file()).views[self.view].query, RUNS).tree)
        return parse_where(self.where, RUNS).also(*conditions)


def parse_where(text: str, subject: Subject) -> Query:
    """Return the query of `--where`. Raises QueryError, which points at what is wrong."""
    try:
        return parse_query(text, subject)
    except QueryError as error:
        raise UsageError(f"--where: {point_at(text, error)}", effect=error.effect, hint=error.hint) from None


def point_at(text: str, error: QueryError) -> str:
    """Return what is wrong with a query, with the words that it is about."""
    words = text[error.begin : error.end]
    return f"{error.problem} (character {error.begin + 1}{f', at {words!r}' if words else ''})"


def select_runs(source: SearchableRuns, selection: RunSelection, query: Query, context: QueryContext) -> list[Summary]:
    """Return the selected runs in their order."""
    found: Iterator[Summary] = source.search(query, context)
    rows = found if selection.sort is None else iter(sort_runs(found, selection.sort))
    return list(rows if selection.limit is None or selection.group else islice(rows, selection.limit))


def context_of(origin: Session | Recording, query: Query) -> QueryContext:
    """Return what the query is evaluated with now. What only some queries ask for is read for these alone."""
    has_properties = any(test.field == "is" for test in tests_in(query.tree))
    context = origin.query_context(known_replays() if has_properties else frozenset())
    if not (has_properties and asks_for(query, RUNS, "is", "slow")):
        return context
    return replace(context, slow=frozenset(origin.read_slow_runs()))


def known_replays() -> frozenset[str]:
    """Return the ids of the runs that replays from this machine started; none if the ledger cannot be read."""
    # Loaded only here: it loads the HTTP client, which no other query about recorded runs needs.
    from scaicore_tui.actions import Kind, Ledger

    try:
        entries = Ledger(ledger_file()).entries()
    except StorageError:
        return frozenset()
    return frozenset(one.execution_id for one in entries if one.kind is Kind.REPLAY and one.execution_id is not None)


_DESCENDING: Mapping[Sort, Callable[[Summary], float | None]] = {
    Sort.STARTED: lambda run: run.began_at,
    Sort.CHANGED: lambda run: run.last_event_at,
    Sort.DURATION: lambda run: run.duration_ms,
    Sort.EVENTS: lambda run: run.event_count,
}
_ASCENDING: Mapping[Sort, Callable[[Summary], str | None]] = {
    Sort.CORE: lambda run: run.core_id,
    Sort.STATUS: lambda run: run.status.value,
}


def sort_runs(runs: Iterable[Summary], sort: Sort) -> list[Summary]:
    """Return `runs` in the order `sort`; equal ones stay in theirs, and those without a value come last."""
    rows = list(runs)
    if sort in _ASCENDING:
        text = _ASCENDING[sort]
        return sorted(rows, key=lambda run: (text(run) is None, text(run) or ""))
    number = _DESCENDING[sort]
    return sorted(rows, key=lambda run: (number(run) is None, -(number(run) or 0)))
