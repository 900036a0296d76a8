"""The journal: append-only, verbatim, one writer."""

from scaicore_tui.journal.store import Journal

__all__ = ["Journal"]
