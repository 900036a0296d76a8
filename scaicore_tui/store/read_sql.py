"""Read a journal with an SQL statement of a person: four documented views, and nothing else.

The views are temporary, so the file is not changed. Only they may be read: an authorizer refuses tables, other files,
settings and writes. A statement that takes too long is ended.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from secrets import token_hex
from typing import Any

from msgspec import Struct

from scaicore_tui.clock import Clock
from scaicore_tui.config.journal_url import JournalLocation, JournalUrl
from scaicore_tui.disk_errors import primary_code
from scaicore_tui.errors import TimedOut, UsageError
from scaicore_tui.runs import Summary
from scaicore_tui.store.failures import journal_failure
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.recordings import open_readonly

_TIME = "strftime('%Y-%m-%dT%H:%M:%S', {0} / 1000000, 'unixepoch') || printf('.%06dZ', {0} % 1000000)"
_EVENT = "CASE WHEN json_valid(CAST(raw AS TEXT)) THEN json_extract(CAST(raw AS TEXT), '{}') END"
_NODE = "coalesce({}, {})".format(
    _EVENT.format("$.payload.node_id"), _EVENT.format("$.payload.source_location.node_id")
)
_PENDING = "json_extract(CAST(source AS TEXT), '$.{}')"
_BLOCK = "scaicore.runtime.block."
# The columns of each view, with their meaning in terms of the tables.
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "runs": {
        "run": "execution_id",
        "status": """CASE WHEN status IN ('running', 'unknown') AND execution_id IN (
            SELECT json_extract(CAST(source AS TEXT), '$.execution_id') FROM main.pending
        ) THEN 'waiting' ELSE status END""",
        "core": "core_id",
        "started": _TIME.format("started_at"),
        "ended": _TIME.format("ended_at"),
        "changed": _TIME.format("changed_at"),
        "duration_ms": "duration_ms",
        "failed_node": "failed_node",
        "error": f"json_extract(CAST(summary AS TEXT), '$[{Summary.__struct_fields__.index('error')}]')",
        "error_group": "error_group",
        "events": "event_count",
    },
    "events": {
        "position": "pos",
        "at": _TIME.format("nullif(at, 0)"),
        "run": "execution_id",
        "type": _EVENT.format("$.type"),
        "core": _EVENT.format("$.core_id"),
        "node": _NODE,
        "kind": _EVENT.format("$.payload.block_kind"),
        "payload": _EVENT.format("$.payload"),
    },
    "visits": {
        "run": "run",
        "node": "node",
        "number": "number",
        "state": "coalesce(state, 'entered')",
        "entered": _TIME.format("entered_at"),
        "ended": _TIME.format("ended_at"),
        "duration_ms": "(ended_at - entered_at) / 1000.0",
        "error": "error",
    },
    "checkpoints": {
        "id": _PENDING.format("id"),
        "type": _PENDING.format("checkpoint_type"),
        "core": _PENDING.format("core_id"),
        "run": _PENDING.format("execution_id"),
        "node": _PENDING.format("node_id"),
        "priority": _PENDING.format("priority"),
        "assignee": _PENDING.format("assignee_raw"),
        "created": _PENDING.format("created_at"),
        "expires": _PENDING.format("expires_at"),
        "checkpoint": "CAST(source AS TEXT)",
    },
}
# The nth event that enters a node belongs to the nth that leaves it. Names end in {0}, which nobody else knows.
_VISITS = f"""(
    WITH steps_{{0}} AS (
        SELECT pos, at, execution_id AS run, {_NODE} AS node, {_EVENT.format("$.type")} AS type,
            {_EVENT.format("$.payload.error")} AS error
        FROM main.events WHERE instr(raw, CAST('{_BLOCK}' AS BLOB)) AND execution_id IS NOT NULL
    ), entered AS (
        SELECT *, row_number() OVER (PARTITION BY run, node ORDER BY pos) AS number FROM steps_{{0}}
        WHERE type = '{_BLOCK}entered'
    ), ended AS (
        SELECT *, row_number() OVER (PARTITION BY run, node ORDER BY pos) AS number FROM steps_{{0}}
        WHERE type IN ('{_BLOCK}exited', '{_BLOCK}failed')
    )
    SELECT entered.run, entered.node, entered.number, substr(ended.type, {len(_BLOCK) + 1}) AS state,
        nullif(entered.at, 0) AS entered_at, nullif(ended.at, 0) AS ended_at, ended.error
    FROM entered LEFT JOIN ended ON ended.run = entered.run AND ended.node IS entered.node
        AND ended.number = entered.number
)"""  # noqa: S608  (constants)
_SOURCES = {"runs": "main.runs", "events": "main.events", "checkpoints": "main.pending", "visits": _VISITS}
# Instructions of SQLite between two looks at the clock: about a millisecond.
CHECK_EVERY = 20_000
MAX_VALUE_BYTES = 64 * 1024 * 1024
_TABLE_FUNCTIONS = frozenset({"json_each", "json_tree"})
_FORBIDDEN_FUNCTIONS = frozenset({"load_extension", "moment_of", "add_columns"})
_DISK_FAILURES = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN}
)


class SqlResult(Struct):
    """The result of a statement: the names of its columns, all different, and its rows, which can be read once."""

    columns: Sequence[str]
    rows: Iterator[Sequence[Any]]


@contextmanager
def query_journal(path: JournalLocation, statement: str, clock: Clock, limit_s: float) -> Iterator[SqlResult]:
    """Run a statement over the views of the journal, or of the file of JSON lines, at `path`.

    Raises the errors of `open_recording`; UsageError for a statement that is wrong or refused, and TimedOut.
    """
    with open_readonly(path) as journal:
        if isinstance(path, JournalUrl):
            from scaicore_tui.store.postgres.read_sql import read_sql as read_server_sql

            with read_server_sql(journal, statement, clock, limit_s) as result:
                yield result
        else:
            yield read_sql(journal, statement, clock, limit_s)


def read_sql(journal: Journal, statement: str, clock: Clock, limit_s: float) -> SqlResult:
    """Run a statement over the views of `journal`, which is used for nothing else afterwards.

    Raises UsageError for a statement that is wrong or refused, and TimedOut, also while rows are read.
    """
    secret = token_hex(16)
    deadline = clock.monotonic() + limit_s
    with journal.using():
        database = journal.sqlite
        for script in _view_scripts(secret):
            database.execute(script)
        database.text_factory = lambda source: source.decode("utf-8", "replace")
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
        database.set_progress_handler(lambda: clock.monotonic() > deadline, CHECK_EVERY)
        database.set_authorizer(_authorizer(secret))
        with _explained(limit_s):
            cursor = database.execute(statement)
    if cursor.description is None:
        raise UsageError("the statement returns no rows", effect="nothing was changed", hint="write SELECT … FROM runs")
    return SqlResult(distinct_names([column[0] for column in cursor.description]), _rows(cursor, limit_s))


def _view_scripts(secret: str) -> Iterator[str]:
    """Yield the statements that make the views: each one over one whose name nobody else knows."""
    for name, columns in COLUMNS.items():
        listed = ", ".join(f"{meaning} AS {column}" for column, meaning in columns.items())
        source = _SOURCES[name].format(secret)
        yield f"CREATE TEMP VIEW {name}_{secret} AS SELECT {listed} FROM {source}"  # noqa: S608  (constants)
        yield f"CREATE TEMP VIEW {name} AS SELECT * FROM {name}_{secret}"  # noqa: S608  (constants)


def _authorizer(secret: str) -> Callable[..., int]:
    """Return a function that permits what reads the views. Their own reads of tables come from a secret name."""
    public = frozenset(COLUMNS)

    def is_readable(table: str, database: str | None, source: str | None) -> bool:
        if database == "temp":
            return table in public or (source in public and table.endswith(secret))
        return table in _TABLE_FUNCTIONS or (source is not None and source.endswith(secret))

    def authorize(action: int, first: str | None, second: str | None, database: str | None, source: str | None) -> int:
        if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE):
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_FUNCTION and second not in _FORBIDDEN_FUNCTIONS:
            return sqlite3.SQLITE_OK
        # A column without a name: only rows are counted, which SQLite asks of the table itself.
        if action == sqlite3.SQLITE_READ and (second == "" or is_readable(first or "", database, source)):
            return sqlite3.SQLITE_OK
        return sqlite3.SQLITE_DENY

    return authorize


@contextmanager
def _explained(limit_s: float) -> Iterator[None]:
    """Turn an error of SQLite into one for people."""
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning) as error:
        # Python's own errors, such as that of two statements, have no code.
        code = primary_code(error) if isinstance(error, sqlite3.Error) and hasattr(error, "sqlite_errorcode") else None
        if code == sqlite3.SQLITE_INTERRUPT:
            raise statement_timed_out(limit_s) from None
        if code in _DISK_FAILURES and isinstance(error, sqlite3.Error):
            raise journal_failure(error, None) from error
        raise wrong_statement(error) from None


SQL_HINT = f"readable are {', '.join(sorted(COLUMNS))}: scaicore-tui help queries"


def statement_timed_out(limit_s: float) -> TimedOut:
    """Return the error for a statement that took longer than `limit_s` seconds."""
    return TimedOut(f"the statement was ended after {limit_s:g} s", hint="--timeout 60s gives it more")


def wrong_statement(message: object) -> UsageError:
    """Return the error for a statement that is wrong or refused."""
    return UsageError(f"SQL: {message}", effect="nothing was changed", hint=SQL_HINT)


def _rows(cursor: sqlite3.Cursor, limit_s: float) -> Iterator[Sequence[Any]]:
    with _explained(limit_s):
        yield from ([_plain(value) for value in row] for row in cursor)


def _plain(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def distinct_names(names: Sequence[str]) -> list[str]:
    """Return the names of columns, with a number for those that occurred before."""
    found: dict[str, None] = {}
    for name in names:
        numbered = (f"{name}_{number}" for number in count(2))
        found[name if name not in found else next(other for other in numbered if other not in found)] = None
    return list(found)
