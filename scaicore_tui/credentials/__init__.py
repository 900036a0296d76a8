"""Tokens: asked for where a person said, and again when they run out; read and never verified; shown to nobody."""

from scaicore_tui.credentials.bearer import Bearer
from scaicore_tui.credentials.caller import caller_of, identify
from scaicore_tui.credentials.jwt import Claims, read_claims

__all__ = ["Bearer", "Claims", "caller_of", "identify", "read_claims"]
