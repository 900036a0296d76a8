"""Base of the run screen: what other runs say about the run, and the links from it to them, which `x` follows."""

from __future__ import annotations

from abc import abstractmethod

from scaicore_tui.analysis.steps import Step
from scaicore_tui.analysis.sub_runs import find_sub_run
from scaicore_tui.analysis.usual import NO_CONTEXT
from scaicore_tui.timefmt import to_seconds
from scaicore_tui.tui.messages import ContextRead
from scaicore_tui.tui.render.run_links import LinkSources, RunLink, find_links
from scaicore_tui.tui.screens.run_past import PastScreen
from scaicore_tui.tui.state import AppState


class LinkedScreen(PastScreen):
    """A screen of one run with links to other runs and to its checkpoint."""

    def __init__(self, state: AppState, execution_id: str) -> None:
        super().__init__(state, execution_id)
        self._past_context = NO_CONTEXT

    @property
    @abstractmethod
    def selected_step(self) -> Step | None:
        """The step whose links are followed."""

    @property
    @abstractmethod
    def selected_link(self) -> int:
        """The number of the link that `x` follows, from 0: that at the cursor, if it is on one."""

    @abstractmethod
    def passed_on(self, step: Step) -> frozenset[int]:
        """Return the digests of the values that `step` may have passed on."""

    @abstractmethod
    def open_run(self, execution_id: str) -> None:
        """Open another run; `esc` comes back."""

    @abstractmethod
    def context_changed(self) -> None:
        """Show what other runs say about the run."""

    def show_context(self, read: ContextRead) -> None:
        """Show what other runs say about the run, which was read."""
        if read.execution_id == self._execution_id:
            self._past_context = read.context
            self.context_changed()

    @property
    def links(self) -> list[RunLink]:
        """The links of the run and its selected step, the most useful first."""
        run, step = self.shown_run, self.selected_step
        if run is None:
            return []
        calls = () if step is None else self._past_context.calls.get(step.entered_event, ())
        now = self.state.now if self._time_cursor is None else to_seconds(self.shown_time)
        good = self._past_context.last_good
        sources = LinkSources(
            checkpoint=self.state.checkpoint_of(run) if self._time_cursor is None else None,
            step=step,
            sub_run=find_sub_run(step, self.shown_time, calls, self.passed_on(step)) if step and calls else None,
            submissions=self.state.session.submissions,
            last_good=good if good is not None and to_seconds(good.ended_at or 0) <= now else None,
        )
        return find_links(run, sources, now)

    def action_follow_link(self) -> None:
        """Open the link at the cursor, else the first one; `esc` comes back."""
        links = self.links
        if not links:
            self.show_message("x: no sub-run of this step, and no replay, original or good run of this run, is known")
            return
        link = links[min(self.selected_link, len(links) - 1)]
        if link.checkpoint_id:
            self.action_answer()
        elif self.state.session.index.get(link.execution_id) is None:
            self.show_message(f"x: {link.label}: that run is not loaded", "amber")
        else:
            self.open_run(link.execution_id)
