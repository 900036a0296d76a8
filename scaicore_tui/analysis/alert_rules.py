"""Alert rules as they are evaluated: the runs or checkpoints that count, and the notices about them. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256

from msgspec import Struct, to_builtins

from scaicore_tui.analysis.query import (
    CHECKPOINTS,
    RUNS,
    CheckpointRow,
    Query,
    QueryContext,
    compile_query,
    parse_query,
)
from scaicore_tui.analysis.query.tree import MomentValue, Op, Or, Test, TextValue, Tree
from scaicore_tui.config.alerts import AlertTable, seconds_of
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import RunStatus, Summary
from scaicore_tui.timefmt import MICROS_PER_SECOND
from scaicore_tui.units import Micros

DEFAULT_WINDOW = "5m"
_OPEN = Test("status", Op.EQUAL, tuple(TextValue(s) for s in (RunStatus.RUNNING, RunStatus.WAITING, RunStatus.UNKNOWN)))


class Rule(Struct, frozen=True):
    """One rule. Times are microseconds. With a `deadline` the query is about checkpoints, else about `recent` runs.

    `digest` changes with the condition: what was announced for another condition does not count.
    """

    name: str
    query: Query
    recent: Tree
    count: int
    window: Micros
    deadline: Micros | None
    remind: Micros | None
    resolves: bool
    digest: str

    @property
    def run_query(self) -> Query:
        """The whole query about runs."""
        return self.query.also(self.recent)

    @property
    def hold(self) -> Micros:
        """The time for which the condition may not hold before an incident is over."""
        return 0 if self.deadline is not None else self.window


class Match(Struct, frozen=True):
    """A run or checkpoint that counts. `key` is its id, `at` the time of its newest event, or its deadline."""

    key: str
    execution_id: str | None
    core_id: str | None
    node_id: str | None
    status: str | None
    at: Micros | None


def make_rule(name: str, table: AlertTable) -> Rule:
    """Return the rule of a table without problems. Raises QueryError if its query cannot be parsed."""
    text = table.where or ""
    window = table.window or DEFAULT_WINDOW
    condition = to_builtins((text, table.count or 1, window, table.deadline))
    return Rule(
        name,
        parse_query(text, RUNS if table.deadline is None else CHECKPOINTS),
        Or((Test("changed", Op.AT_LEAST, (MomentValue(window),)), _OPEN)),
        table.count or 1,
        seconds_of(window) * MICROS_PER_SECOND,
        None if table.deadline is None else seconds_of(table.deadline) * MICROS_PER_SECOND,
        None if table.remind is None else seconds_of(table.remind) * MICROS_PER_SECOND,
        table.resolve,
        sha256(json.dumps(condition).encode()).hexdigest()[:16],
    )


def match_of_run(summary: Summary) -> Match:
    """Return a run as a match."""
    return Match(
        summary.execution_id,
        summary.execution_id,
        summary.core_id,
        summary.failed_node,
        summary.status.value,
        summary.last_event_at,
    )


def due_checkpoints(rule: Rule, rows: Iterable[Checkpoint], context: QueryContext) -> list[Match]:
    """Return the pending checkpoints whose deadline is near or over, and which match, the most urgent first."""
    matches = compile_query(rule.query, CHECKPOINTS, context.now)
    last = context.now + (rule.deadline or 0)
    due = [row for row in rows if row.expires is not None and row.expires <= last]
    found = [row for row in due if matches(CheckpointRow(row, context))]
    return [_match_of_checkpoint(row) for row in sorted(found, key=lambda row: (row.expires or 0, row.id))]


def _match_of_checkpoint(row: Checkpoint) -> Match:
    return Match(row.id, row.execution_id, row.core_id, row.node_id, row.checkpoint_type, row.expires)


def active_keys(rule: Rule, matches: Sequence[Match]) -> list[str]:
    """Return the keys of the incidents whose condition holds: with a deadline, one for each checkpoint."""
    if rule.deadline is not None:
        return [match.key for match in matches]
    return [""] if len(matches) >= rule.count else []
