"""The tables. `position` is the order of arrival: feeds and cursors go by it, never by a timestamp."""

from typing import Final

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS identity (
    value TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,
    core_id TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    payload TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_of_core ON events (core_id, position);
CREATE TABLE IF NOT EXISTS executions (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    core_id TEXT NOT NULL,
    root_id TEXT NOT NULL,
    origin TEXT NOT NULL,
    entry TEXT NOT NULL,
    status TEXT NOT NULL,
    started_at REAL NOT NULL,
    instance_key TEXT NOT NULL,
    input TEXT NOT NULL,
    output TEXT NOT NULL,
    error TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS executions_by_status ON executions (status);
CREATE INDEX IF NOT EXISTS executions_by_root ON executions (root_id);
CREATE TABLE IF NOT EXISTS steps (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    execution_id TEXT NOT NULL,
    path TEXT NOT NULL,
    state TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (execution_id, path)
);
CREATE TABLE IF NOT EXISTS checkpoints (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    core_id TEXT NOT NULL,
    execution_id TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS checkpoints_by_status ON checkpoints (status, position);
"""
