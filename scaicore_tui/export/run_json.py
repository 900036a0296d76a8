"""The format `json`: the documents of runs that `show --json` prints. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from scaicore_tui.export.documents import show_document
from scaicore_tui.export.exporter import Export
from scaicore_tui.json_text import INDENT_SPACES, write


def run_json(export: Export) -> Iterator[str]:
    """Yield the document of the only run that was named, or a list of the documents of all runs."""
    separator = "" if export.is_one_run else "[\n"
    for run in export.runs:
        document = {**show_document(run.run, run.steps), "missing": run.missing or None}
        yield separator + write(document, indent=INDENT_SPACES, ascii_only=True, non_finite="null")
        separator = ",\n"
    if export.is_one_run:
        yield "\n"
    else:
        yield "[]\n" if separator == "[\n" else "\n]\n"
