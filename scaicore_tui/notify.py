"""What makes a terminal call its person: a bell, and a notice that counts. No word of any payload is in it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

# Seconds between two calls: what happens meanwhile is counted, and told by the next one.
MIN_INTERVAL_S = 30.0
BEL, OSC, ST = "\x07", "\x1b]", "\x1b\\"


class TerminalNotifier:
    """Of one terminal, which `env` tells of."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._failed = self._waiting = 0
        self._rung_at: float | None = None

    def add(self, failed: int, waiting: int) -> None:
        """So many runs failed, and so many checkpoints came."""
        self._failed += failed
        self._waiting += waiting

    def flush(self, now: float) -> str:
        """What to write to the terminal, at `now` in monotonic seconds; empty where there is nothing to tell yet."""
        is_early = self._rung_at is not None and now - self._rung_at < MIN_INTERVAL_S
        if is_early or not (self._failed or self._waiting):
            return ""
        counts = ((self._failed, "failed"), (self._waiting, "waiting for you"))
        words = ", ".join(f"{count} {what}" for count, what in counts if count)
        self._failed = self._waiting = 0
        self._rung_at = now
        return BEL + self._notice(words)

    def _notice(self, words: str) -> str:
        """One of the two notices that terminals know: some of them know both, and would show both."""
        knows_777 = self._env.get("TERM", "").startswith(("foot", "rxvt")) or "VTE_VERSION" in self._env
        return f"{OSC}777;notify;scaicore-tui;{words}{ST}" if knows_777 else f"{OSC}9;scaicore-tui: {words}{ST}"
