"""The roles of a team's journal, as SQL for the administrator of the database, and what a recorder grants to them.

Groups have the rights on tables: those of the recorder own them, `scaicore_viewer` reads them, and `scaicore_answerer`
also writes what people do. Whether a person reaches a feed is another right: USAGE of its schema. So a tenant's people
are in the same groups as all others, and only get USAGE of the schemas of their tenant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scaicore_tui.store.engine import Database
from scaicore_tui.store.postgres.address import SCHEMA_PREFIX

RECORDER, VIEWER, ANSWERER = "scaicore_recorder", "scaicore_viewer", "scaicore_answerer"
# Schemas of feeds, and of what people do: `writes` and `presence` are tables of the latter.
_SCHEMAS = rf"nspname ~ '^({SCHEMA_PREFIX}|ledger_)[0-9a-f]{{32}}$'"
# For `format` of PostgreSQL, with the name of a schema: what the groups may do there.
_GRANTS = (f"GRANT SELECT ON ALL TABLES IN SCHEMA %1$I TO {VIEWER}",)
_GRANTS_IN_LEDGER = (
    f"GRANT INSERT, UPDATE ON %1$I.writes TO {ANSWERER}",
    f"GRANT INSERT, UPDATE, DELETE ON %1$I.presence TO {ANSWERER}",
    f"GRANT UPDATE ON %1$I.ledger_state TO {ANSWERER}",
)
_USAGE = f"GRANT USAGE ON SCHEMA %1$I TO {VIEWER}"
_HAS_GROUPS = f"SELECT count(*) FROM pg_roles WHERE rolname IN ('{VIEWER}', '{ANSWERER}')"  # noqa: S608  (constants)
_HAS_LEDGER = "SELECT to_regclass('writes') IS NOT NULL"


def grant_to_groups(database: Database, schema: str) -> None:
    """Grant the rights on the tables of a new schema, which is used now, to the groups, if there are any."""
    if database.execute(_HAS_GROUPS).fetchone()[0] < len((VIEWER, ANSWERER)):
        return
    is_ledger = database.execute(_HAS_LEDGER).fetchone()[0]
    for grant in (*_GRANTS, *(_GRANTS_IN_LEDGER if is_ledger else ())):
        database.execute(grant.replace("%1$I", schema))


def setup_sql(*, by_feed: bool) -> Iterator[str]:
    """Yield the lines of a script that creates the groups and grants them what they need, now and for later feeds.

    It may be run again. `by_feed`: no feed can be read until USAGE of its schema is granted, as by `feed_sql`.
    """
    yield "-- Run this as the owner of the database, connected to it. It may be run again."
    yield from map(_create, (RECORDER, VIEWER, ANSWERER))
    yield f"GRANT {VIEWER} TO {ANSWERER};"
    yield from _block([_in_database(f"GRANT CONNECT, CREATE ON DATABASE %I TO {RECORDER}")])
    yield from _block([_in_database(f"GRANT CONNECT ON DATABASE %I TO {VIEWER}")])
    yield "-- Feeds that come later. What people may write there, the recorder grants."
    yield f"ALTER DEFAULT PRIVILEGES FOR ROLE {RECORDER} GRANT SELECT ON TABLES TO {VIEWER};"
    if not by_feed:
        yield f"ALTER DEFAULT PRIVILEGES FOR ROLE {RECORDER} GRANT USAGE ON SCHEMAS TO {VIEWER};"
    yield "-- Feeds that there are."
    yield from _block(_for_each_schema(by_feed=by_feed))
    yield "-- Then, for each recorder's login and each person's (the second line lets recorders replace each other):"
    yield f"--   GRANT {RECORDER} TO login_of_a_recorder;"
    yield f"--   ALTER ROLE login_of_a_recorder SET role = '{RECORDER}';"
    yield f"--   GRANT {VIEWER} TO ada;     -- reads"
    yield f"--   GRANT {ANSWERER} TO grace; -- also answers"


def feed_sql(schemas: Sequence[str], role: str) -> Iterator[str]:
    """Yield the lines of a script that lets a role reach some schemas, as far as they exist."""
    yield "-- What the role may do there, its group decides: see the script without a role."
    for schema in schemas:
        grant = f"EXECUTE format('GRANT USAGE ON SCHEMA {schema} TO %I', {_literal(role)});"
        yield from _block([f"IF to_regnamespace('{schema}') IS NOT NULL THEN {grant} END IF;"])


def _create(group: str) -> str:
    return f"DO $$ BEGIN CREATE ROLE {group} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"


def _in_database(grant: str) -> str:
    return f"EXECUTE format('{grant}', current_database());"


def _for_each_schema(*, by_feed: bool) -> Iterator[str]:
    owned = "SELECT relname FROM pg_class WHERE relnamespace = found.oid AND relkind IN ('r', 'p')"
    functions = "SELECT oid::regprocedure AS signature FROM pg_proc WHERE pronamespace = found.oid"
    yield f"FOR found IN SELECT oid, nspname FROM pg_namespace WHERE {_SCHEMAS} LOOP"  # noqa: S608  (constants)
    yield f"    EXECUTE format('ALTER SCHEMA %I OWNER TO {RECORDER}', found.nspname);"
    yield f"    FOR item IN {owned} LOOP"
    yield f"        EXECUTE format('ALTER TABLE %I.%I OWNER TO {RECORDER}', found.nspname, item.relname);"
    yield "    END LOOP;"
    yield f"    FOR item IN {functions} LOOP"
    yield f"        EXECUTE format('ALTER FUNCTION %s OWNER TO {RECORDER}', item.signature);"
    yield "    END LOOP;"
    for grant in (*_GRANTS, *(() if by_feed else (_USAGE,))):
        yield f"    EXECUTE format('{grant}', found.nspname);"
    yield "    IF to_regclass(found.nspname || '.writes') IS NOT NULL THEN"
    for grant in _GRANTS_IN_LEDGER:
        yield f"        EXECUTE format('{grant}', found.nspname);"
    yield "    END IF;"
    yield "END LOOP;"


def _block(lines: Sequence[str] | Iterator[str]) -> Iterator[str]:
    yield "DO $$ DECLARE found record; item record; BEGIN"
    yield from (f"    {line}" for line in lines)
    yield "END $$;"


def _literal(text: str) -> str:
    """Return a text as a constant of SQL within a block."""
    return "'" + text.replace("'", "''").replace("$", "") + "'"
