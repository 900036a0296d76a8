"""The JSON Schemas of the documents that commands print with `--json`, generated from their types."""

from __future__ import annotations

from typing import Any

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Commands that print the document of another one.
ALIASES = {"continue": "resolve", "replay": "resolve"}
# Title of each schema, and the type of the document in `export.*_types`; with `[]` for a list of these.
_DOCUMENTS = {
    "checkpoints": ("The checkpoints with one status, as sent by the API", "CheckpointDocument[]"),
    "config-check": ("The problems of the settings, with their fixes", "ConfigCheckDocument"),
    "config-show": ("Every setting with its source", "ConfigShowDocument"),
    "demo": ("The addresses of the demo, on one line", "DemoDocument"),
    "diff": ("Two runs and their differences", "DiffDocument"),
    "doctor": ("The checks of configuration, connection and terminal", "DoctorDocument"),
    "events": ("One event per line, as sent by the API", "EventDocument"),
    "ledger": ("All writes sent from this machine, oldest first", "LedgerEntryDocument[]"),
    "ledger-team": ("All writes of the team, oldest first: ledger --journal postgresql://…", "TeamWriteDocument[]"),
    "record": ("Summary of a recording", "RecordDocument"),
    "resolve": ("The outcome of an answer or a replay", "WriteDocument"),
    "replay-where": ("The replays of selected runs, with a verdict on each: replay --where", "ReplayDocument[]"),
    "runs-by-error": (
        "The failed runs by their cause, the most frequent first: runs --group error",
        "ErrorGroupDocument[]",
    ),
    "runs-by-variant": ("The paths that runs took, by Core: runs --group variant", "VariantDocument[]"),
    "runs-by-core": ("The runs by Core, node or status: runs --group core, node or status", "RunGroupDocument[]"),
    "runs": ("The runs, newest first", "RunDocument[]"),
    "show": ("One run", "ShowDocument"),
    "sql": ("The rows of the result", "SqlRowDocument[]"),
    "stats": ("The figures of nodes, by Core, the most visited first", "NodeFiguresDocument[]"),
    "stats-answers": ("The times that people take to answer: stats --answers", "AnswersDocument[]"),
    "watch": ("One change per line", "TransitionDocument"),
}


def schema_names() -> list[str]:
    """Return the commands whose documents have a schema, sorted."""
    return sorted([*_DOCUMENTS, *ALIASES])


def schema_title(name: str) -> str:
    """Return what the document of a command is."""
    return _DOCUMENTS[ALIASES.get(name, name)][0]


def build_schema(name: str) -> dict[str, Any]:
    """Return the schema of the document that command `name` prints."""
    import msgspec  # imported late: completion only needs the names

    from scaicore_tui.export import diff_types, document_types, record_types, replay_types

    types = vars(document_types) | vars(diff_types) | vars(record_types) | vars(replay_types)
    name = ALIASES.get(name, name)
    title, type_name = _DOCUMENTS[name]
    document: Any = types[type_name.removesuffix("[]")]
    schema = msgspec.json.schema(list[document] if type_name.endswith("[]") else document)
    for type_name, definition in schema["$defs"].items():
        _order_fields(definition, list(types[type_name].__annotations__))
    head = {"$schema": _DIALECT, "$id": f"urn:scaicore-tui:{name}", "title": title}
    return head | schema


def _order_fields(definition: dict[str, Any], order: list[str]) -> None:
    """List the fields of an object in the order of the document; msgspec sorts them by name."""
    definition["properties"] = {name: definition["properties"][name] for name in order}
    definition["required"].sort(key=order.index)
