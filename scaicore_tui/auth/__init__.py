"""Tokens: asked for where a person said, and again when they run out; read and never verified; shown to nobody."""

from scaicore_tui.auth.caller import caller_of, identify
from scaicore_tui.auth.jwt import Claims, read_claims
from scaicore_tui.auth.provider import TokenProvider

__all__ = ["Claims", "TokenProvider", "caller_of", "identify", "read_claims"]
