"""`schema`: what each command prints with `--json`, as JSON Schema. Fields may be added, never changed."""

from __future__ import annotations

import json
from difflib import get_close_matches
from importlib import resources
from typing import Any

from scaicore_tui.cli import output
from scaicore_tui.errors import UsageError

# Commands that print what another one does.
SAME = {"continue": "resolve", "replay": "resolve"}
_FOLDER = resources.files("scaicore_tui.cli") / "schemas"


def names() -> list[str]:
    """The commands whose documents have a schema."""
    files = (file.name.removesuffix(".json") for file in _FOLDER.iterdir())
    return sorted([*files, *SAME])


def source(name: str) -> str:
    """The schema of what that command prints. Raises UsageError where there is none."""
    known = names()
    if name not in known:
        near = get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"one of: {', '.join(known)}"
        raise UsageError(f"no document is called {name!r}", hint=hint)
    return (_FOLDER / f"{SAME.get(name, name)}.json").read_text(encoding="utf-8")


def print_schema(name: str | None) -> None:
    """Print one schema; without a name, which there are."""
    if name is not None:
        output.line(source(name).rstrip())
        return
    output.table(("NAME", "DESCRIBES"), [(known, str(_read(known)["title"])) for known in names()])


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(source(name))
    return found
