"""Read a journal on a server with an SQL statement of a person, over the same views as those of a file.

The views are common table expressions before the statement: nothing is created, so a role that may only read can do it,
also on a replica. The transaction only reads, ends a statement that takes too long, and finds no table by its bare
name. What the role may not read, the server refuses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.types.string import TextLoader

from scaicore_tui.clock import Clock
from scaicore_tui.runs import Summary
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.postgres.connection import require_connection
from scaicore_tui.store.postgres.failures import server_failure
from scaicore_tui.store.read_sql import SqlResult, distinct_names, statement_timed_out, wrong_statement

FETCHED_ROWS = 2_000
# `{0}` is the schema. Times that PostgreSQL can't write are NULL.
_TIME = """CASE WHEN {0} BETWEEN -62135596800000000 AND 253402300799999999 THEN
    to_char(to_timestamp({0} / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
    || '.' || lpad(({0} % 1000000)::text, 6, '0') || 'Z' END"""
_JSON, _TEXT = "{{0}}.as_json({})", "{{0}}.as_text({})"
_EVENT = _JSON.format("raw")
_NODE = f"coalesce({_EVENT} -> 'payload' ->> 'node_id', {_EVENT} -> 'payload' -> 'source_location' ->> 'node_id')"
_PENDING = _JSON.format("source")
_BLOCK = "scaicore.runtime.block."
# The columns of each view, as in `store.read_sql`, with their meaning in terms of the tables.
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "runs": {
        "run": _TEXT.format("execution_id"),
        "status": f"""CASE WHEN status IN ('running', 'unknown') AND execution_id IN (
            SELECT convert_to({_PENDING} ->> 'execution_id', 'UTF8') FROM {{0}}.pending
        ) THEN 'waiting' ELSE {_TEXT.format("status")} END""",  # noqa: S608  (constants)
        "core": _TEXT.format("core_id"),
        "started": _TIME.format("started_at"),
        "ended": _TIME.format("ended_at"),
        "changed": _TIME.format("changed_at"),
        "duration_ms": "duration_ms",
        "failed_node": _TEXT.format("failed_node"),
        "error": f"{_JSON.format('summary')} ->> {Summary.__struct_fields__.index('error')}",
        "error_group": _TEXT.format("error_group"),
        "events": "event_count",
    },
    "events": {
        "position": "pos",
        "at": _TIME.format("nullif(at, 0)"),
        "run": _TEXT.format("execution_id"),
        "type": f"{_EVENT} ->> 'type'",
        "core": f"{_EVENT} ->> 'core_id'",
        "node": _NODE,
        "kind": f"{_EVENT} -> 'payload' ->> 'block_kind'",
        "payload": f"{_EVENT} ->> 'payload'",
    },
    "visits": {
        "run": _TEXT.format("run"),
        "node": "node",
        "number": "number",
        "state": "coalesce(state, 'entered')",
        "entered": _TIME.format("entered_at"),
        "ended": _TIME.format("ended_at"),
        "duration_ms": "(ended_at - entered_at) / 1000.0::double precision",
        "error": "error",
    },
    "checkpoints": {
        "id": f"{_PENDING} ->> 'id'",
        "type": f"{_PENDING} ->> 'checkpoint_type'",
        "core": f"{_PENDING} ->> 'core_id'",
        "run": f"{_PENDING} ->> 'execution_id'",
        "node": f"{_PENDING} ->> 'node_id'",
        "priority": f"{_PENDING} ->> 'priority'",
        "assignee": f"{_PENDING} ->> 'assignee_raw'",
        "created": f"{_PENDING} ->> 'created_at'",
        "expires": f"{_PENDING} ->> 'expires_at'",
        "checkpoint": _TEXT.format("source"),
    },
}
# The nth event that enters a node belongs to the nth that leaves it.
_VISITS = f"""(
    WITH steps AS (
        SELECT pos, at, execution_id AS run, {_NODE} AS node, {_EVENT} ->> 'type' AS type,
            {_EVENT} -> 'payload' ->> 'error' AS error
        FROM {{0}}.events WHERE position('{_BLOCK}'::bytea IN raw) > 0 AND execution_id IS NOT NULL
    ), entered AS (
        SELECT *, row_number() OVER (PARTITION BY run, node ORDER BY pos) AS number FROM steps
        WHERE type = '{_BLOCK}entered'
    ), ended AS (
        SELECT *, row_number() OVER (PARTITION BY run, node ORDER BY pos) AS number FROM steps
        WHERE type IN ('{_BLOCK}exited', '{_BLOCK}failed')
    )
    SELECT entered.run, entered.node, entered.number, substr(ended.type, {len(_BLOCK) + 1}) AS state,
        nullif(entered.at, 0) AS entered_at, nullif(ended.at, 0) AS ended_at, ended.error
    FROM entered LEFT JOIN ended ON ended.run = entered.run AND ended.node IS NOT DISTINCT FROM entered.node
        AND ended.number = entered.number
) AS found"""  # noqa: S608  (constants)
_SOURCES = {"runs": "{0}.runs", "events": "{0}.events", "checkpoints": "{0}.pending", "visits": _VISITS}
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_SETTINGS = """SELECT set_config('search_path', '', true), set_config('cursor_tuple_fraction', '1', true),
set_config('statement_timeout', %s, true)"""
# Classes of errors that the statement is not to blame for.
_FAILURES = ("08", "42501", "53", "57P", "58", "XX")
_CANCELLED = "57014"


@contextmanager
def read_sql(journal: Journal, statement: str, clock: Clock, limit_s: float) -> Iterator[SqlResult]:
    """Run a statement over the views of `journal`, which is used for nothing else afterwards.

    Raises UsageError for a statement that is wrong or refused, TimedOut, also while rows are read, and StorageError.
    """
    deadline = clock.monotonic() + limit_s
    with journal.using() as database:
        database = require_connection(database)
        connection, label = database.connection, database.address.label
        connection.adapters.register_loader("json", TextLoader)
        connection.adapters.register_loader("jsonb", TextLoader)
        with _explained(limit_s, label):
            connection.execute(_BEGIN)
            connection.execute(_SETTINGS, (f"{max(1, round(limit_s * 1000))}ms",))
        with connection.cursor("rows") as cursor:
            with _explained(limit_s, label):
                cursor.execute(_with_views(statement, database.address.schema))
            names = [column.name for column in cursor.description or ()]
            yield SqlResult(distinct_names(names), _rows(cursor, (clock, deadline, limit_s), label))


def _with_views(statement: str, schema: str) -> bytes:
    """Return the statement with the views before it. In a new line, as it may end with a comment."""
    views = ", ".join(f"{name} AS NOT MATERIALIZED ({_view(name, schema)})" for name in COLUMNS)
    return f"WITH {views} SELECT * FROM (\n{statement.strip().rstrip(';')}\n) AS result".encode("utf-8", "replace")  # noqa: S608


def _view(name: str, schema: str) -> str:
    columns = ", ".join(f"{meaning} AS {column}" for column, meaning in COLUMNS[name].items())
    return f"SELECT {columns} FROM {_SOURCES[name]}".replace("{0}", schema)  # noqa: S608  (constants)


@contextmanager
def _explained(limit_s: float, label: str) -> Iterator[None]:
    """Turn an error of the server into one for people."""
    try:
        yield
    except psycopg.Error as error:
        state = error.sqlstate or ""
        if state == _CANCELLED:
            raise statement_timed_out(limit_s) from None
        failure = server_failure(error, label) if not state or state.startswith(_FAILURES) else None
        raise failure or wrong_statement(error.diag.message_primary or error) from None


def _rows(
    cursor: psycopg.ServerCursor[tuple[Any, ...]], limits: tuple[Clock, float, float], label: str
) -> Iterator[Sequence[Any]]:
    clock, deadline, limit_s = limits
    with _explained(limit_s, label):
        while rows := cursor.fetchmany(FETCHED_ROWS):
            if clock.monotonic() > deadline:
                raise statement_timed_out(limit_s)
            yield from ([_plain(value) for value in row] for row in rows)


def _plain(value: Any) -> Any:
    """Return a value as it is from a file: a number, a text, or nothing."""
    if value is None or isinstance(value, int | float | str):
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
