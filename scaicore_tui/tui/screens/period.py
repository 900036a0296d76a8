"""The period that the main screen tells of: runs and failures over time, and the causes of failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from scaicore_tui.timefmt import MICROS_PER_SECOND
from scaicore_tui.tui.messages import FiguresNeeded, FiguresRead
from scaicore_tui.tui.render.line import Line

if TYPE_CHECKING:
    # Loaded after the first screen is shown, which appears sooner.
    from scaicore_tui.analysis.run_groups import ErrorGroup
    from scaicore_tui.analysis.statistics.rates import Rate
    from scaicore_tui.tui.rate_bar import RateBar

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
# The periods that a key cycles through, in seconds, with their names.
PERIODS = ((15 * MINUTE_S, "15 min"), (HOUR_S, "60 min"), (DAY_S, "24 h"), (7 * DAY_S, "7 d"))
FIRST_PERIOD = 1
# Without new events, figures are read again after this time: the period moves on.
MAX_AGE_S = 30
# While events arrive, figures are read at most this often.
MIN_AGE_S = 5
# … and this often while no failure is known: the first pages bring those that are listed beside "0 failed".
MIN_AGE_WITHOUT_FAILURES_S = 1
# Narrower screens have no room for the rate; from WIDE_CELLS on it has a line for the runs, too (as in
# `render.rate_bars`, which is loaded after the first screen is shown).
MIN_WIDTH_CELLS, WIDE_CELLS = 72, 100


class Period:
    """A period up to now. `post` sends a message to the app, which reads the figures."""

    def __init__(self, post: Callable[[FiguresNeeded], object]) -> None:
        self.rate: Rate | None = None
        self.causes: Sequence[ErrorGroup] = ()
        self._post = post
        self._index = FIRST_PERIOD
        self._read_at = float("-inf")
        self._is_outdated = True

    @property
    def name(self) -> str:
        """The length of the period in words."""
        return PERIODS[self._index][1]

    @property
    def is_empty(self) -> bool:
        """True if no run is known in the period."""
        return self.rate is None or not self.rate.runs

    def use_next(self) -> None:
        """Use the next period, and after the longest one the shortest."""
        self._index = (self._index + 1) % len(PERIODS)
        self._read_at = float("-inf")

    def mark_outdated(self) -> None:
        """Note that runs changed: the figures are read again at the next `request`."""
        self._is_outdated = True

    def resize(self, now: float, width: int) -> None:
        """Ask for figures in as many columns as fit."""
        self._read_at = float("-inf")
        self.request(now, width)

    def request(self, now: float, width: int) -> None:
        """Ask for the figures at `now` (seconds since 1970), for lines `width` cells wide, if they may have changed."""
        min_age_s = MIN_AGE_S if self.rate is not None and self.rate.failed else MIN_AGE_WITHOUT_FAILURES_S
        is_due = now - self._read_at >= (min_age_s if self._is_outdated else MAX_AGE_S)
        # The first runs are shown at once.
        is_first = self._is_outdated and self.is_empty
        if width < MIN_WIDTH_CELLS or not (is_due or is_first):
            return
        from scaicore_tui.tui.render.rate_bars import rate_columns

        self._is_outdated, self._read_at = False, now
        columns, length = rate_columns(width), PERIODS[self._index][0] * MICROS_PER_SECOND
        # Columns begin at multiples of their width, so that bars do not change their heights while time passes.
        step = max(1, length // columns)
        end = (int(now * MICROS_PER_SECOND) // step + 1) * step
        self._post(FiguresNeeded((end - columns * step, end), columns))

    def take(self, read: FiguresRead) -> None:
        """Take the figures that were read."""
        self.rate, self.causes = read.rate, read.causes

    def lines(
        self, now: float, width: int, chosen: RateBar | None = None, *, is_known: bool = True, ascii_only: bool
    ) -> list[Line]:
        """Return the lines about the rate, `width` cells wide: empty before it was read, none on narrow screens.

        The `chosen` bar is marked. Without `is_known`, as before the first page, "0 runs" is not said.
        """
        if width < MIN_WIDTH_CELLS:
            return []
        if self.rate is None or not (self.rate.runs or self.rate.failed or is_known):
            return [()] * (2 if width >= WIDE_CELLS else 1)
        from scaicore_tui.tui.rate_bar import marked_column
        from scaicore_tui.tui.render.rate_bars import rate_lines

        column = marked_column(self.rate, chosen)
        marked = None if chosen is None or column is None else (chosen.is_failed, column)
        return rate_lines(self.rate, now, width, ascii_only=ascii_only, marked=marked)
