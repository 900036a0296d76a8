"""The three panes of the main screen and their headings: where they stand, and which one the keys go to."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Vertical

from scaicore_tui.runs import Run, RunStatus
from scaicore_tui.runs.status_style import RUN_STYLES
from scaicore_tui.text import display_name, one_line
from scaicore_tui.timefmt import age_text, format_duration
from scaicore_tui.tui.keymap import KeyContext
from scaicore_tui.tui.render.line import NEWER, Span
from scaicore_tui.tui.render.runs import core_name, short_id
from scaicore_tui.tui.run_list_model import RunListModel
from scaicore_tui.tui.widgets.bars import Heading
from scaicore_tui.tui.widgets.checkpoint_list import CheckpointList
from scaicore_tui.tui.widgets.inputs import FilterBar
from scaicore_tui.tui.widgets.node_list import NodeList
from scaicore_tui.tui.widgets.row_list import RowList
from scaicore_tui.tui.widgets.run_list import RunList

# Panes stand side by side from WIDE on; below NARROW one shows at a time.
WIDE = 110
NARROW = 72


class Panes(Container):
    """Run list, node list, inbox. The pane in front is the one that the keys go to."""

    DEFAULT_CSS = """
    Panes { height: 1fr; layout: vertical; }
    Panes #upper { height: 1fr; layout: vertical; }
    Panes #runs-pane, Panes #nodes-pane { height: 1fr; width: 1fr; }
    Panes #inbox-pane { height: 24%; min-height: 5; }
    Panes.-wide #upper { layout: horizontal; }
    Panes.-wide #runs-pane { width: 54%; margin-right: 1; }
    Panes.-narrow #inbox-pane { height: 1fr; }
    """

    def __init__(self, listing: RunListModel) -> None:
        super().__init__()
        self.listing = listing
        self.front = KeyContext.RUNS
        self.runs = RunList(listing)
        self.nodes = NodeList()
        self.inbox = CheckpointList()
        self.filter = FilterBar()
        self._headings = {place: Heading() for place in (KeyContext.RUNS, KeyContext.NODES, KeyContext.CHECKPOINTS)}
        self._panes = {
            KeyContext.RUNS: Vertical(self._headings[KeyContext.RUNS], self.filter, self.runs, id="runs-pane"),
            KeyContext.NODES: Vertical(self._headings[KeyContext.NODES], self.nodes, id="nodes-pane"),
            KeyContext.CHECKPOINTS: Vertical(self._headings[KeyContext.CHECKPOINTS], self.inbox, id="inbox-pane"),
        }
        self._upper = Container(self._panes[KeyContext.RUNS], self._panes[KeyContext.NODES], id="upper")

    @property
    def lists(self) -> dict[KeyContext, RowList]:
        """The list of each pane, in the order of `tab`."""
        return {KeyContext.RUNS: self.runs, KeyContext.NODES: self.nodes, KeyContext.CHECKPOINTS: self.inbox}

    def compose(self) -> ComposeResult:
        yield self._upper
        yield self._panes[KeyContext.CHECKPOINTS]

    def focus_pane(self, place: KeyContext) -> None:
        """Give the keys to that pane, and on a narrow screen show it in place of the others."""
        self.front = place
        self.relayout()
        for other, rows in self.lists.items():
            rows.set_active(is_front=other is place)

    def on_click(self, event: events.Click) -> None:
        """A click brings a pane to the front."""
        place = next((place for place, rows in self.lists.items() if rows is event.widget), self.front)
        if place is not self.front:
            self.focus_pane(place)

    def relayout(self) -> None:
        """Put the panes where this screen has room for them."""
        width = self.app.size.width
        narrow = width < NARROW
        self.set_class(width >= WIDE, "-wide")
        self.set_class(narrow, "-narrow")
        shown = {place for place in self.lists if not narrow or place is self.front}
        for place, pane in self._panes.items():
            pane.display = place in shown
        self._upper.display = bool(shown - {KeyContext.CHECKPOINTS})

    def show_headings(self, selected: list[Span], waiting: str, marked: int, *, has_older: bool, offline: bool) -> None:
        """The headings: that of the `selected` run, and how many checkpoints are `waiting` (?: not read yet), some
        `marked`."""
        title, end = self._runs_heading(has_older=has_older)
        self._heading(KeyContext.RUNS, title, end)
        below = self.nodes.below
        self._heading(KeyContext.NODES, selected, [(f"{below} more ↓", "grey")] if below else [])
        colour = "grey" if waiting in ("0", "?") else "amber strong"
        waits = "Waited" if offline else "Waiting"
        marks = f" · {marked} marked" if marked else ""
        self._heading(
            KeyContext.CHECKPOINTS,
            [(f"{waits} for you · {waiting}", colour), (marks, "accent strong")],
        )

    def _heading(self, place: KeyContext, left: list[Span], end: list[Span] | None = None) -> None:
        self._headings[place].show(left, end or [], active=place is self.front)

    def _runs_heading(self, *, has_older: bool) -> tuple[list[Span], list[Span]]:
        listing, runs = self.listing, self.runs
        place = f"{runs.cursor + 1:,} of {len(listing):,}" if len(listing) else "0"
        left: list[Span] = [(f"Runs  {place}", "text strong")]
        if listing.is_filtered:
            left.append((f"  {listing.view}" if listing.view != "all" else "", "accent strong"))
            left.append((f"  /{one_line(listing.needle, 20)}" if listing.needle else "", "accent strong"))
            left.append((f"  of {listing.total:,} runs", "grey"))
        end: list[Span] = [("following", "accent") if runs.following else ("f follows", "grey")]
        if has_older and len(listing) and runs.cursor == len(listing) - 1:
            end = [("↓ reads older", "accent")]
        if runs.newer:
            end = [(f"{NEWER} {runs.newer:,} new  ", "accent strong"), *end]
        return left, end


def run_heading(run: Run | None, now: float, waits_since: int | None) -> list[Span]:
    """Id, status and Core of a run, and how long it ran, or has been waiting since that moment in microseconds.

    What differs most in width stands last: what is equal in the next run stays where it is.
    """
    if run is None:
        return [("Nodes", "text strong")]
    look = RUN_STYLES[run.status]
    begun = waits_since if run.status is RunStatus.WAITING else run.began_at
    spent = format_duration(run.duration_ms) if run.is_over else age_text(begun, now)
    return [
        (short_id(run.execution_id), "text strong"),
        (f"  {look.word} {spent}", look.colour),
        (f"  {display_name(core_name(run.core_id))}", "text strong"),
    ]
