"""Ids as values of SQLite, which refuses texts with unpaired surrogates."""

from __future__ import annotations


def encode_id(execution_id: str | None) -> str | bytes | None:
    """Return an id as an SQLite value: its text, or its bytes if it has unpaired surrogates, which SQLite refuses."""
    if execution_id is None or execution_id.isascii():
        return execution_id
    try:
        execution_id.encode()
    except UnicodeEncodeError:
        return execution_id.encode("utf-8", "surrogatepass")
    return execution_id


def decode_id(stored: str | bytes) -> str:
    """Return the id that `encode_id` encoded."""
    return stored if isinstance(stored, str) else stored.decode("utf-8", "surrogatepass")
