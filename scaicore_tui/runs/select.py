"""What a filter keeps: texts with all its words, and none of its `!words`. And which run an id names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from scaicore_tui.errors import NotFound, UsageError
from scaicore_tui.runs.index import RunIndex
from scaicore_tui.runs.model import Run
from scaicore_tui.runs.summary import Summary


def find_one_run(index: RunIndex, prefix: str, hint: str = "") -> Run:
    """The one run whose id begins with `prefix`, or `@latest`. Raises NotFound with that `hint`; UsageError where it is
    many."""
    found = index.find(prefix)
    if not found:
        raise NotFound(f"no run {prefix!r} among {len(index.runs)} read", hint=hint)
    if len(found) > 1:
        raise UsageError(f"{len(found)} runs begin with {prefix!r}", hint="give more of the id")
    return index.runs[found[0].execution_id]


def compile_filter(needle: str) -> Callable[[str], bool]:
    """Tells of a searchable text whether every word of `needle` stands in it. A word with a leading `!` must not.

    Made once, for many texts.
    """
    words = needle.lower().split()
    barred = [word[1:] for word in words if _is_negated(word)]
    wanted = [word for word in words if not _is_negated(word)]

    def keeps(text: str) -> bool:
        for word in wanted:
            if word not in text:
                return False
        for word in barred:  # noqa: SIM110  (a generator takes longer than most of these texts)
            if word in text:
                return False
        return True

    return keeps


def is_refinement(needle: str, before: str) -> bool:
    """Whether `needle` keeps nothing that the one `before` did not: words came to it, or letters to its words."""
    words = needle.lower().split()
    wanted = [word for word in words if not _is_negated(word)]
    return all(
        word in words or (not _is_negated(word) and any(word in longer for longer in wanted))
        for word in before.lower().split()
    )


def search_text(parts: Iterable[str | None]) -> str:
    """One text of what is searched, in small letters. No word reaches from one part into the next."""
    return "\n".join([part for part in parts if part]).lower()


def run_search_text(run: Summary) -> str:
    """The searchable text of a run: its id, status, error, instance, Core and the names of its nodes."""
    common = _shared_search_text(run.core_id, run.node_ids)
    return "\n".join((run.execution_id, run.status, run.error or "", run.instance_key or "", common)).lower()


@lru_cache(4096)
def _shared_search_text(core_id: str | None, node_ids: tuple[str | None, ...]) -> str:
    """What many runs have in common."""
    return "\n".join(filter(None, (core_id, *node_ids)))


def _is_negated(word: str) -> bool:
    return word.startswith("!") and len(word) > 1
