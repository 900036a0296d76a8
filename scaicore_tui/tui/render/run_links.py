"""The links of a run, which `x` follows: its checkpoint, what a step called, replays, the last good run. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from scaicore_tui.actions import Submission
from scaicore_tui.analysis.steps import Step
from scaicore_tui.analysis.sub_runs import SubRun
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import Run, RunStatus, Summary
from scaicore_tui.text import display_name
from scaicore_tui.timefmt import age_text
from scaicore_tui.tui.render.runs import core_name, short_id


class RunLink(Struct, frozen=True):
    """A run, or a checkpoint to be answered, that can be opened; `label` says what it is, and how sure that is."""

    label: str
    execution_id: str = ""
    checkpoint_id: str = ""


class LinkSources(Struct, frozen=True):
    """The facts that the links of a run come from, with one of its steps selected."""

    checkpoint: Checkpoint | None = None
    step: Step | None = None
    sub_run: SubRun | None = None
    submissions: Iterable[Submission] = ()
    last_good: Summary | None = None


def find_links(run: Run, sources: LinkSources, now: float) -> list[RunLink]:
    """Return the links of a run, the most useful first; `now` is in seconds since 1970."""
    return [
        *_checkpoint_link(sources),
        *_sub_run_link(sources.sub_run),
        *_replay_links(run.execution_id, sources.submissions),
        *_last_good_link(run, sources.last_good, now),
    ]


def _checkpoint_link(sources: LinkSources) -> Iterator[RunLink]:
    """Yield the checkpoint that is answered, unless a step that is over is selected."""
    asked, step = sources.checkpoint, sources.step
    if asked is not None and not asked.is_breakpoint and (step is None or not step.is_reached or step.is_open):
        yield RunLink(f"answer {display_name(asked.title)}", checkpoint_id=asked.id)


def _sub_run_link(found: SubRun | None) -> Iterator[RunLink]:
    if found is not None:
        other = found.summary
        # How sure it is comes first: a narrow inspector cuts the end.
        word = "likely called" if found.is_likely else "possibly called"
        if found.rivals:
            word = f"called one of {found.rivals + 1} runs at that time:"
        why = f" ({', '.join(found.evidence)})" if found.evidence else ""
        yield RunLink(f"{word} {core_name(other.core_id)} {short_id(other.execution_id)}{why}", other.execution_id)


def _replay_links(execution_id: str, submissions: Iterable[Submission]) -> list[RunLink]:
    """Return the original of a replay, then the replays of the run, newest first."""
    originals, replays = list[RunLink](), list[RunLink]()
    for sent in submissions:
        if not sent.is_replay or sent.execution_id is None:
            continue
        likely = " (likely)" if sent.is_likely_match else ""
        if sent.execution_id == execution_id:
            originals.append(RunLink(f"replay of {display_name(sent.target_id)}{likely}", sent.target_id))
        elif sent.target_id == execution_id:
            replays.append(RunLink(f"replayed as {display_name(sent.execution_id)}{likely}", sent.execution_id))
    return [*originals, *reversed(replays)]


def _last_good_link(run: Run, good: Summary | None, now: float) -> Iterator[RunLink]:
    if good is not None and run.outcome is not RunStatus.COMPLETED:
        yield RunLink(good_text(run, good, now), good.execution_id)


def good_text(run: Run, good: Summary, now: float) -> str:
    """Return whether `good` is the last good run before `run`, or a later one, and how long ago it ended."""
    word = "last" if (good.began_at or 0) <= (run.began_at or 0) else "later"
    age = age_text(good.ended_at, now)
    return f"{word} good {short_id(good.execution_id)}" + (f" {age} ago" if age and age != "now" else "")
