"""The three panes of the main screen: layout, headings, and which pane is active."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Vertical

from scaicore_tui.config.views import Sort
from scaicore_tui.runs import Run, RunStatus
from scaicore_tui.runs.sorted_order import SORT_WORDS
from scaicore_tui.runs.status_style import RUN_STYLES
from scaicore_tui.text import cell_width, display_name, one_line
from scaicore_tui.timefmt import age_text, format_duration
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import key_name
from scaicore_tui.tui.messages import RateClicked
from scaicore_tui.tui.pane_sizes import Border, PaneSizes
from scaicore_tui.tui.query_history import History
from scaicore_tui.tui.render.line import NEWER, Span, line_width
from scaicore_tui.tui.render.run_row import columns_line
from scaicore_tui.tui.render.runs import core_name, short_id
from scaicore_tui.tui.run_list_model import RunListModel
from scaicore_tui.tui.widgets.bars import Heading, TextLines
from scaicore_tui.tui.widgets.checkpoint_list import CheckpointList
from scaicore_tui.tui.widgets.query_bar import QueryBar
from scaicore_tui.tui.widgets.row_list import CURSOR_CELLS, RowList
from scaicore_tui.tui.widgets.run_list import RunList
from scaicore_tui.tui.widgets.run_overview import RunOverview
from scaicore_tui.tui.widgets.value_list import ValueList

# From WIDE_CELLS on, runs and nodes are side by side; below NARROW_CELLS only the active pane is shown.
WIDE_CELLS = 110
NARROW_CELLS = 72
# From so many lines on, the selected step is shown below the steps.
TALL_LINES = 30
# What a heading takes beside its text.
EDGE_CELLS = 2
# Keeps the rounding of a share from taking a cell off what the pointer tells.
PART_OF_CELL = 0.01


class Panes(Container):
    """Run list, node list, inbox. Keys go to the active pane."""

    DEFAULT_CSS = """
    Panes { height: 1fr; layout: vertical; }
    Panes #upper { height: 1fr; layout: vertical; }
    Panes #runs-pane, Panes #nodes-pane { height: 1fr; width: 1fr; }
    Panes #inbox-pane { height: 24%; min-height: 5; }
    Panes.-wide #upper { layout: horizontal; }
    Panes.-wide #runs-pane { width: 57%; margin-right: 1; }
    Panes.-low #inbox-pane { height: 1; min-height: 1; }
    Panes.-low.-answering #inbox-pane { height: 24%; min-height: 5; }
    Panes.-narrow #inbox-pane { height: 1fr; }
    Panes #step { display: none; height: 9; }
    Panes.-wide.-tall #step { display: block; }
    Panes.-enlarged #inbox-pane { height: 1fr; }
    Panes.-enlarged #runs-pane { width: 1fr; margin-right: 0; }
    """

    def __init__(self, run_list_model: RunListModel, history: History) -> None:
        super().__init__()
        self.run_list_model = run_list_model
        # The name of the saved view that is shown; * after it if its query was edited.
        self.view_name = ""
        # The order of the runs, in words; empty if it is the usual one.
        self.order_text = ""
        # How many runs are marked, in words; empty if none are.
        self.marked_text = ""
        self.active_context = KeyContext.RUNS
        self.is_enlarged = False
        self._sizes = PaneSizes()
        self._dragged: Border | None = None
        self.runs = RunList(run_list_model)
        self.nodes = RunOverview()
        self.rate = TextLines(id="rate")
        self.facts, self.axis = TextLines(), TextLines()
        self.step = ValueList("", id="step")
        self.inbox = CheckpointList()
        self.filter = QueryBar("runs", history)
        self.columns = TextLines()
        self._headings = {context: Heading() for context in (KeyContext.RUNS, KeyContext.NODES, KeyContext.CHECKPOINTS)}
        self._panes = {
            KeyContext.RUNS: Vertical(
                self._headings[KeyContext.RUNS],
                self.filter,
                self.filter.hint,
                self.columns,
                self.runs,
                id="runs-pane",
            ),
            KeyContext.NODES: Vertical(
                self._headings[KeyContext.NODES], self.facts, self.axis, self.nodes, self.step, id="nodes-pane"
            ),
            KeyContext.CHECKPOINTS: Vertical(self._headings[KeyContext.CHECKPOINTS], self.inbox, id="inbox-pane"),
        }
        self._upper = Container(self._panes[KeyContext.RUNS], self._panes[KeyContext.NODES], id="upper")

    @property
    def is_wide(self) -> bool:
        """True if runs and steps are side by side."""
        return self.has_class("-wide")

    @property
    def is_tall(self) -> bool:
        """True if the screen has many lines."""
        return self.has_class("-tall")

    @property
    def shows_step(self) -> bool:
        """True if the selected step is shown below the steps."""
        return self.is_wide and self.is_tall

    @property
    def has_room(self) -> bool:
        """True if there are lines for what other runs say about the selected one."""
        return self.is_wide or self.is_tall

    @property
    def lists(self) -> dict[KeyContext, RowList]:
        """The list of each pane, in the order of `tab`."""
        return {KeyContext.RUNS: self.runs, KeyContext.NODES: self.nodes, KeyContext.CHECKPOINTS: self.inbox}

    def compose(self) -> ComposeResult:
        yield self.rate
        yield self._upper
        yield self._panes[KeyContext.CHECKPOINTS]

    def focus_pane(self, context: KeyContext) -> None:
        """Make the pane of `context` active; on a narrow screen, show only that pane."""
        self.active_context = context
        self.relayout()
        for other, rows in self.lists.items():
            rows.set_active(active=other is context)

    def on_click(self, event: events.Click) -> None:
        """Activate the clicked pane; in the rate, list the runs of a bar."""
        if self.rate.display and self.rate.region.contains(event.screen_x, event.screen_y):
            self.post_message(RateClicked(event.screen_y - self.rate.region.y, event.screen_x - self.rate.region.x))
            return
        context = next((context for context, rows in self.lists.items() if rows is event.widget), self.active_context)
        if context is not self.active_context:
            self.focus_pane(context)

    def enlarge(self, *, is_enlarged: bool) -> None:
        """Show only the active pane, or all."""
        self.is_enlarged = is_enlarged
        self.relayout()

    @property
    def is_single(self) -> bool:
        """True if only the active pane is shown: it is enlarged, or the screen is narrow."""
        return self.is_enlarged or self.app.size.width < NARROW_CELLS

    def resize_active(self, steps: int) -> bool:
        """Make the active pane larger by some steps, or smaller; return False if it cannot be."""
        is_inbox, is_first = self.active_context is KeyContext.CHECKPOINTS, self.active_context is KeyContext.RUNS
        border = Border.INBOX if is_inbox else self._upper_border
        has_moved = self._sizes.move(border, steps if is_inbox or is_first else -steps)
        self.relayout()
        return has_moved

    def reset_sizes(self) -> bool:
        """Give all panes their usual sizes; return False if they have them."""
        was_usual = self._sizes.is_usual
        self._sizes.reset()
        self.relayout()
        return not was_usual

    @property
    def _upper_border(self) -> Border:
        return Border.COLUMNS if self.is_wide else Border.ROWS

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begin to move the border under the pointer: beside the list of runs, or the heading of a lower pane."""
        self._dragged = self._border_at(event.screen_x, event.screen_y)
        if self._dragged is not None:
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Move a border with the pointer."""
        if self._dragged is not None:
            self._sizes.set_share(self._dragged, self._share_at(self._dragged, event.screen_x, event.screen_y))
            self.relayout()

    def on_mouse_up(self) -> None:
        """Leave the border where it is."""
        if self._dragged is not None:
            self._dragged = None
            self.release_mouse()

    def _border_at(self, x: int, y: int) -> Border | None:
        runs, steps = self._panes[KeyContext.RUNS].region, self._panes[KeyContext.NODES].region
        inbox = self._panes[KeyContext.CHECKPOINTS].region
        if self.is_single:
            return None
        if y == inbox.y and inbox.height > 1:
            return Border.INBOX
        if self.is_wide:
            return Border.COLUMNS if runs.right <= x <= steps.x and runs.y <= y < runs.bottom else None
        return Border.ROWS if y == steps.y else None

    def _share_at(self, border: Border, x: int, y: int) -> float:
        """Return the share of a border at the pointer."""
        upper = self._upper.region
        match border:
            case Border.COLUMNS:
                return (x - upper.x + PART_OF_CELL) / max(1, upper.width)
            case Border.ROWS:
                return (y - upper.y + PART_OF_CELL) / max(1, upper.height)
            case Border.INBOX:
                return (self.region.bottom - y + PART_OF_CELL) / max(1, self.region.height)

    def relayout(self) -> None:
        """Arrange the panes for the current screen width."""
        width = self.app.size.width
        is_low = self.app.size.height < TALL_LINES
        self.set_class(width >= WIDE_CELLS, "-wide")
        self.set_class(width < NARROW_CELLS, "-narrow")
        self.set_class(not is_low, "-tall")
        # On a low screen the checkpoints are one line, until their pane is the active one.
        self.set_class(is_low, "-low")
        self.set_class(self.active_context is KeyContext.CHECKPOINTS, "-answering")
        self.set_class(self.is_enlarged, "-enlarged")
        shown = {context for context in self.lists if not self.is_single or context is self.active_context}
        for context, pane in self._panes.items():
            pane.display = context in shown
        self._upper.display = bool(shown - {KeyContext.CHECKPOINTS})
        self._apply_sizes()
        self.show_columns()

    def _apply_sizes(self) -> None:
        """Give the panes the sizes that a person chose; where there are none, or only one is shown, the usual ones."""
        runs, inbox = self._panes[KeyContext.RUNS].styles, self._panes[KeyContext.CHECKPOINTS].styles
        is_line = self.has_class("-low") and self.active_context is not KeyContext.CHECKPOINTS
        runs.width = self._sizes.style(Border.COLUMNS) if self.is_wide and not self.is_single else None
        runs.height = self._sizes.style(Border.ROWS) if not self.is_wide and not self.is_single else None
        inbox.height = self._sizes.style(Border.INBOX) if not (is_line or self.is_single) else None

    def show_columns(self) -> None:
        """Show the headings of the columns for the current width of the list."""
        cells = max(0, self.runs.size.width - CURSOR_CELLS)
        line = columns_line(cells, shows_ages=self.runs.shows_ages)
        self.columns.show([[(" " * CURSOR_CELLS, "text"), *line]])

    def show_headings(self, selected: list[Span], waiting: list[Span], marked: int, *, has_older: bool) -> None:
        """Update the three headings.

        `selected` is the heading of the selected run, `waiting` that of the pending checkpoints, `marked` how many of
        those are marked.
        """
        self.show_runs_heading(has_older=has_older)
        below = self.nodes.rows_below
        self._show_heading(KeyContext.NODES, selected, [(f"{below} more ↓", "grey")] if below else [])
        marks = f" · {marked} marked" if marked else ""
        self._show_heading(KeyContext.CHECKPOINTS, [*waiting, (marks, "accent strong")])

    def show_runs_heading(self, *, has_older: bool) -> None:
        """Update the heading of the run list: it tells the cursor's position."""
        self._show_heading(KeyContext.RUNS, *self._runs_heading(has_older=has_older))

    def _show_heading(self, context: KeyContext, left: list[Span], right: list[Span] | None = None) -> None:
        self._headings[context].show(left, right or [], active=context is self.active_context)

    def _runs_heading(self, *, has_older: bool) -> tuple[list[Span], list[Span]]:
        model, runs = self.run_list_model, self.runs
        position = f"{runs.cursor + 1:,} of {len(model):,}" if len(model) else "0"
        left: list[Span] = [(f"Runs  {position}", "text strong")]
        if self.marked_text:
            left.append((f"  {self.marked_text}", "accent strong"))
        if model.is_filtered:
            name = self.view_name or (model.view if model.view != "all" else "")
            left.append((f"  {name}" if name else "", "accent strong"))
            left.append((f"  /{one_line(model.needle, 20)}" if model.needle else "", "accent strong"))
            left.append((f"  of {model.total:,} runs", "grey"))
        if model.searched < 1:
            left.append((f"  {model.searched:.0%} searched", "amber"))
        follow = key_name("follow", KeyContext.RUNS)
        right: list[Span] = [("following", "accent") if runs.following else (f"{follow} follows", "grey")]
        if has_older and len(model) and runs.cursor == len(model) - 1:
            right = [(f"{key_name('cursor_down', KeyContext.RUNS)} reads older", "accent")]
        if runs.unseen_count:
            right = [(f"{NEWER} {runs.unseen_count:,} new  ", "accent strong"), *right]
        return [*left, *self._order_spans(left, right)], right

    def _order_spans(self, left: list[Span], right: list[Span]) -> list[Span]:
        """Return the words for the order of the runs; those for the usual order only if there is room."""
        if self.order_text:
            return [(f"  {self.order_text}", "accent strong")]
        words = f"  {SORT_WORDS[Sort.CHANGED]}"
        free = self._headings[KeyContext.RUNS].size.width - line_width([*left, *right]) - EDGE_CELLS
        return [(words, "grey")] if cell_width(words) < free else []


def run_heading_spans(run: Run | None, now: float, waiting_since_us: int | None) -> list[Span]:
    """Return id, status, duration and Core of a run; for a waiting run, the time since `waiting_since_us`.

    `now` is in seconds, `waiting_since_us` in microseconds, both since 1970. The Core's name is last because its width
    varies most: the other columns then keep their position from run to run.
    """
    if run is None:
        return [("Nodes", "text strong")]
    style = RUN_STYLES[run.status]
    began_at = waiting_since_us if run.status is RunStatus.WAITING else run.began_at
    duration = format_duration(run.duration_ms) if run.is_over else age_text(began_at, now)
    return [
        (short_id(run.execution_id), "text strong"),
        (f"  {style.word} {duration}", style.colour),
        (f"  {display_name(core_name(run.core_id))}", "text strong"),
    ]
