"""The events of a run as sections of values: number, time, type and node in columns, the payload unfolds. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scaicore_tui.analysis.event_pages import NumberedEvent
from scaicore_tui.protocol import Event
from scaicore_tui.protocol.events import RUNTIME
from scaicore_tui.text import cell_width, one_line, pad
from scaicore_tui.timefmt import format_iso
from scaicore_tui.tui.render.value_rows import Section

# The keys of events begin with this; their numbers follow.
EVENT = "event "
MAX_TYPE_CELLS, MAX_NODE_CELLS, MAX_SUMMARY_CHARS, MIN_NUMBER_CELLS = 20, 30, 400, 5
_TIME_CELLS = 12
_SHOWN_FIELDS = re.compile(r'"(?:execution|node)_id": ?(?:null|"[^"]{0,100}")(?:, ?)?')


def event_sections(rows: Sequence[NumberedEvent], total: int = 0, moment: int | None = None) -> list[Section]:
    """Return some of `total` events; those that a flow's author or the platform emitted are bold.

    With a `moment`, the number of the event that the run is shown as of, later ones are faint.
    """
    number_cells = max(MIN_NUMBER_CELLS, len(f"{total:,}"))
    names = [one_line(row.event.node_id or "", MAX_NODE_CELLS) for row in rows]
    node_cells = max(map(cell_width, names), default=0)
    found = []
    for (number, event), name in zip(rows, names, strict=True):
        title = f"{number:>{number_cells},}  {_time_and_type(event)}  {pad(name, node_cells)}"
        colour = "grey" if moment is not None and number > moment else _colour(event)
        found.append(
            Section(
                f"{EVENT}{number}", title, colour=colour, is_foreign=True, source=event.raw, summary=_summary(event)
            )
        )
    return found


def _colour(event: Event) -> str:
    return "text" if event.type.startswith(RUNTIME) else "text strong"


def _summary(event: Event) -> str:
    """Return the begin of the payload, without the fields that the row shows already."""
    text = event.raw.decode("utf-8", "backslashreplace")
    payload = (text.partition('"payload":')[2] or text)[:MAX_SUMMARY_CHARS]
    return one_line(_SHOWN_FIELDS.sub("", payload))


def _time_and_type(event: Event) -> str:
    time = (format_iso(event.at) or "")[11:23].removesuffix("Z") or event.timestamp
    kind = one_line(event.type.removeprefix(RUNTIME), MAX_TYPE_CELLS)
    return f"{pad(one_line(time, _TIME_CELLS), _TIME_CELLS)}  {pad(kind, MAX_TYPE_CELLS)}"
