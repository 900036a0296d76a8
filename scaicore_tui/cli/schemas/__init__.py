"""The JSON Schemas of the documents that commands print with `--json`, one file for each command."""

from __future__ import annotations

from importlib import resources

FOLDER = resources.files(__package__)
# Commands that print the document of another one.
ALIASES = {"continue": "resolve", "replay": "resolve"}


def schema_names() -> list[str]:
    """Return the commands whose documents have a schema, sorted."""
    files = [file.name for file in FOLDER.iterdir()]
    return sorted([*(name.removesuffix(".json") for name in files if name.endswith(".json")), *ALIASES])
