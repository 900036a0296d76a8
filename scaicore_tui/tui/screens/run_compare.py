"""Base of the run screen: compares the run with another one, which is chosen and can be changed.

One comparison is made at a time, in a thread; while it is made, the one before it stays on the screen.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from scaicore_tui.analysis.diff import Partner
from scaicore_tui.analysis.run_history import copy_run
from scaicore_tui.export.diff_documents import change_document, diff_document
from scaicore_tui.runs import Delta
from scaicore_tui.runs.model import NodeKey
from scaicore_tui.session.comparisons import Comparison
from scaicore_tui.text import display_name, editable_json, quote
from scaicore_tui.tui.key_contexts import KeyAction
from scaicore_tui.tui.key_queue import Debouncer
from scaicore_tui.tui.messages import CopyText, FilterTyped
from scaicore_tui.tui.render.diff_lines import head_lines
from scaicore_tui.tui.run_messages import ComparisonNeeded, ComparisonRead
from scaicore_tui.tui.run_steps_model import RunView
from scaicore_tui.tui.screens.compare_panes import ComparePanes
from scaicore_tui.tui.screens.run_linked import LinkedScreen
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.row_list import RowList

# The values follow the cursor once that has rested so long.
CURSOR_REST_S = 0.15
# The actions that need a comparison.
ON_COMPARISON = frozenset({"next_match", "previous_match", "fold", "next_pane", "filter", "follow_link"})
MARKED_REASON = "the marked run"
SIDE_CELLS = 2


class ComparingScreen(LinkedScreen):
    """A screen of one run that compares it with another one in one of its views."""

    def __init__(self, state: AppState, execution_id: str, node: NodeKey | None = None) -> None:
        super().__init__(state, execution_id, node)
        self._compare_panes = ComparePanes()
        self._comparison: Comparison | None = None
        # The run to compare with: it stays the same while the runs go on. None until one is chosen.
        self._partner: Partner | None = None
        self._partners: Sequence[Partner] = ()
        # The comparison that is being made; and if it has to be made again after that.
        self._asked: ComparisonNeeded | None = None
        self._is_outdated = False
        self._values = Debouncer(self._compare_panes.rows, self._compare_panes.show_values, CURSOR_REST_S)

    @abstractmethod
    def _set_view(self, view: RunView) -> None:
        """Show another view of the run."""

    @property
    def is_comparing(self) -> bool:
        """True if the comparison is shown."""
        return self._view is RunView.COMPARE

    @property
    def is_first_comparison_awaited(self) -> bool:
        """True while nothing is compared yet."""
        return self._comparison is None and self._asked is not None

    @property
    def active_list(self) -> RowList:
        return self._compare_panes.active if self.is_comparing else super().active_list

    @property
    def footer_actions(self) -> list[KeyAction]:
        """The actions that the selected row allows; those on values and on the other run need a comparison."""
        found = super().footer_actions
        has_diff = self._comparison is not None and self._comparison.diff is not None
        return found if has_diff or not self.is_comparing else [one for one in found if one.id not in ON_COMPARISON]

    def forget_comparison(self) -> None:
        """Forget with what the run was compared: another one is shown."""
        self._comparison = self._partner = self._asked = None
        self._partners, self._is_outdated = (), False

    def show_values(self, *, is_other: bool) -> None:
        if self.is_comparing:
            self._request_comparison()
        else:
            super().show_values(is_other=is_other)

    def follow_partner(self, delta: Delta) -> None:
        """Compare again if the other run goes on."""
        partner = self._partner
        if partner is None or not delta.concerns(partner.summary.execution_id):
            return
        summary = self.state.session.index.get(partner.summary.execution_id)
        if summary is not None and summary != partner.summary:
            self._partner = Partner(summary, partner.reason)
            if self.is_comparing:
                self._request_comparison()

    def show_comparison(self, read: ComparisonRead) -> None:
        """Show the comparison that this screen asked for, unless another partner is wanted by now."""
        if read.request is not self._asked:
            return
        self._asked, found = None, read.comparison
        if read.request.partner is self._partner:
            is_same = self._comparison is not None and _id_of(self._comparison.partner) == _id_of(found.partner)
            self._comparison, self._partner = found, found.partner
            self._partners = found.others or self._partners
            self._show_comparison(is_other=not is_same)
        if self._is_outdated:
            self._is_outdated = False
            self._request_comparison()

    def action_next_match(self) -> None:
        self._go_to_difference("next_match", 1, "further down")

    def action_previous_match(self) -> None:
        self._go_to_difference("previous_match", -1, "further up")

    def action_filter(self) -> None:
        """Search in the values of the selected row."""
        if self.is_comparing:
            self._inspect_values(inspecting=True)
            self._search_bar.open()
        else:
            super().action_filter()

    def on_filter_typed(self, typed: FilterTyped) -> None:
        """Go to the first match, from the current value on."""
        if self.is_comparing:
            self._needle = typed.needle
            if typed.needle:
                self._compare_panes.values.search(typed.needle, 1, from_here=True)
        else:
            super().on_filter_typed(typed)

    def action_follow_link(self) -> None:
        """Open the other run; `esc` comes back."""
        if not self.is_comparing:
            super().action_follow_link()
        elif self._partner is None:
            self.show_reason("follow_link", "there is no other run")
        elif self.state.session.index.get(self._partner.summary.execution_id) is None:
            self.show_reason("follow_link", f"{display_name(self._partner.summary.execution_id)} is not loaded")
        else:
            self.open_run(self._partner.summary.execution_id)

    def action_copy(self) -> None:
        """Copy the two values at the cursor as JSON; in the rows, all differences of the row."""
        if not self.is_comparing:
            super().action_copy()
            return
        panes = self._compare_panes
        value, row = panes.values.selected, panes.selected
        if panes.is_inspecting and value is not None:
            found: Any = change_document(value.pair.path, value.pair.a, value.pair.b)
        elif row is not None and row.changes:
            found = [change_document(change.path, change.a, change.b) for change in row.changes]
        else:
            self.show_reason("copy", "no value differs in this row; Y copies the comparison")
            return
        self.app.post_message(CopyText("what differs", editable_json(found)))

    @property
    def copy_json(self) -> tuple[str, Mapping[str, Any] | None]:
        found = self._comparison
        if not self.is_comparing or found is None or found.diff is None or found.partner is None:
            return super().copy_json
        return "the comparison", diff_document(found.diff, found.partner.reason or None)

    def choose_partner(self, action: str, by: int) -> None:
        """Compare with the next run of the Core, or with -1 the one before."""
        ids = [partner.summary.execution_id for partner in self._partners]
        here = ids.index(_id_of(self._partner)) if _id_of(self._partner) in ids else -1
        if not ids:
            self.show_reason(action, "no other run of this Core is stored")
        elif not 0 <= here + by < len(ids):
            self.show_reason(action, "this is the last run to compare with" if by > 0 else "this is the first one")
        else:
            self._partner = self._partners[here + by]
            self._request_comparison()

    def _inspect_values(self, *, inspecting: bool) -> None:
        """Give the keys to the values, or back to the rows."""
        self._values.flush()
        self._compare_panes.inspect(inspecting=inspecting)
        self.call_after_refresh(self._show_values_again)

    def _show_values_again(self) -> None:
        """Fit the title to the columns of the values, which have their size now."""
        self._compare_panes.show_values()
        self._compare_panes.active.scroll_to_cursor()

    def _go_to_difference(self, action: str, by: int, direction: str) -> None:
        panes = self._compare_panes
        if not self.is_comparing:
            self._go_to_match(action, by)
        elif not panes.is_inspecting:
            if panes.go_to_difference(by):
                self.on_step_selected()
            else:
                self.show_reason(action, f"no step differs {direction}")
        elif self._needle:
            if not panes.values.search(self._needle, by):
                self.show_reason(action, f"{quote(self._needle)} is not in what is shown")
        elif not panes.values.go_to_difference(by):
            self.show_reason(action, f"no value differs {direction}")

    @abstractmethod
    def on_step_selected(self) -> None:
        """Show the step under the cursor."""

    def _request_comparison(self) -> None:
        """Ask for the comparison, or note that it has to be made again once the one that is being made is there."""
        run, summary = self.shown_run, self.state.session.index.get(self._execution_id)
        if self._comparison is None:
            self._compare_panes.show_nothing([], "reading both runs…")
        if run is None or summary is None or run.is_loading:
            return
        if self._asked is not None:
            self._is_outdated = True
            return
        if self._partner is None and (marked := self.state.marked_partner(summary)) is not None:
            self._partner = Partner(marked, MARKED_REASON)
        flow = self._steps.flow
        self._asked = ComparisonNeeded(
            summary,
            copy_run(run),
            None if flow is None else flow.graph,
            self._partner,
            lists_others=not self._partners,
        )
        self.post_message(self._asked)

    def _show_comparison(self, *, is_other: bool) -> None:
        found = self._comparison
        if found is None or not self.is_comparing:
            return
        if found.diff is None or found.partner is None:
            other = f" · {self.key_of('older_run')} compares with another run" if self._partners else ""
            self._compare_panes.show_nothing([], f"{found.problem}{other}")
        else:
            head = head_lines(
                found.diff, found.partner.reason, self._choice_text, max(1, self.app.size.width - SIDE_CELLS)
            )
            self._compare_panes.show(found.diff, found.rows, head, is_other=is_other)
            self.call_after_refresh(self._compare_panes.show_values)

    @property
    def _choice_text(self) -> str:
        """Which of the runs it is that could be compared, with the keys that choose another."""
        keys = f"{self.key_of('newer_run')} {self.key_of('older_run')}"
        ids = [partner.summary.execution_id for partner in self._partners]
        if _id_of(self._partner) not in ids:
            return f"other run: {keys}"
        return f"{ids.index(_id_of(self._partner)) + 1:,} of {len(ids):,} {keys}"


def _id_of(partner: Partner | None) -> str:
    return "" if partner is None else partner.summary.execution_id
