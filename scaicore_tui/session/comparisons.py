"""Reads two runs and compares them: the one that is looked at, and a partner that is chosen, or was named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from scaicore_tui.actions import Submission
from scaicore_tui.analysis.diff import ComparedRun, Partner, RunDiff, choose_partner, compare
from scaicore_tui.analysis.diff_rows import DiffRow, diff_rows
from scaicore_tui.analysis.diff_text import short_difference
from scaicore_tui.analysis.steps import FlowShape, build_steps
from scaicore_tui.errors import NotFound, ScaicoreError
from scaicore_tui.runs import Run, Summary, missing_events_note
from scaicore_tui.store.recordings import RunSource
from scaicore_tui.text import display_name, sanitize

# Other runs of the Core among which one is chosen.
MAX_OTHERS = 1_000
# The first difference is told beside a list only of runs that are read and compared within a tenth of a second.
MAX_FACT_EVENTS = 2_000
NO_CORE = "the Core of this run is not known"


class Comparison(Struct, frozen=True):
    """Two runs, compared, with the rows that show it. Without a `diff`, `problem` says why there is none.

    `others` are all runs that the first one can be compared with, as far as that was asked: the chosen one first, and
    then the newest.
    """

    diff: RunDiff | None = None
    rows: Sequence[DiffRow] = ()
    partner: Partner | None = None
    others: Sequence[Partner] = ()
    problem: str = ""


class FirstDifference(Struct, frozen=True):
    """The first difference of a run from the partner that is chosen for it, in a few words."""

    partner_id: str
    text: str


def find_partner(runs: RunSource, submissions: Iterable[Submission], run: Summary) -> Partner | None:
    """Return the run to compare `run` with; None if no other run of its Core completed. Blocks.

    `submissions` tell which run is a replay of which, as far as this machine sent it.
    """
    return choose_partner(run, _others_of(runs, run), find_original(runs, submissions, run))


def find_original(runs: RunSource, submissions: Iterable[Submission], run: Summary) -> Summary | None:
    """Return the run that `run` replays, if its events are there. Blocks."""
    original = next(
        (one.target_id for one in submissions if one.is_replay and one.execution_id == run.execution_id), ""
    )
    try:
        return runs.find_one(original) if original else None
    except NotFound:
        return None


def why_no_partner(run: Summary) -> str:
    """Return why no run is chosen to compare `run` with."""
    if run.core_id is None:
        return f"no run to compare with: {NO_CORE}"
    return f"no run to compare with: no other run of {display_name(run.core_id)} completed"


def read_compared(runs: RunSource, summary: Summary, graph: FlowShape | None, now: float) -> ComparedRun:
    """Read a run to compare, with its steps by `graph`; `now` is in seconds since 1970. Blocks."""
    return to_compared(runs, summary, runs.run(summary), graph, now)


def to_compared(runs: RunSource, summary: Summary, run: Run, graph: FlowShape | None, now: float) -> ComparedRun:
    """Return a run to compare, with its steps by `graph`. Blocks: it reads where events are missing."""
    is_complete = not missing_events_note(summary, runs.gaps, now)
    return ComparedRun(run, build_steps(run, graph, is_complete=is_complete), is_complete)


def _others_of(runs: RunSource, run: Summary) -> Sequence[Summary]:
    return runs.newest_of_core(run.core_id, MAX_OTHERS) if run.core_id is not None else []


class Comparisons:
    """Compares runs of `runs` in threads. `submissions` are the writes so far, `now` the time in seconds since 1970."""

    def __init__(
        self, runs: RunSource, submissions: Callable[[], Sequence[Submission]], now: Callable[[], float]
    ) -> None:
        self._source = runs
        self._submissions = submissions
        self._now = now
        # The other run that was read last: it is compared again whenever the first one goes on.
        self._last: tuple[tuple[str, int], Run] | None = None

    async def read(
        self,
        summary: Summary,
        run: Run,
        graph: FlowShape | None = None,
        partner: Partner | None = None,
        *,
        lists_others: bool = True,
    ) -> Comparison:
        """Compare `run`, which must not change meanwhile, with a `partner`; without one, it is chosen.

        Says why not if that is not possible.
        """
        sent, now = tuple(self._submissions()), self._now()
        try:
            others = await asyncio.to_thread(self._partners, summary, sent) if lists_others or partner is None else ()
            if partner is None:
                partner = others[0] if others and others[0].reason else None
            if partner is None:
                return Comparison(problem=why_no_partner(summary), others=others)
            diff = await asyncio.to_thread(self._compare, summary, run, graph, partner.summary, now)
            return Comparison(diff, await asyncio.to_thread(diff_rows, diff), partner, others)
        except ScaicoreError as error:
            return Comparison(problem=sanitize(str(error)), partner=partner)

    async def first_difference(self, summary: Summary, run: Run) -> FirstDifference | None:
        """Return the first difference of `run`, which must not change meanwhile, from the partner that is chosen.

        None if there is no partner, or if one of both is long: then it is not worth the time.
        """
        if summary.event_count > MAX_FACT_EVENTS:
            return None
        sent, now = tuple(self._submissions()), self._now()
        try:
            return await asyncio.to_thread(self._first_difference, summary, run, sent, now)
        except ScaicoreError:
            return None

    def _compare(self, summary: Summary, run: Run, graph: FlowShape | None, other: Summary, now: float) -> RunDiff:
        a = to_compared(self._source, summary, run, graph, now)
        return compare(a, to_compared(self._source, other, self._run_of(other), graph, now))

    def _partners(self, summary: Summary, sent: Sequence[Submission]) -> list[Partner]:
        """Return all runs to compare with: the chosen one with the reason, then the others, newest first."""
        newest = _others_of(self._source, summary)
        chosen = choose_partner(summary, newest, find_original(self._source, sent, summary))
        known = {summary.execution_id, *([chosen.summary.execution_id] if chosen is not None else [])}
        others = [Partner(other, "") for other in newest if other.execution_id not in known]
        return [*([chosen] if chosen is not None else []), *others]

    def _first_difference(
        self, summary: Summary, run: Run, sent: Sequence[Submission], now: float
    ) -> FirstDifference | None:
        partner = find_partner(self._source, sent, summary)
        if partner is None or partner.summary.event_count > MAX_FACT_EVENTS:
            return None
        text = short_difference(self._compare(summary, run, None, partner.summary, now))
        return FirstDifference(partner.summary.execution_id, text)

    def _run_of(self, summary: Summary) -> Run:
        key = summary.execution_id, summary.event_count
        if self._last is None or self._last[0] != key:
            self._last = key, self._source.run(summary)
        return self._last[1]
