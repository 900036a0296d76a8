"""Tokens: fetched from their configured source, renewed before they expire. Claims are read, never verified."""

from scaicore_tui.auth.caller import caller_of, identify
from scaicore_tui.auth.jwt import Claims, read_claims
from scaicore_tui.auth.provider import TokenProvider

__all__ = ["Claims", "TokenProvider", "caller_of", "identify", "read_claims"]
