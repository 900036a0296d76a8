"""The three panes of the main screen and their headings: where they stand, and which one the keys go to."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Vertical

from scaicore_tui.runs import Run, RunStatus
from scaicore_tui.runs.status import RUN_LOOKS
from scaicore_tui.runs.words import took
from scaicore_tui.text import named, one_line
from scaicore_tui.tui.actions import Place
from scaicore_tui.tui.listing import Listing
from scaicore_tui.tui.paint import NEWER, Piece
from scaicore_tui.tui.times import since
from scaicore_tui.tui.widgets.checkpoints import CheckpointList
from scaicore_tui.tui.widgets.filter_bar import FilterBar
from scaicore_tui.tui.widgets.heading import Heading
from scaicore_tui.tui.widgets.nodes import NodeList
from scaicore_tui.tui.widgets.rows import Rows
from scaicore_tui.tui.widgets.run_row import core_name, short_id
from scaicore_tui.tui.widgets.runs import RunList

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

    def __init__(self, listing: Listing) -> None:
        super().__init__()
        self.listing = listing
        self.front = Place.RUNS
        self.runs = RunList(listing)
        self.nodes = NodeList()
        self.inbox = CheckpointList()
        self.filter = FilterBar()
        self._headings = {place: Heading() for place in (Place.RUNS, Place.NODES, Place.CHECKPOINTS)}
        self._panes = {
            Place.RUNS: Vertical(self._headings[Place.RUNS], self.filter, self.runs, id="runs-pane"),
            Place.NODES: Vertical(self._headings[Place.NODES], self.nodes, id="nodes-pane"),
            Place.CHECKPOINTS: Vertical(self._headings[Place.CHECKPOINTS], self.inbox, id="inbox-pane"),
        }
        self._upper = Container(self._panes[Place.RUNS], self._panes[Place.NODES], id="upper")

    @property
    def lists(self) -> dict[Place, Rows]:
        """The list of each pane, in the order of `tab`."""
        return {Place.RUNS: self.runs, Place.NODES: self.nodes, Place.CHECKPOINTS: self.inbox}

    def compose(self) -> ComposeResult:
        yield self._upper
        yield self._panes[Place.CHECKPOINTS]

    def bring(self, place: Place) -> None:
        """Give the keys to that pane, and on a narrow screen show it in place of the others."""
        self.front = place
        self.lay_out()
        for other, rows in self.lists.items():
            rows.come_to_front(is_front=other is place)

    def on_click(self, event: events.Click) -> None:
        """A click brings a pane to the front."""
        place = next((place for place, rows in self.lists.items() if rows is event.widget), self.front)
        if place is not self.front:
            self.bring(place)

    def lay_out(self) -> None:
        """Put the panes where this screen has room for them."""
        width = self.app.size.width
        narrow = width < NARROW
        self.set_class(width >= WIDE, "-wide")
        self.set_class(narrow, "-narrow")
        shown = {place for place in self.lists if not narrow or place is self.front}
        for place, pane in self._panes.items():
            pane.display = place in shown
        self._upper.display = bool(shown - {Place.CHECKPOINTS})

    def show_headings(
        self, selected: list[Piece], waiting: str, marked: int, *, has_older: bool, offline: bool
    ) -> None:
        """The headings: that of the `selected` run, and how many checkpoints are `waiting` (?: not read yet), some
        `marked`."""
        title, end = self._runs_heading(has_older=has_older)
        self._heading(Place.RUNS, title, end)
        below = self.nodes.below
        self._heading(Place.NODES, selected, [(f"{below} more ↓", "grey")] if below else [])
        colour = "grey" if waiting in ("0", "?") else "amber strong"
        waits = "Waited" if offline else "Waiting"
        marks = f" · {marked} marked" if marked else ""
        self._heading(
            Place.CHECKPOINTS,
            [(f"{waits} for you · {waiting}", colour), (marks, "accent strong")],
        )

    def _heading(self, place: Place, left: list[Piece], end: list[Piece] | None = None) -> None:
        self._headings[place].show(left, end or [], active=place is self.front)

    def _runs_heading(self, *, has_older: bool) -> tuple[list[Piece], list[Piece]]:
        listing, runs = self.listing, self.runs
        place = f"{runs.cursor + 1:,} of {len(listing):,}" if len(listing) else "0"
        left: list[Piece] = [(f"Runs  {place}", "text strong")]
        if listing.is_narrowed:
            left.append((f"  {listing.view}" if listing.view != "all" else "", "accent strong"))
            left.append((f"  /{one_line(listing.needle, 20)}" if listing.needle else "", "accent strong"))
            left.append((f"  of {listing.total:,} runs", "grey"))
        end: list[Piece] = [("following", "accent") if runs.following else ("f follows", "grey")]
        if has_older and len(listing) and runs.cursor == len(listing) - 1:
            end = [("↓ reads older", "accent")]
        if runs.newer:
            end = [(f"{NEWER} {runs.newer:,} new  ", "accent strong"), *end]
        return left, end


def run_heading(run: Run | None, now: float, waits_since: int | None) -> list[Piece]:
    """Id, status and Core of a run, and how long it ran, or has been waiting since that moment in microseconds.

    What differs most in width stands last: what is equal in the next run stays where it is.
    """
    if run is None:
        return [("Nodes", "text strong")]
    look = RUN_LOOKS[run.status]
    begun = waits_since if run.status is RunStatus.WAITING else run.began_at
    spent = took(run.duration_ms) if run.is_over else since(begun, now)
    return [
        (short_id(run.execution_id), "text strong"),
        (f"  {look.word} {spent}", look.colour),
        (f"  {named(core_name(run.core_id))}", "text strong"),
    ]
