"""The actions that the selected row allows, for the footer, as the gate decides for the keys themselves. Pure."""

from __future__ import annotations

from scaicore_tui.actions import gate
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import Run
from scaicore_tui.tui.keymap import KeyAction, KeyContext, actions_in


def allowed_actions(
    context: KeyContext, writes: gate.WriteContext, run: Run | None, checkpoint: Checkpoint | None, *, read_only: bool
) -> list[KeyAction]:
    """Return the actions of a context, without those that can't act on `run` and `checkpoint`, which are selected."""
    actions = actions_in(context, read_only=read_only)
    return [action for action in actions if _is_allowed(action.id, writes, run, checkpoint)]


def _is_allowed(action_id: str, writes: gate.WriteContext, run: Run | None, checkpoint: Checkpoint | None) -> bool:
    """Return whether an action can act. A run that is still being loaded can likely be replayed: it soon is."""
    if action_id == "answer":
        return gate.why_not_answer(writes, checkpoint) is None
    if action_id == "continue":
        return gate.why_not_continue(writes, checkpoint) is None
    if action_id == "replay":
        return run is not None and (run.is_loading or gate.why_not_replay(writes, run) is None)
    return True
