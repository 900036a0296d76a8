"""Messages about what a person chose on a screen, which the next session shows again."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from scaicore_tui.config.views import Sort


@dataclass(eq=False, repr=False, match_args=False)
class ViewChanged(Message):
    """The main screen shows other runs, or in another way.

    `view` is the name of a built-in view or a saved one, `query` the text of the filter. `ages` is True if it tells how
    long ago runs changed, not when. `sort` is None for the usual order.
    """

    view: str
    query: str
    sort: Sort | None
    ages: bool


@dataclass(eq=False, repr=False, match_args=False)
class MineChanged(Message):
    """The inbox shows what is assigned to the reviewer only, or all."""

    mine: bool
