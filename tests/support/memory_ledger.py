"""A ledger of a team in memory, which follows the rules of the one on a server, and fails when it is told to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event

from msgspec.structs import replace

from scaicore_tui.errors import StorageError
from scaicore_tui.store.shared_ledger import Presence, SharedWrite


class MemoryLedger:
    """The ledger of all sessions. `now` is the server's clock, in seconds.

    While `is_away`, the server can't be used. `loses_next` is the number of statements until the next one that has its
    effect, but whose response is lost; None if none is lost.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.writes: dict[str, SharedWrite] = {}
        self.is_away = False
        self.loses_next: int | None = None
        # Set unless the server hangs.
        self.answers = Event()
        self.answers.set()
        self._now = now
        self._holders: dict[str, str] = {}
        self._change = 0
        self._presence: dict[str, tuple[Presence, float]] = {}

    def claim(self, write: SharedWrite) -> SharedWrite | None:
        self._require()
        holder = self._holders.get(write.target_id)
        if write.is_exclusive and holder is not None:
            return replace(self.writes[holder], read_at=self._micros)
        self.writes[write.id] = replace(write, claimed_at=self._micros)
        if write.is_exclusive:
            self._holders[write.target_id] = write.id
        self._touch(write.id)
        self._lose()
        return None

    def update(self, write: SharedWrite, *, holds_claim: bool, unless_changed_since: int | None = None) -> bool:
        self._require()
        known = self.writes.get(write.id)
        if known is None or unless_changed_since not in (None, known.change):
            return False
        self.writes[write.id] = replace(
            known,
            progress=write.progress,
            message=write.message,
            request_id=write.request_id or known.request_id,
            execution_id=write.execution_id or known.execution_id,
        )
        if not holds_claim and self._holders.get(known.target_id) == write.id:
            del self._holders[known.target_id]
        self._touch(write.id)
        self._lose()
        return True

    def newest(self, limit: int) -> list[SharedWrite]:
        return self.changes_since(0, len(self.writes))[-limit:]

    def changes_since(self, change: int, limit: int) -> list[SharedWrite]:
        self._require()
        changed = sorted((one for one in self.writes.values() if one.change > change), key=lambda one: one.change)
        return [replace(one, read_at=self._micros) for one in changed[:limit]]

    def by_ids(self, ids: Sequence[str]) -> list[SharedWrite]:
        self._require()
        return [self.writes[key] for key in ids if key in self.writes]

    def announce(self, session_id: str, presence: Presence, lifetime_s: float) -> None:
        self._require()
        self._presence[session_id] = presence, self._now() + lifetime_s

    def withdraw(self, session_id: str) -> None:
        self._require()
        self._presence.pop(session_id, None)

    def present(self, but_session: str) -> list[Presence]:
        self._require()
        return [
            one
            for session_id, (one, expires_at) in self._presence.items()
            if session_id != but_session and expires_at > self._now()
        ]

    def socket(self) -> int | None:
        return None

    def interrupt(self) -> None:
        """End what waits for the server."""
        self.answers.set()

    def close(self) -> None:
        """Close nothing: the sessions share it."""

    def holder(self, target_id: str) -> SharedWrite | None:
        """Return the write that holds the claim to a target."""
        return self.writes.get(self._holders.get(target_id, ""))

    @property
    def _micros(self) -> int:
        return int(self._now() * 1_000_000)

    def _touch(self, write_id: str) -> None:
        self._change += 1
        self.writes[write_id] = replace(self.writes[write_id], change=self._change, changed_at=self._micros)

    def _require(self) -> None:
        self.answers.wait()
        if self.is_away:
            raise StorageError("can't connect to postgresql://db/journal", hint="is the server running?")

    def _lose(self) -> None:
        if self.loses_next is not None:
            self.loses_next -= 1
            if self.loses_next < 0:
                self.loses_next = None
                self.is_away = True
                self._require()
