"""What an answer says of the rate limit (API §5)."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from scaicore_tui.wire.headers import single_number

_PREFIX = "X-Scaigrid-Ratelimit-"
# More requests a minute than any one client can send: a higher limit is as good as this one.
MAX_QUOTA = 1_000_000


class Quota(Struct, frozen=True):
    """So many requests in any sixty seconds, so many left; `reset` is when the oldest counted one is forgotten, in
    Unix seconds, where the answer says so."""

    limit: int
    remaining: int
    reset: float | None = None

    @property
    def used(self) -> int:
        """How many the server counted, whoever sent them."""
        return self.limit - self.remaining


def read_quota(headers: Mapping[str, str]) -> Quota | None:
    """The quota of an answer; None where it says nothing that makes sense. Both numbers are bounded."""
    limit, remaining, reset = (single_number(headers.get(_PREFIX + name)) for name in ("Limit", "Remaining", "Reset"))
    if limit is None or remaining is None or not 0 <= remaining <= limit or limit < 1:
        return None
    return Quota(int(min(limit, MAX_QUOTA)), int(min(remaining, MAX_QUOTA)), reset)
