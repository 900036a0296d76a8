"""Queries: one language for runs, events and checkpoints. Pure: parse, complete, evaluate, format.

`parse_query` makes a typed tree or raises `QueryError` with a position. `compile_query` makes a predicate for rows of a
subject. The store compiles what its columns can answer to SQL, and evaluates the rest with that predicate.
"""

from scaicore_tui.analysis.query.evaluate import Predicate, Row, asks_for, compile_query
from scaicore_tui.analysis.query.fields import CHECKPOINTS, EVENTS, RUNS, Subject
from scaicore_tui.analysis.query.parser import SUBJECTS, parse_query
from scaicore_tui.analysis.query.rows import CheckpointRow, EventRow, Payloads, QueryContext, RunRow
from scaicore_tui.analysis.query.tree import Query, QueryError, format_query

__all__ = [
    "CHECKPOINTS",
    "EVENTS",
    "RUNS",
    "SUBJECTS",
    "CheckpointRow",
    "EventRow",
    "Payloads",
    "Predicate",
    "Query",
    "QueryContext",
    "QueryError",
    "Row",
    "RunRow",
    "Subject",
    "asks_for",
    "compile_query",
    "format_query",
    "parse_query",
]
