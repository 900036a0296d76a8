"""The tables of a journal, and their migrations. A step is never changed after its release: a new one is added."""

from __future__ import annotations

# The columns have the meaning of those in `store.database`. Texts are bytes: PostgreSQL's own texts refuse NUL and lone
# surrogates, which ids may have, and compare by locale. Each recording of an event is one row, equal ones included.
# Ids are found by their digests, as an index takes no value of more than some 2,700 bytes. `events_execution` is not
# partial: the planner would not use what it knows of the values. `events` has partitions (see `partitions`). The
# functions for `sql` never fail: what is no text is shown with escapes, JSON in no UTF-8 is read as Latin-1, what JSON
# escapes and a text can't have is replaced, and what is no JSON is NULL.
MIGRATIONS = (
    """
    CREATE TABLE events (
        pos bigint PRIMARY KEY,
        at bigint NOT NULL,
        execution_id bytea,
        raw bytea NOT NULL
    ) PARTITION BY RANGE (pos);
    CREATE INDEX events_at ON events (at);
    CREATE INDEX events_execution ON events (sha256(execution_id), pos);
    CREATE TABLE gaps (
        after_pos bigint PRIMARY KEY,
        found_at bigint NOT NULL,
        reason integer NOT NULL
    );
    CREATE TABLE holes (
        after_pos bigint PRIMARY KEY,
        until_pos bigint NOT NULL,
        found_at bigint NOT NULL,
        cursor bytea
    );
    CREATE TABLE runs (
        place bigint PRIMARY KEY,
        execution_id bytea NOT NULL,
        summary bytea NOT NULL,
        status bytea NOT NULL,
        core_id bytea,
        started_at bigint,
        ended_at bigint,
        changed_at bigint,
        duration_ms double precision,
        failed_node bytea,
        error_group bytea,
        input_digest bigint,
        event_count bigint NOT NULL,
        search_text bytea NOT NULL,
        is_counted integer NOT NULL DEFAULT 0
    );
    CREATE UNIQUE INDEX runs_execution ON runs (sha256(execution_id));
    CREATE INDEX runs_status ON runs (status, place);
    CREATE INDEX runs_core ON runs (core_id, place);
    CREATE INDEX runs_started ON runs (started_at);
    CREATE INDEX runs_ended ON runs (ended_at) WHERE ended_at IS NOT NULL;
    CREATE INDEX runs_failed_ended ON runs (ended_at) WHERE status = 'failed';
    CREATE INDEX runs_changed ON runs (changed_at);
    CREATE INDEX runs_duration ON runs (duration_ms) WHERE duration_ms IS NOT NULL;
    CREATE INDEX runs_failed_node ON runs (failed_node) WHERE failed_node IS NOT NULL;
    CREATE INDEX runs_error_group ON runs (error_group) WHERE error_group IS NOT NULL;
    CREATE INDEX runs_input ON runs (input_digest) WHERE input_digest IS NOT NULL;
    CREATE TABLE folding (
        version integer NOT NULL,
        folded integer NOT NULL,
        counted integer NOT NULL
    );
    INSERT INTO folding VALUES (0, 0, 0);
    CREATE TABLE pending (
        place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        source bytea NOT NULL
    );
    CREATE TABLE identity (
        source bytea NOT NULL
    );
    CREATE TABLE node_days (
        core_id bytea,
        node_id bytea,
        block_kind bytea,
        day bigint,
        is_kept integer,
        durations bytea,
        waits bytea,
        visits bigint,
        failed bigint,
        with_usage bigint,
        input_tokens bigint,
        output_tokens bigint,
        with_cost bigint,
        cost_nanos bigint,
        UNIQUE (core_id, node_id, block_kind, day, is_kept)
    );
    CREATE TABLE node_parts (
        is_kept integer,
        is_removed integer,
        source bytea
    );
    CREATE TABLE asked (
        id bytea NOT NULL,
        core_id bytea,
        execution_id bytea,
        checkpoint_type bytea NOT NULL,
        assignee bytea NOT NULL,
        created_at bigint NOT NULL,
        expires_at bigint
    );
    CREATE UNIQUE INDEX asked_id ON asked (sha256(id));
    CREATE INDEX asked_created ON asked (created_at);
    CREATE TABLE sent_traces (
        receiver bytea NOT NULL,
        execution_id bytea NOT NULL,
        outcome integer NOT NULL,
        event_count bigint NOT NULL
    );
    CREATE UNIQUE INDEX sent_traces_run ON sent_traces (receiver, sha256(execution_id));
    CREATE FUNCTION instr(content bytea, part bytea) RETURNS integer LANGUAGE sql IMMUTABLE
        AS 'SELECT position(part IN content)';
    CREATE FUNCTION as_text(content bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
    BEGIN
        RETURN convert_from(content, 'UTF8');
    EXCEPTION WHEN others THEN
        RETURN encode(content, 'escape');
    END $$;
    CREATE FUNCTION as_json(content bytea) RETURNS json LANGUAGE plpgsql IMMUTABLE STRICT AS $$
    DECLARE
        found text;
    BEGIN
        found := convert_from(content, 'UTF8');
        PERFORM found::jsonb;
        RETURN found::json;
    EXCEPTION WHEN others THEN
        BEGIN
            found := coalesce(found, convert_from(content, 'LATIN1'));
            found := regexp_replace(found, '\\\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\\\\ufffd', 'g');
            PERFORM found::jsonb;
            RETURN found::json;
        EXCEPTION WHEN others THEN
            RETURN NULL;
        END;
    END $$;
    """,
    # The recorders of this journal: who leads, and who stands by.
    """
    CREATE TABLE recorders (
        name bytea PRIMARY KEY,
        host bytea NOT NULL,
        is_leader integer NOT NULL,
        started_at bigint NOT NULL,
        seen_at bigint NOT NULL,
        polled_at bigint,
        interval_s double precision NOT NULL,
        problem bytea NOT NULL
    );
    """,
    # What changed since when, for viewers (see `store.change_log`).
    """
    ALTER TABLE journal_state ADD COLUMN revision bigint NOT NULL DEFAULT 0;
    ALTER TABLE journal_state ADD COLUMN gaps_revision bigint NOT NULL DEFAULT 0;
    ALTER TABLE journal_state ADD COLUMN pending_revision bigint NOT NULL DEFAULT 0;
    ALTER TABLE journal_state ADD COLUMN complete_from bigint NOT NULL DEFAULT 0;
    ALTER TABLE journal_state ADD COLUMN event_count bigint NOT NULL DEFAULT 0;
    ALTER TABLE journal_state ADD COLUMN lineage bigint NOT NULL DEFAULT 0;
    ALTER TABLE journal_state ADD COLUMN former_lineage bigint NOT NULL DEFAULT 0;
    ALTER TABLE journal_state ADD COLUMN forked_at bigint NOT NULL DEFAULT 0;
    UPDATE journal_state SET event_count = (SELECT count(*) FROM events);
    ALTER TABLE runs ADD COLUMN revision bigint NOT NULL DEFAULT 0;
    ALTER TABLE runs ADD COLUMN live_revision bigint NOT NULL DEFAULT 0;
    CREATE INDEX runs_revision ON runs (revision);
    CREATE TABLE removals (
        revision bigint NOT NULL,
        place bigint,
        execution_id bytea
    );
    CREATE INDEX removals_revision ON removals (revision);
    """,
)
TABLES_VERSION = len(MIGRATIONS)
# `epoch` counts the writers: one whose number is not the newest must not write. `version` is that of the tables.
CREATE_STATE = """
CREATE TABLE IF NOT EXISTS journal_state (version integer NOT NULL, epoch bigint NOT NULL);
INSERT INTO journal_state SELECT 0, 0 WHERE NOT EXISTS (SELECT 1 FROM journal_state);
"""
