"""Viewer sessions on journals on a real server, and rows of recorders as `record` writes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from scaicore_tui.actions import Ledger
from scaicore_tui.api.client import Client
from scaicore_tui.clock import Clock
from scaicore_tui.config import Target
from scaicore_tui.session.viewer import ViewerSession
from scaicore_tui.store import JournalWriter
from scaicore_tui.store.postgres import open_for_following
from scaicore_tui.store.postgres.address import schema_of
from tests.support.server_journals import ServerPlace

TARGET = Target(url="http://127.0.0.1:1/api/v1", name="team")
_PUT_RECORDER = """INSERT INTO {}.recorders
SELECT %s, 'host-a', %s, now_us, now_us - %s, now_us - %s, 5, convert_to(%s, 'UTF8')
FROM (SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint) AS now_us) AS now
ON CONFLICT (name) DO UPDATE
SET seen_at = excluded.seen_at, polled_at = excluded.polled_at, problem = excluded.problem"""


def viewer_on(
    place: ServerPlace, clock: Clock | None = None, client: Client | None = None, ledger: Ledger | None = None
) -> ViewerSession:
    """Return a viewer of a journal."""
    journal, source = open_for_following(place.url, place.identity)
    target = TARGET if client is None else client.target
    return ViewerSession(target, journal, source, clock, ledger, client)


@contextmanager
def recorded(place: ServerPlace) -> Iterator[JournalWriter]:
    """Yield the writer of a journal, as a recorder has it."""
    with place.open() as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        while writer.rebuild_missing() is not None:
            pass
        yield writer


def put_recorder(place: ServerPlace, *, seen_s: float = 0, polled_s: float | None = 0, problem: str = "") -> None:
    """Store the row of the recorder, which was seen, and answered by the API, so many seconds ago."""
    with psycopg.connect(place.url, autocommit=True) as connection:
        polled_us = None if polled_s is None else int(polled_s * 1_000_000)
        query = _PUT_RECORDER.format(schema_of(place.identity)).encode()
        connection.execute(query, (b"one", 1, int(seen_s * 1_000_000), polled_us, problem))
