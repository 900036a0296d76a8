"""Answers and replays that were begun: they survive a refusal, and leaving the dialog."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct


class Draft(Struct):
    """What a person chose and typed for one checkpoint, or for several."""

    resolution: str | None = None
    comment: str = ""


class ReplayDraft(Struct):
    """What a person typed for the replay of one run; None where it is still what the run itself tells."""

    text: str | None = None
    entity_id: str | None = None


class Drafts:
    """What was begun, by what it is for; empty at first."""

    def __init__(self) -> None:
        self._answers: dict[str, Draft] = {}
        self._several: dict[str, Draft] = {}
        self._replays: dict[str, ReplayDraft] = {}

    def answer(self, checkpoint_id: str) -> Draft:
        """What was begun for that checkpoint by itself."""
        return self._answers.setdefault(checkpoint_id, Draft())

    def several(self, checkpoint_ids: Sequence[str]) -> Draft:
        """What was begun for these together, or for some of them: marking one more loses nothing."""
        begun = (self._several[key] for key in checkpoint_ids if key in self._several)
        draft = next(begun, Draft())
        self._several |= dict.fromkeys(checkpoint_ids, draft)
        return draft

    def replay(self, execution_id: str) -> ReplayDraft:
        """What was begun for the replay of that run."""
        return self._replays.setdefault(execution_id, ReplayDraft())

    def end(self, target_id: str) -> None:
        """It was taken: there is nothing to go on with."""
        for begun in (self._answers, self._several, self._replays):
            begun.pop(target_id, None)
