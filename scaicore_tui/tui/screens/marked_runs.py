"""The part of the main screen about marked runs: which are marked, and what is done with all of them."""

from __future__ import annotations

from scaicore_tui.actions import gate
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.messages import RunsNeeded, SummaryNeeded
from scaicore_tui.tui.replay_messages import ReplaysNeeded
from scaicore_tui.tui.screens.timed_runs import TimedRunsScreen
from scaicore_tui.tui.state import MAX_MARKED_RUNS
from scaicore_tui.units import Position

PAIR = 2
MARKING_ACTIONS = frozenset({"mark", "mark_alike"})


class MarkedRunsScreen(TimedRunsScreen):
    """Lists runs that can be marked. Marks stay on their runs, also on those that a filter hides."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let the keys that mark runs work in the list of runs only."""
        if action in MARKING_ACTIONS and self.key_context is KeyContext.RUNS:
            return True
        return action != "mark_alike" and super().check_action(action, parameters)

    def refresh_chrome(self) -> None:
        """Redraw the bars, and how many runs are marked."""
        self._count_marks()
        super().refresh_chrome()

    def action_mark(self) -> None:
        """Mark or unmark the selected run, and go to the next one; in the list of checkpoints, do so there."""
        if self.key_context is not KeyContext.RUNS:
            super().action_mark()
            return
        selected = self.panes.runs.selected
        if selected is None:
            self.show_reason("mark", "no run is selected")
        elif not self.state.toggle_run_mark(selected.execution_id):
            self.show_reason("mark", self._most_marked)
        else:
            self._go_to_next_row()
            self._show_marks()

    def action_mark_alike(self) -> None:
        """Mark the listed runs, from the first one on as many as can be marked; if all of these are, unmark them."""
        positions = [self.run_list_model.position(row) for row in range(min(len(self.run_list_model), MAX_MARKED_RUNS))]
        index = self.state.session.index
        ids = [None if (run := index.at(position)) is None else run.execution_id for position in positions]
        known = [key for key in ids if key is not None]
        if not known:
            self.show_reason("mark_alike", "no runs are listed")
        elif len(known) < len(ids):
            self._load(positions)
        else:
            self._toggle_all(known)

    def action_replay(self) -> None:
        """Replay the marked runs; without marks, the current one."""
        if self.key_context is not KeyContext.RUNS or not self.state.marked_runs:
            super().action_replay()
            return
        context, replays = self.state.session.write_context, self.state.replays
        reason = gate.why_no_writes(context) or context.stale_runs
        if replays is not None and not replays.is_finished:
            reason = f"replays are being sent: {self.key_of('replays')} shows them"
        if reason:
            self.show_reason("replay", reason)
        else:
            self.post_message(ReplaysNeeded(list(self.state.marked_runs)))

    @property
    def runs_to_write(self) -> list[str]:
        """The ids of the marked runs; without marks, that of the current one."""
        return list(self.state.marked_runs) or super().runs_to_write

    def action_replays(self) -> None:
        """List the replays of marked runs, with their verdicts."""
        if self.state.replays is None:
            key, mark = self.key_of("replay"), self.key_of("mark")
            self.show_reason("replays", f"no marked runs were replayed: {mark} marks runs, {key} replays them")
        else:
            from scaicore_tui.tui.screens.replays import ReplaysScreen

            self.app.push_screen(ReplaysScreen(self.state, self.state.replays))

    def action_compare(self) -> None:
        """Compare the current run with the marked one, or the two marked ones; without marks, as usual."""
        marked = list(self.state.marked_runs)
        if self.key_context is not KeyContext.RUNS or not marked:
            super().action_compare()
        elif len(marked) > PAIR:
            self.show_reason("compare", f"{len(marked)} runs are marked: mark one, or two, to compare them")
        elif missing := [key for key in marked if self.state.session.index.get(key) is None]:
            for key in missing:
                self.post_message(SummaryNeeded(key))
            self.show_reason("compare", "a marked run is being loaded; try again in a moment")
        elif len(marked) == PAIR:
            self.open_comparison(marked[0])
        else:
            super().action_compare()

    def leave(self) -> None:
        """Clear the marks of runs; without any, go back as usual."""
        if self.key_context is KeyContext.RUNS and self.state.marked_runs:
            self.state.marked_runs.clear()
            self._show_marks()
            self.show_message("no run is marked any more")
        else:
            super().leave()

    def _toggle_all(self, listed: list[str]) -> None:
        marked = self.state.marked_runs
        free = MAX_MARKED_RUNS - len(marked)
        if marked.keys() >= set(listed):
            for key in listed:
                del marked[key]
        elif free:
            marked.update(dict.fromkeys([key for key in listed if key not in marked][:free]))
        else:
            self.show_reason("mark_alike", self._most_marked)
            return
        self._show_marks()
        total = len(self.run_list_model)
        if marked and total > len(listed):
            self.show_message(f"{self.key_of('mark_alike')}: the first {len(listed)} of {total:,} listed runs, no more")

    @property
    def _most_marked(self) -> str:
        return f"{MAX_MARKED_RUNS} runs are marked, which is the most; {self.key_of('back')} unmarks them"

    def _load(self, positions: list[Position]) -> None:
        """Load runs of the list that are not in memory."""
        index = self.state.session.index
        self.post_message(RunsNeeded([position for position in positions if index.at(position) is None]))
        key = self.key_of("mark_alike")
        self.show_message(f"{key}: the runs are being loaded; press {key} again in a moment", "amber")

    def _go_to_next_row(self) -> None:
        """Move the cursor down, but not past the last row: that would read older events."""
        runs = self.panes.runs
        if runs.cursor < runs.row_count - 1:
            runs.move(1)

    def _show_marks(self) -> None:
        self._count_marks()
        self.panes.runs.repaint()
        self.refresh_chrome()

    def _count_marks(self) -> None:
        marked = self.state.marked_runs
        self.panes.runs.marked = marked
        hidden = sum(self.run_list_model.row_of(key) is None for key in marked) if self._query is not None else 0
        self.panes.marked_text = ""
        if marked:
            self.panes.marked_text = f"{len(marked)} marked" + (f", {hidden} not listed" if hidden else "")
