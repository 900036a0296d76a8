"""Messages about the replays of marked runs: what is wanted, and how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    # Loaded with the first replays: the first screen appears sooner.
    from scaicore_tui.session.replay_batch import BatchItem, ReplayBatch


@dataclass(eq=False, repr=False, match_args=False)
class ReplaysNeeded(Message):
    """Find out which of these runs can be replayed."""

    execution_ids: Sequence[str]


@dataclass(eq=False, repr=False, match_args=False)
class ReplaysPrepared(Message):
    """The runs that were asked for, with the reasons why some cannot be replayed."""

    items: Sequence[BatchItem]


@dataclass(eq=False, repr=False, match_args=False)
class ReplayAll(Message):
    """Replay these runs one by one. `typed` is the confirmation word that was typed."""

    items: Sequence[BatchItem]
    typed: str | None


@dataclass(eq=False, repr=False, match_args=False)
class ReplaysChanged(Message):
    """One of the replays has a verdict or progress, or all have ended."""

    batch: ReplayBatch
