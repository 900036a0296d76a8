"""The failure of a node: a code for programs and a message for people."""

from __future__ import annotations


class NodeFailed(Exception):
    """A node could not do its work. Ends the run, unless the flow declares another reaction."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    def as_error(self) -> dict[str, str]:
        """Return the `error` field of events."""
        return {"code": self.code, "message": self.message}
