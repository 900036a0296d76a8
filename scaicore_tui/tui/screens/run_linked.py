"""Base of the run screen: what other runs say about the run, and the links from it to them, which `x` follows."""

from __future__ import annotations

from abc import abstractmethod

from scaicore_tui.analysis.steps import Step
from scaicore_tui.analysis.sub_runs import find_sub_run, has_open_call
from scaicore_tui.analysis.usual import NO_CONTEXT
from scaicore_tui.runs.model import NodeKey
from scaicore_tui.timefmt import to_seconds
from scaicore_tui.tui.render.run_links import LinkSources, RunLink, find_links
from scaicore_tui.tui.render.step_detail import LINK
from scaicore_tui.tui.run_messages import ContextRead
from scaicore_tui.tui.screens.run_search import SearchScreen
from scaicore_tui.tui.screens.run_steps import ShownSteps
from scaicore_tui.tui.state import AppState


class LinkedScreen(SearchScreen):
    """A screen of one run, its steps in panes, with links to other runs and to its checkpoint.

    `node` is the node to select at first.
    """

    def __init__(self, state: AppState, execution_id: str, node: NodeKey | None = None) -> None:
        super().__init__(state, execution_id)
        self._past_context = NO_CONTEXT
        self._steps = ShownSteps(self._panes, node)

    @property
    def selected_step(self) -> Step | None:
        return self._steps.selected

    @property
    def awaits_sub_run(self) -> bool:
        """True while a step is open whose sub-run may become known later."""
        run = self.current_run
        return run is not None and not run.is_loading and has_open_call(run)

    @abstractmethod
    def open_run(self, execution_id: str) -> None:
        """Open another run; `esc` comes back."""

    @abstractmethod
    def context_changed(self) -> None:
        """Show what other runs say about the run."""

    def show_context(self, read: ContextRead) -> None:
        """Show what other runs say about the run, which was read."""
        if read.execution_id == self._execution_id:
            self._past_context = self._steps.context = read.context
            self.context_changed()

    @property
    def links(self) -> list[RunLink]:
        """The links of the run and its selected step, the most useful first."""
        run, step = self.shown_run, self.selected_step
        if run is None:
            return []
        calls = () if step is None else self._past_context.calls.get(step.entered_event, ())
        at, now = self.moment, self.moment_s
        good = self._past_context.last_good
        sources = LinkSources(
            checkpoint=self.state.checkpoint_of(run) if self._time_cursor is None else None,
            step=step,
            sub_run=find_sub_run(step, at, calls, self._steps.passed_on(step)) if step and calls else None,
            submissions=self.state.session.submissions,
            last_good=good if good is not None and to_seconds(good.ended_at or 0) <= now else None,
        )
        return find_links(run, sources, now)

    def action_follow_link(self) -> None:
        """Open the link at the cursor, else the first one; `esc` comes back."""
        links = self.links
        if not links:
            reason = "no sub-run of this step, and no replay, original or good run of this run, is known"
            self.show_message(f"{self.key_of('follow_link')}: {reason}")
            return
        link = links[min(self._selected_link, len(links) - 1)]
        if link.checkpoint_id:
            self.action_answer()
        elif self.state.session.index.get(link.execution_id) is None:
            self.show_reason("follow_link", f"{link.label}: that run is not loaded")
        else:
            self.open_run(link.execution_id)

    @property
    def _selected_link(self) -> int:
        """The number of the link that `x` follows, from 0: that at the cursor, if it is on one."""
        row = self._panes.inspector.selected if self._panes.is_inspecting else None
        key = "" if row is None else str(row.path[0])
        return int(key.removeprefix(LINK)) if key.startswith(LINK) else 0
