"""The table `recorders`: each recorder of a journal reports there that it is alive, and learns who leads.

All times are those of the server's clock, so the clocks of the machines do not matter.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from msgspec import Struct

from scaicore_tui.store.journal import Journal
from scaicore_tui.store.leadership import ENDED_INTERVAL_S, Leader, Report, Roster
from scaicore_tui.store.postgres.address import Address
from scaicore_tui.store.postgres.connection import ServerConnection

_IS_READY = "SELECT to_regclass('recorders') IS NOT NULL"
_NOW = "(SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now) AS clock"
# The recorder with the newest epoch leads, whatever a former leader believes.
_REPORT = f"""INSERT INTO recorders AS old (name, host, is_leader, started_at, seen_at, polled_at, interval_s, problem)
SELECT ?::bytea, ?::bytea, CASE WHEN epoch = ?::bigint THEN 1 ELSE 0 END, now, now, now - ?::bigint,
    ?::double precision, ?::bytea FROM journal_state, {_NOW}
ON CONFLICT (name) DO UPDATE SET is_leader = excluded.is_leader, seen_at = excluded.seen_at,
    polled_at = coalesce(excluded.polled_at, old.polled_at), interval_s = excluded.interval_s,
    problem = excluded.problem, started_at = CASE WHEN old.is_leader = excluded.is_leader THEN old.started_at
    ELSE excluded.started_at END
RETURNING is_leader"""  # noqa: S608  (a constant)
_EPOCH = "SELECT epoch FROM journal_state"
_LEADER = f"""SELECT host, started_at, (now - seen_at) / 1e6, interval_s, (now - polled_at) / 1e6
FROM recorders, {_NOW} WHERE is_leader = 1 AND name <> ? ORDER BY seen_at DESC LIMIT 1"""  # noqa: S608  (a constant)
_DEMOTE_OTHERS = "UPDATE recorders SET is_leader = 0 WHERE is_leader = 1 AND name <> ?"
_REMOVE_OLD = f"DELETE FROM recorders WHERE seen_at < (SELECT now FROM {_NOW}) - 86400 * 1000000::bigint"  # noqa: S608  (a constant)
# The row of the recorder that polled last stays: it tells the age of the data while no recorder runs.
_END = f"UPDATE recorders SET is_leader = 0, interval_s = {ENDED_INTERVAL_S}, problem = '' WHERE name = ?"  # noqa: S608  (constants)
_REMOVE_ENDED = f"""DELETE FROM recorders WHERE interval_s = {ENDED_INTERVAL_S}
AND coalesce(polled_at, 0) < (SELECT max(coalesce(polled_at, 0)) FROM recorders)"""  # noqa: S608  (constants)


class LeaderJournal(Struct, frozen=True):
    """A journal that this process writes as the leader. `epoch` returns its number, which a reconnection changes."""

    journal: Journal
    epoch: Callable[[], int]


class Recorders:
    """The recorders of one journal, over a connection of its own, which is made anew after a failure. Blocks."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection: ServerConnection | None = None
        self._lock = threading.Lock()
        self._is_ready = self._has_ended = False

    def report(self, report: Report) -> Roster:
        """Store a report; return who leads. Before the first recorder has made the tables, nothing is stored.

        Raises StorageError and CredentialsError.
        """
        with self._using() as connection:
            return Roster() if self._has_ended else self._report(connection, report)

    def end(self, name: str) -> None:
        """Store that a recorder ends: others need not wait until it is silent. Raises the same as `report`.

        Reports are not stored after that.
        """
        with self._using() as connection:
            self._has_ended = True
            if self._is_ready:
                connection.execute(_END, (name,))
                connection.execute(_REMOVE_ENDED)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _using(self) -> Iterator[ServerConnection]:
        with self._lock:
            connection = self._connection = self._connection or ServerConnection(self._address)
            try:
                yield connection
            except psycopg.Error as error:
                self.close()
                failure = connection.failure(error)
                if failure is None:
                    raise
                raise failure from error

    def _report(self, connection: ServerConnection, report: Report) -> Roster:
        self._is_ready = self._is_ready or bool(connection.execute(_IS_READY).fetchone()[0])
        if not self._is_ready:
            return Roster()
        age_us = report.polled_age_us
        values = (report.name, report.host, report.epoch, age_us, float(report.interval_s), report.problem)
        (is_leader,) = connection.execute(_REPORT, values).fetchone()
        if is_leader:
            self._demote_others(connection, report.name)
        (epoch,) = connection.execute(_EPOCH).fetchone()
        found = connection.execute(_LEADER, (report.name,)).fetchone()
        leader = None if found is None else _leader(*found)
        return Roster(int(epoch), bool(is_leader), leader)

    def _demote_others(self, connection: ServerConnection, name: str) -> None:
        connection.execute(_DEMOTE_OTHERS, (name,))
        connection.execute(_REMOVE_OLD)


def _leader(host: bytes, since: int, age_s: float, interval_s: float, polled_age_s: float | None) -> Leader:
    polled_age_s = None if polled_age_s is None else float(polled_age_s)
    return Leader(host.decode(errors="replace"), since, float(age_s), interval_s, polled_age_s)
