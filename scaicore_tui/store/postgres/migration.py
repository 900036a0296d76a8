"""Bring the tables of a schema to the version of this program: those of a feed, and those of a team's ledger."""

from __future__ import annotations

from collections.abc import Sequence

from scaicore_tui.store.postgres.connection import ServerConnection, run
from scaicore_tui.store.postgres.failures import too_new
from scaicore_tui.store.postgres.roles import grant_to_groups

_HAS_SCHEMA = "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = convert_from(?, 'UTF8')"


def migrate(server: ServerConnection, state: str, create_state: str, steps: Sequence[str]) -> None:
    """Create the schema of a connection if it is missing, and take the `steps` that its tables lack.

    `state` is the table with the version, the number of steps that were taken; `create_state` creates it. After a step,
    the rights on the tables are granted to the groups. Raises StorageError if the tables are newer.
    """
    connection, schema = server.connection, server.address.schema
    if not run(connection, _HAS_SCHEMA, (schema,)).fetchall()[0][0]:
        connection.execute(f"CREATE SCHEMA {schema}".encode())
    if run(connection, "SELECT to_regclass(convert_from(?, 'UTF8'))", (state,)).fetchall()[0][0] is None:
        connection.execute(create_state.encode())
    version = _version(server, state)
    if version > len(steps):
        raise too_new(server.address.label)
    for number, step in enumerate(steps[version:], version + 1):
        _take_step(server, state, number, step)
    if version < len(steps):
        grant_to_groups(server, schema)


def _take_step(server: ServerConnection, state: str, number: int, step: str) -> None:
    """Migrate to the next version: all of it or nothing. Another process may have done it by now."""
    with server.connection.transaction():
        if _version(server, state, "FOR UPDATE") < number:
            server.connection.execute(step.encode())
            run(server.connection, f"UPDATE {state} SET version = ?", (number,))  # noqa: S608  (a constant)


def _version(server: ServerConnection, state: str, lock: str = "") -> int:
    ((version,),) = run(server.connection, f"SELECT version FROM {state} {lock}").fetchall()  # noqa: S608  (constants)
    return int(version)
