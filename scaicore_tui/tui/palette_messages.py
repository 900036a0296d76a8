"""Messages of the command palette: what it asks the app for, and what a person chose in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from textual.message import Message

from scaicore_tui.config.views import SavedView
from scaicore_tui.runs import Summary

if TYPE_CHECKING:
    # Loaded with the palette: the first screen appears sooner.
    from scaicore_tui.tui.palette_entries import Entry


@dataclass(eq=False, repr=False, match_args=False)
class OffersNeeded(Message):
    """Read the Cores and the saved views, to offer them."""


@dataclass(eq=False, repr=False, match_args=False)
class OffersRead(Message):
    """The Cores that exist, each with how many runs it has, and the saved views by name."""

    cores: Sequence[tuple[str, int]]
    views: Mapping[str, SavedView]


@dataclass(eq=False, repr=False, match_args=False)
class RunsWanted(Message):
    """Find the newest runs whose id or Core has all of these words; they replace what was wanted before."""

    words: tuple[str, ...]


@dataclass(eq=False, repr=False, match_args=False)
class RunsOffered(Message):
    """The newest runs that have these words."""

    words: tuple[str, ...]
    summaries: Sequence[Summary]


@dataclass(eq=False, repr=False, match_args=False)
class EntryChosen(Message):
    """Do what an entry of the palette says."""

    entry: Entry


@runtime_checkable
class OfferListener(Protocol):
    """A screen that offers runs, Cores and views."""

    def show_offers(self, read: OffersRead) -> None:
        """Offer Cores and saved views."""

    def show_runs(self, offered: RunsOffered) -> None:
        """Offer runs."""
