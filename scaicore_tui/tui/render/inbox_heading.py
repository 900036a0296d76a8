"""The heading of the inbox: how many wait, are yours, are marked, and their order; or how old the answered ones are.

Pure.
"""

from __future__ import annotations

from msgspec import Struct

from scaicore_tui.text import one_line
from scaicore_tui.timefmt import format_age
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import key_name
from scaicore_tui.tui.render.inbox import ResolvedCheckpoints
from scaicore_tui.tui.render.line import Span

MAX_NEEDLE_CELLS = 20
ORDER = "due within 15m first, then priority"


class InboxCounts(Struct, frozen=True):
    """The numbers in the heading, and what is listed.

    total: their number as text, with a note if it is incomplete or old. mine: None if nobody knows what is yours.
    hidden: marked ones that the filter hides.
    """

    shown: int
    total: str
    mine: int | None = None
    marked: int = 0
    hidden: int = 0
    needle: str = ""
    is_mine_only: bool = False
    is_resolved: bool = False
    is_empty: bool = False


def title_spans(counts: InboxCounts) -> list[Span]:
    """Return `Inbox · 3 of 14 · mine 9  /words · 2 marked`."""
    is_part = bool(counts.needle) or counts.is_mine_only
    count = f"{counts.shown:,} of {counts.total}" if is_part else counts.total
    label = "Answered" if counts.is_resolved else "Inbox"
    spans = [(f"{label} · {count}", "text strong" if counts.is_resolved or counts.is_empty else "amber strong")]
    if counts.is_mine_only:
        spans.append((" · mine", "accent strong"))
    elif counts.mine is not None:
        spans.append((f" · mine {counts.mine:,}", "text"))
    if counts.needle:
        spans.append((f"  /{one_line(counts.needle, MAX_NEEDLE_CELLS)}", "accent strong"))
    if counts.marked:
        spans.append((f" · {counts.marked:,} marked", "accent strong"))
    return [*spans, (f" · {counts.hidden:,} of them hidden", "amber strong")] if counts.hidden else spans


def age_spans(resolved: ResolvedCheckpoints, now: float, width: int) -> list[Span]:
    """Return the age of the answered checkpoints at `now` (monotonic seconds), and why it is not newer."""
    if resolved.problem:
        return [(f"not read again: {one_line(resolved.problem, width // 2)}", "amber")]
    if resolved.read_at is None:
        return [("reading…", "grey")]
    return [(f"read {format_age(now - resolved.read_at)} ago · {key_name('view', KeyContext.INBOX)} waiting", "grey")]
