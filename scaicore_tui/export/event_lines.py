"""The format `jsonl`: the events of the runs, one in a line, as `events --json` prints them. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from scaicore_tui.export.exporter import Export
from scaicore_tui.protocol import envelope


def event_lines(export: Export) -> Iterator[str]:
    """Yield the events of all runs, one in a line."""
    for run in export.runs:
        for event in run.events:
            # An event may have been received in several lines.
            yield envelope.decode(event.raw).replace("\r", " ").replace("\n", " ") + "\n"
