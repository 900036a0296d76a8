"""How a node fails: a code for programs and a sentence for people."""

from __future__ import annotations


class NodeFailed(Exception):
    """A node could not do its work. Ends the run, unless the flow declares what to do instead."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    def as_error(self) -> dict[str, str]:
        """The `error` field of events."""
        return {"code": self.code, "message": self.message}
