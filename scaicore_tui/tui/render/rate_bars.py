"""Runs and failures over time as two lines of bars, with their numbers in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from scaicore_tui.analysis.statistics.rates import Rate, rising_since
from scaicore_tui.text import cell_width
from scaicore_tui.timefmt import MICROS_PER_SECOND, format_age, format_time, to_seconds
from scaicore_tui.tui.render.line import BADGE, Line, Span
from scaicore_tui.units import Micros

# From this width on there is a line for the runs too, and more words.
WIDE_CELLS = 100
LABEL_CELLS = 9
_WORDS_CELLS, _WIDE_WORDS_CELLS = 36, 45
MIN_COLUMNS = 8
UNICODE_BARS, ASCII_BARS = "▁▂▃▄▅▆▇█", "12345678"
# Time over which the present rate is measured.
_NOW_S = 300
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400


def rate_columns(width: int) -> int:
    """Return the number of columns for which to read a rate, so that its lines are `width` cells wide."""
    words = _WIDE_WORDS_CELLS if width >= WIDE_CELLS else _WORDS_CELLS
    return max(MIN_COLUMNS, width - LABEL_CELLS - words)


def rate_lines(
    rate: Rate, now: float, width: int, *, ascii_only: bool = False, marked: tuple[bool, int] | None = None
) -> list[Line]:
    """Return the lines of a rate with `rate_columns(width)` columns, at `now` in seconds since 1970.

    In less than WIDE_CELLS it is one line, of the failures. What does not fit is left out from the end. Failures are
    called rising by the rule of `rising_since`. `marked` is a column, of the failures or of the runs.
    """
    signs = ASCII_BARS if ascii_only else UNICODE_BARS
    failed = "text strong" if not rate.failed else "red strong"
    rising = rising_since(rate)
    words = [] if rising is None else [f"rising since {_clock(rising, now)}"]
    if width < WIDE_CELLS:
        words = [f"{rate.failed} in {period_text(rate)}", *words]
        failures = [column.failed for column in rate.columns]
        return [_line("failed", failures, words, signs, "red", failed, ", ", width, _marked(marked, is_failed=True))]
    if rate.newest_failure_at is not None:
        words.append(f"newest {format_age(now - to_seconds(rate.newest_failure_at))} ago")
    runs = [f"{rate.runs} in {period_text(rate)}", rate_now_text(rate, now)]
    counts = [column.runs for column in rate.columns]
    failures = [column.failed for column in rate.columns]
    return [
        _line("runs", counts, runs, signs, "text", "text strong", " · ", width, _marked(marked, is_failed=False)),
        _line(
            "failed",
            failures,
            [str(rate.failed), *words],
            signs,
            "red",
            failed,
            " · ",
            width,
            _marked(marked, is_failed=True),
        ),
    ]


def _marked(marked: tuple[bool, int] | None, *, is_failed: bool) -> int | None:
    """Return the column that is marked in the line of the failures, or in that of the runs."""
    return None if marked is None or marked[0] is not is_failed else marked[1]


def bars(counts: Sequence[int], signs: str) -> str:
    """Return a sign for each count, by its height; a space for none.

    Full height is the highest count, and at least one per sign: a few runs are low bars, however few the others are.
    """
    full = max([len(signs), *counts])
    return "".join(signs[-(-count * len(signs) // full) - 1] if count else " " for count in counts)


def period_text(rate: Rate) -> str:
    """Return the length of the period, such as `60 min`, `24 h` or `7 d`."""
    seconds = round(to_seconds(rate.end - rate.begin))
    if seconds >= 3 * _DAY_S:
        return f"{round(seconds / _DAY_S)} d"
    if seconds >= 2 * _HOUR_S:
        return f"{round(seconds / _HOUR_S)} h"
    return f"{max(1, round(seconds / _MINUTE_S))} min"


def rate_now_text(rate: Rate, now: float) -> str:
    """Return how many runs start now, over the last five minutes or the newest column, whichever is longer."""
    since = min(to_seconds(rate.end), now) - _NOW_S
    recent = [column for column in rate.columns if to_seconds(column.begin) >= since] or list(rate.columns[-1:])
    if not recent:
        return "none now"
    seconds = max(1.0, min(to_seconds(rate.end), now) - to_seconds(recent[0].begin))
    per_minute = sum(column.runs for column in recent) / seconds * _MINUTE_S
    if not per_minute:
        return "none now"
    if per_minute >= 1:
        return f"{round(per_minute)} a minute now"
    return f"{max(1, round(per_minute * _HOUR_S / _MINUTE_S))} an hour now"


def _line(
    label: str,
    counts: Sequence[int],
    words: Sequence[str],
    signs: str,
    bar_colour: str,
    number_colour: str,
    joint: str,
    width: int,
    marked: int | None,
) -> list[Span]:
    """Return the label, the bars, and of the words as many as fit: the first is the number, which is always shown."""
    drawn = bars(counts, signs)
    parts = [(drawn, bar_colour)] if marked is None else _parts(drawn, bar_colour, marked)
    spans: list[Span] = [(f" {label:<{LABEL_CELLS - 1}}", "grey"), *parts, ("  ", "text")]
    number, *rest = words
    spans.append((number, number_colour))
    used = sum(cell_width(text) for text, _ in spans)
    for word in rest:
        text = joint + word
        used += cell_width(text)
        if used > width:
            break
        spans.append((text, "red" if word.startswith("rising") else "grey"))
    return spans


def _parts(drawn: str, colour: str, marked: int) -> list[Span]:
    """Return bars with a marked one, which stands out without colours too."""
    return [
        (drawn[:marked], colour),
        (drawn[marked : marked + 1], f"accent{BADGE}"),
        (drawn[marked + 1 :], colour),
    ]


def _clock(at: Micros, now: float) -> str:
    """Return a time without seconds: `04:08`, with its date if that is not today."""
    whole = at - at % (_MINUTE_S * MICROS_PER_SECOND)
    return format_time(whole, now).removesuffix(":00Z")
