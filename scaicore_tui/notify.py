"""Terminal notifications: a bell and a desktop notification with counts, never with text from a payload. Pure."""

from __future__ import annotations

from collections.abc import Mapping

# Seconds between two notifications; events in between are counted and reported by the next one.
MIN_INTERVAL_S = 30.0
BEL, OSC, ST = "\x07", "\x1b]", "\x1b\\"


class TerminalNotifier:
    """Counts events and builds notifications for the terminal that `env` describes."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._failed = self._waiting = 0
        self._notified_at: float | None = None

    def add(self, failed: int, waiting: int) -> None:
        """Count runs that failed and checkpoints that opened."""
        self._failed += failed
        self._waiting += waiting

    def flush(self, now: float) -> str:
        """Return the escape sequences to write now; empty if there is nothing to report or it is too early.

        `now` is in monotonic seconds.
        """
        is_early = self._notified_at is not None and now - self._notified_at < MIN_INTERVAL_S
        if is_early or not (self._failed or self._waiting):
            return ""
        counts = ((self._failed, "failed"), (self._waiting, "waiting for you"))
        text = ", ".join(f"{count} {label}" for count, label in counts if count)
        self._failed = self._waiting = 0
        self._notified_at = now
        return bell(text, self._env)


def bell(text: str, env: Mapping[str, str]) -> str:
    """Return the bell, and the one sequence (OSC 777 or OSC 9) that this terminal shows; some would show both.

    `text` must not come from outside.
    """
    has_osc_777 = env.get("TERM", "").startswith(("foot", "rxvt")) or "VTE_VERSION" in env
    return BEL + (f"{OSC}777;notify;scaicore-tui;{text}{ST}" if has_osc_777 else f"{OSC}9;scaicore-tui: {text}{ST}")
