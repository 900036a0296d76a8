"""Links to a run, a visit of one of its nodes, and the time of an event: `scai:profile/run#node.visit@event`. Pure.

Names are percent-encoded. A link names a profile of the reader's configuration, never an address: to open one can
connect only to an API that the reader has chosen before.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from msgspec import Struct

SCHEME = "scai:"
_LINK = re.compile(
    r"scai:(?P<profile>[^/#@\s]*)/(?P<run>[^/#@\s]+)(?:#(?P<node>[^/#@.\s]+)(?:\.(?P<visit>[1-9]\d{0,8}))?)?"
    r"(?:@(?P<event>[1-9]\d{0,8}))?"
)


class DeepLink(Struct, frozen=True):
    """A link. `visit` counts the visits of the node from 1, `event` the events of the run; the profile may be empty."""

    execution_id: str
    profile: str = ""
    node_id: str | None = None
    visit: int | None = None
    event: int | None = None

    def __str__(self) -> str:
        """Return the text of the link."""
        # A dot separates the visit.
        node = "" if self.node_id is None else "#" + _encode(self.node_id).replace(".", "%2E")
        visit = "" if self.visit is None or not node else f".{self.visit}"
        event = "" if self.event is None else f"@{self.event}"
        return f"{SCHEME}{_encode(self.profile)}/{_encode(self.execution_id)}{node}{visit}{event}"


def is_link(text: str) -> bool:
    """Return True if a text is meant as a link."""
    return text.startswith(SCHEME)


def parse_link(text: str) -> DeepLink | None:
    """Return the link that a text is; None if it is none, or a damaged one."""
    found = _LINK.fullmatch(text.strip())
    if found is None:
        return None
    node = found["node"]
    return DeepLink(
        unquote(found["run"]),
        unquote(found["profile"]),
        None if node is None else unquote(node),
        None if found["visit"] is None else int(found["visit"]),
        None if found["event"] is None else int(found["event"]),
    )


def _encode(text: str) -> str:
    return quote(text, safe="", errors="replace")
