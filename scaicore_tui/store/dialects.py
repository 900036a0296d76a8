"""The parts of statements, and values, that SQLite and PostgreSQL need in different forms."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from msgspec import Struct


def _list_of_texts(values: Sequence[object]) -> str:
    """Return a list as JSON, which has no bytes: ids that SQLite can only store as bytes are left out."""
    return json.dumps([value for value in values if not isinstance(value, bytes)])


class Dialect(Struct, frozen=True):
    """One of both. In a text, `{}` is where an expression goes."""

    # All values in one JSON array. With a row for each, this thread would take the interpreter's lock for each.
    json_array: str
    # True for the values in a list, which is passed as `pack_list` returns it.
    is_among: str
    pack_list: Callable[[Sequence[object]], object]
    # The length of an id as `substr` counts it.
    length_of: Callable[[str | bytes], int]
    # A column whose index is not to be used.
    no_index: str
    as_hex: str
    # An integer of `value`, not below `low` nor above `high`.
    as_integer: str
    # Group, `place` and `ended_at` of the newest row of each group in `source`, a FROM and WHERE.
    newest_of_each: str
    # Creates the table of `sent_traces`, unless there is one; empty if the migrations do.
    sent_traces_table: str
    # The bytes that the journal uses; empty if no limit can be kept.
    used_bytes: str
    # Begins a transaction that sees one state of the journal.
    begin_snapshot: str
    # New events can be kept in tables in memory while the stored ones can't be written.
    can_buffer: bool
    # The number of stored events, and a statement that adds to it; empty if it is not kept.
    event_count: str
    add_event_count: str
    # The number of the current transaction, with which changed runs are marked; empty if changes are not logged.
    revision: str


SQLITE = Dialect(
    json_array="json_group_array({})",
    is_among="{} IN (SELECT value FROM json_each(?))",
    pack_list=_list_of_texts,
    length_of=len,
    no_index="+{}",
    as_hex="hex({})",
    as_integer="CAST(max({low}, min({high}, {value})) AS INTEGER)",
    # SQLite takes `place` from the row with the maximum.
    newest_of_each="SELECT {group}, place, max(ended_at) {source} GROUP BY 1",
    sent_traces_table="""CREATE TABLE IF NOT EXISTS main.sent_traces (
    receiver TEXT NOT NULL,
    execution_id NOT NULL,
    outcome INTEGER NOT NULL,
    event_count INTEGER NOT NULL,
    PRIMARY KEY (receiver, execution_id)
) WITHOUT ROWID""",
    used_bytes="""SELECT (page_count - freelist_count) * page_size
FROM pragma_page_count, pragma_freelist_count, pragma_page_size""",
    begin_snapshot="BEGIN",
    can_buffer=True,
    event_count="SELECT count(*) FROM events",
    add_event_count="",
    revision="",
)


def _bytes_of(value: str | bytes) -> int:
    return len(value.encode()) if isinstance(value, str) else len(value)


# All texts are stored as bytes, which hold NUL and lone surrogates, and compare as in SQLite.
POSTGRES = Dialect(
    json_array="coalesce(json_agg({}), '[]')::text",
    is_among="{} = ANY(?)",
    pack_list=list,
    length_of=_bytes_of,
    no_index="{}",
    as_hex="encode({}, 'hex')",
    as_integer="""CASE WHEN {value} IS NOT NULL
        THEN CAST(trunc(greatest({low}, least({high}, {value}))) AS bigint) END""",
    newest_of_each="SELECT DISTINCT ON ({group}) {group}, place, ended_at {source} ORDER BY {group}, ended_at DESC",
    sent_traces_table="",
    # Deleted rows are only freed by VACUUM, so the size of a table says little.
    used_bytes="",
    begin_snapshot="BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    can_buffer=False,
    # Counting takes seconds for many millions.
    event_count="SELECT event_count FROM journal_state",
    add_event_count="UPDATE journal_state SET event_count = event_count + ?",
    revision="(SELECT revision FROM journal_state)",
)
