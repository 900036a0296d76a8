"""A screen that closes once: what was clicked or typed while it closes must not close the one below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.await_complete import AwaitComplete

if TYPE_CHECKING:
    from textual.screen import Screen

    _Base = Screen[Any]
else:
    # Textual looks for styles in the first base that is a widget: this must be none.
    _Base = object


class ClosingOnce(_Base):
    """Closes only itself. Textual's own takes away whichever screen is in front, and its result with it."""

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Close this screen, if it is in front."""
        return super().dismiss(result) if self.is_in_front else AwaitComplete.nothing()  # type: ignore[no-untyped-call]

    @property
    def is_in_front(self) -> bool:
        """Whether this is the screen that keys and clicks go to."""
        return self.app.screen_stack[-1:] == [self]
