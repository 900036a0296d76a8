"""The command `schema`: print the JSON Schema of a command's `--json` output. Fields may be added, never changed."""

from __future__ import annotations

import json
from difflib import get_close_matches

from scaicore_tui.cli.output import stdout
from scaicore_tui.cli.schemas import build_schema, schema_names, schema_title
from scaicore_tui.errors import UsageError


def read_schema(name: str) -> str:
    """Return the schema of the document that command `name` prints. Raises UsageError if it has none."""
    known = schema_names()
    if name not in known:
        near = get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"one of: {', '.join(known)}"
        raise UsageError(f"no schema {name!r}", hint=hint)
    return json.dumps(build_schema(name), indent=2)


def print_schema(name: str | None) -> None:
    """Print one schema, or the list of all if `name` is None."""
    if name is not None:
        stdout.line(read_schema(name))
        return
    stdout.table(("NAME", "DESCRIBES"), [(known, schema_title(known)) for known in schema_names()])
