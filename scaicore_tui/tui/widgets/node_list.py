"""The list of a run's nodes, below notes about the run itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from scaicore_tui.runs import NodeRunInfo, Run, RunStatus
from scaicore_tui.text import cell_width, json_inline, one_line
from scaicore_tui.tui.messages import RunOpened
from scaicore_tui.tui.render.line import BAR, Line, untrusted
from scaicore_tui.tui.render.replays import Relation
from scaicore_tui.tui.render.runs import MAX_NAME_CELLS, node_row
from scaicore_tui.tui.widgets.row_list import RowList

MAX_ERROR_LINES = 3
# The name column is as wide as the longest name of this many recent runs, so that it rarely moves with the cursor.
SHARED_WIDTH_RUNS = 8


class NodeList(RowList):
    """Notes, nodes and output of one run. A row is a node, or a line of a note."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self._run: Run | None = None
        self._relations: Sequence[Relation] = ()
        self._missing = ""
        self._rows: list[NodeRunInfo | Line] = []
        self._now = 0.0
        self._name_widths = deque([0], maxlen=SHARED_WIDTH_RUNS)
        self._follow_active = True

    @property
    def run(self) -> Run | None:
        """The run whose nodes these are."""
        return self._run

    @property
    def rows_below(self) -> int:
        """The number of rows below the visible ones."""
        return max(0, self.row_count - self.top - self.size.height)

    @property
    def row_count(self) -> int:
        return len(self._rows)

    @property
    def empty_text(self) -> str:
        if self._run is not None and self._run.is_loading:
            return f"reading {self._run.event_count:,} events…"
        return "no run is selected" if self._run is None else "no node entered yet"

    def draw_row(self, row: int) -> Line:
        item = self._rows[row]
        if not isinstance(item, NodeRunInfo):
            return item
        status = RunStatus.UNKNOWN if self._run is None else self._run.status
        return node_row(item, self.size.width - 2, self._now, status, max(self._name_widths))

    def show(self, run: Run | None, now: float, relations: Sequence[Relation] = (), missing: str = "") -> None:
        """Show `run` at `now`, in seconds since 1970. The cursor follows the active node until a person moves it.

        `relations` are its replays and the run that it replays; `missing` is a note about missing events.
        """
        if run is None or self._run is None or run.execution_id != self._run.execution_id:
            self.cursor = 0
            self._follow_active = True
            self._name_widths.append(0)
            self.scroll_to_line(0)
        self._run, self._now, self._relations, self._missing = run, now, relations, missing
        self._rebuild_rows()
        if self._follow_active:
            self._select_active()

    def cursor_moved(self, *, by_user: bool) -> None:
        self._follow_active = self._follow_active and not by_user

    def tick(self, now: float) -> None:
        """Update the ages to `now`, in seconds since 1970."""
        self._now = now
        self.repaint()

    def on_resize(self) -> None:
        self._rebuild_rows()
        super().on_resize()

    def row_opened(self) -> None:
        """Open the run; with the cursor on a node, at that node."""
        if self._run is not None:
            item = self._rows[self.cursor] if self.cursor < self.row_count else None
            node = (item.node_id, item.block_kind) if isinstance(item, NodeRunInfo) else None
            self.post_message(RunOpened(self._run.execution_id, node))

    def _rebuild_rows(self) -> None:
        run = self._run
        if run is None:
            self._rows, widths = [], []
        else:
            notes = _note_lines(run, self._missing, self.size.width - 3)
            self._rows = [*notes, *_relation_lines(self._relations), *run.nodes.values(), *_output_lines(run)]
            widths = [cell_width(one_line(node.name, MAX_NAME_CELLS)) for node in run.nodes.values()]
        self._name_widths[-1] = min(MAX_NAME_CELLS, max(widths, default=0) + 1)
        self.cursor = min(self.cursor, max(0, self.row_count - 1))
        self.repaint()

    def _select_active(self) -> None:
        """Select the newest open node, or the newest one. If the run is over, stay at the top, where its error is."""
        if self._run is not None and not self._run.is_over:
            nodes = [(row, item) for row, item in enumerate(self._rows) if isinstance(item, NodeRunInfo)]
            active_rows = [row for row, node in nodes if node.open_visits] or [row for row, _ in nodes]
            self.set_cursor(active_rows[-1] if active_rows else 0, by_user=False)


def _note_lines(run: Run, missing: str, width: int) -> list[Line]:
    """Return notes about the run: its error, and whatever is unusual or missing."""
    notes = untrusted(run.error, width, "red", MAX_ERROR_LINES) if run.error else []
    if run.joined_late:
        notes.append([("incomplete: this run began before our first event", "amber")])
    if missing:
        notes.append([(missing, "amber")])
    if run.anomalies:
        notes.append([(f"unexpected: {', '.join(run.anomalies)}", "amber")])
    return notes


def _relation_lines(relations: Sequence[Relation]) -> list[Line]:
    return [[(f"{kind} {other}", "accent")] for kind, other in relations]


def _output_lines(run: Run) -> list[Line]:
    return [] if run.output is None else [[("output ", "grey"), BAR, (json_inline(run.output, 200), "grey")]]
