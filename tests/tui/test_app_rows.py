"""Every key that acts on a row acts on the selected row of the active pane, in every pane."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import pytest

from scaicore_tui.session.replay_batch import BatchItem, ReplayBatch
from scaicore_tui.tui.dialogs.answer import AnswerScreen
from scaicore_tui.tui.dialogs.bulk import ContinueAllScreen
from scaicore_tui.tui.dialogs.replay import ReplayScreen
from scaicore_tui.tui.key_contexts import COMPARE, READING, KeyContext
from scaicore_tui.tui.keymap import ACTIONS, actions_in
from scaicore_tui.tui.screens.run import RunScreen
from tests.support.app_stage import WIDE, Stage, wait_until
from tests.support.inbox_scene import inbox_feed
from tests.support.scene import BREAKPOINT, INVOICES, busy_feed
from tests.support.write_server import AcceptingServer

RUN, CHECKPOINT, NEWEST, FAILED = "exec_d3b6f0", "ckpt_break", "exec_8f21c4", "exec_5b0c11"
# The keys that select that run or its checkpoint in each key context. In the contexts of checkpoints, the list of runs
# keeps its newest run selected, which is another one.
SELECTING_KEYS: dict[KeyContext, tuple[str, ...]] = {
    KeyContext.RUNS: ("j",),
    KeyContext.NODES: ("j", "tab"),
    KeyContext.DETAIL: ("j", "enter"),
    KeyContext.COMPARE: ("j", "enter", "7"),
    KeyContext.CHECKPOINTS: ("tab", "tab", "G"),
    KeyContext.INBOX: ("i", "G"),
    KeyContext.CAUSES: ("b",),
    KeyContext.REPLAYS: ("V",),
    KeyContext.FORM: ("i", "G", "shift+tab"),
}
BY_RUN, IN_LIST = (
    {KeyContext.RUNS, KeyContext.NODES, KeyContext.DETAIL},
    {KeyContext.CHECKPOINTS, KeyContext.INBOX},
)
BY_CHECKPOINT = IN_LIST | {KeyContext.FORM}
# The actions on a row: the expected target of each, and the key contexts in which it is the target.
ROW_ACTIONS: dict[str, dict[str, set[KeyContext]]] = {
    "replay": {RUN: BY_RUN | COMPARE | BY_CHECKPOINT},
    "answer": {CHECKPOINT: BY_RUN | COMPARE | BY_CHECKPOINT},
    "continue": {CHECKPOINT: BY_RUN | COMPARE | BY_CHECKPOINT},
    "open": {RUN: {KeyContext.RUNS, KeyContext.NODES}, CHECKPOINT: {KeyContext.CHECKPOINTS}},
    # The answer to a breakpoint needs the dialog.
    "choose": {CHECKPOINT: {KeyContext.INBOX}},
    "send": {CHECKPOINT: {KeyContext.INBOX}},
    # On the screen of a run, the result of the selected step.
    "copy": {
        RUN: {KeyContext.RUNS, KeyContext.NODES},
        "greeting": {KeyContext.DETAIL, KeyContext.COMPARE},
        CHECKPOINT: BY_CHECKPOINT,
        FAILED: {KeyContext.CAUSES, KeyContext.REPLAYS},
    },
    "copy_id": {RUN: {KeyContext.DETAIL, KeyContext.COMPARE}},
    "copy_all": {RUN: BY_RUN | COMPARE, CHECKPOINT: BY_CHECKPOINT, FAILED: {KeyContext.CAUSES, KeyContext.REPLAYS}},
    "compare": {RUN: {KeyContext.RUNS, KeyContext.NODES, KeyContext.CHECKPOINTS, KeyContext.INBOX}},
    "open_replay": {FAILED: {KeyContext.REPLAYS}},
    "mark": {RUN: {KeyContext.RUNS}, CHECKPOINT: IN_LIST},
    "continue_all": {CHECKPOINT: IN_LIST},
}
# All others move the cursor, show something else, or act on everything.
OTHER_ACTIONS = {
    *("cursor_down", "cursor_up", "page_down", "page_up", "first", "last", "next_error", "previous_error", "follow"),
    *("earlier_bar", "later_bar", "grow_pane", "shrink_pane", "reset_panes"),
    *("ages", "sort", "period", "causes", "list_runs", "moment", "enlarge", "earlier_visit", "later_visit"),
    *("next_pane", "previous_pane", "back", "filter", "view", "inbox", "profile", "help", "command_palette"),
    *(
        "compare",
        "view_compare",
        "view_timeline",
        "view_order",
        "view_flow",
        "view_events",
        "view_input",
        "view_output",
    ),
    *(
        "follow_link",
        "next_match",
        "previous_match",
        "earlier",
        "later",
        "earlier_change",
        "later_change",
        "first_event",
        "last_event",
    ),
    *("fold", "newer_run", "older_run", "zoom_in", "zoom_out", "whole_run", "idle"),
    *("replays", "stop_replays", "mark_alike", "mark_range", "mine", "read_form", "next_field"),
    *("pause", "write_file", "copy_link", "refresh_now", "theme", "repaint", "app.suspend_process", "quit"),
}


class Effects:
    """Finds the id that the last key acted on."""

    def __init__(self, stage: Stage, server: AcceptingServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self._stage, self._server, self._copied = stage, server, ""
        monkeypatch.setattr(stage.app, "send_to_terminal", self._copy)

    def _copy(self, sequence: str) -> None:
        self._copied = base64.b64decode(sequence.split(";")[2].split("\x07")[0]).decode()

    def forget(self) -> None:
        """Forget what was recorded."""
        self._copied = ""

    def of(self, action: str) -> str | None:
        return self._READ[action](self)

    def _copied_id(self) -> str | None:
        # Of a comparison, both values are copied.
        changes: list[dict[str, Any]] = json.loads(self._copied) if self._copied.startswith("[") else []
        return changes[0]["a"] if changes else self._copied or None

    def _copied_document(self) -> str | None:
        document: dict[str, Any] = json.loads(self._copied) if self._copied.startswith("{") else {}
        return document.get("id") or document.get("execution_id") or document.get("a")

    def _shown(self) -> str | None:
        screen = self._stage.app.screen
        if isinstance(screen, AnswerScreen):
            return screen.checkpoint.id
        if isinstance(screen, RunScreen | ReplayScreen):
            run = screen.current_run if isinstance(screen, RunScreen) else screen.source_run
            return None if run is None else run.execution_id
        return None

    def _posted(self) -> str | None:
        return self._server.posts[-1][0].split("/")[-2] if self._server.posts else None

    def _marked(self) -> str | None:
        state = self._stage.screen.state
        return next(iter([*state.marked, *state.marked_runs]), None)

    def _scope(self) -> str | None:
        screen = self._stage.app.screen
        return screen.listed_batch.checkpoints[0].id if isinstance(screen, ContinueAllScreen) else None

    _READ: ClassVar[dict[str, Callable[[Effects], str | None]]] = {
        "replay": _shown,
        "answer": _shown,
        "open": _shown,
        "open_replay": _shown,
        "compare": _shown,
        "choose": _shown,
        "send": _shown,
        "copy": _copied_id,
        "copy_id": _copied_id,
        "copy_all": _copied_document,
        "continue": _posted,
        "mark": _marked,
        "continue_all": _scope,
    }


def test_table_covers_every_key_of_every_pane() -> None:
    assert set(SELECTING_KEYS) == READING
    for context in READING:
        for action in actions_in(context):
            expected = ROW_ACTIONS.get(action.id, {})
            assert action.id in OTHER_ACTIONS or any(context in contexts for contexts in expected.values()), (
                context,
                action.id,
            )
    offered = {(context, action.id) for action in ACTIONS for context in action.contexts}
    for action_id, expected in ROW_ACTIONS.items():
        assert all((context, action_id) in offered for contexts in expected.values() for context in contexts)


@pytest.mark.parametrize("context", SELECTING_KEYS)
async def test_keys_act_on_the_row_of_the_active_pane(context: KeyContext, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(busy_feed())
    server = AcceptingServer(stage)
    server.row = BREAKPOINT
    effects = Effects(stage, server, monkeypatch)
    async with stage.opened(WIDE) as pilot:
        replayed = [BatchItem(FAILED, INVOICES)]
        stage.screen.state.replays = ReplayBatch(stage.session, replayed, stage.session.read_once)
        await pilot.press(*SELECTING_KEYS[context])
        stage.clock.advance(1)
        await stage.settle(pilot)
        screen = stage.app.screen
        assert stage.screen.key_context is context
        # Marks change the effect of other keys, and a write removes its checkpoint: these actions come last.
        last = ("mark", "continue") if context in IN_LIST else ("continue", "mark")
        actions = sorted(actions_in(context), key=lambda action: last.index(action.id) if action.id in last else -1)
        for action in actions:
            for target in (row for row, contexts in ROW_ACTIONS.get(action.id, {}).items() if context in contexts):
                await pilot.press(action.keys[0])
                await wait_until(pilot, partial(effects.of, action.id))
                assert effects.of(action.id) == target, action.id
                effects.forget()
                while stage.app.screen is not screen:
                    await pilot.press("escape")


@pytest.mark.parametrize(("key", "found"), [("e", "exec_5b0c11"), ("f", NEWEST)])
async def test_keys_that_move_the_run_cursor_activate_the_run_list(key: str, found: str) -> None:
    stage = Stage(busy_feed())
    async with stage.opened(WIDE) as pilot:
        await pilot.press("j", "tab", "tab", *([key] * (2 if key == "f" else 1)))
        await stage.settle(pilot)
        assert stage.screen.key_context is KeyContext.RUNS
        run = stage.screen.current_run
        assert run is not None
        assert run.execution_id == found


async def test_unread_run_is_not_replaced_by_another() -> None:
    stage = Stage(inbox_feed(BREAKPOINT | {"execution_id": "exec_unread"}))
    async with stage.opened(WIDE) as pilot:
        await pilot.press("tab", "tab", "R")
        await stage.settle(pilot)
        assert "R: the run of this checkpoint has not been read" in stage.text
