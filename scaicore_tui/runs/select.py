"""What a filter keeps, and which run an id names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from scaicore_tui.errors import NotFound, UsageError
from scaicore_tui.runs.book import RunBook
from scaicore_tui.runs.model import Run
from scaicore_tui.runs.summary import Summary


def one_run(book: RunBook, prefix: str, hint: str = "") -> Run:
    """The one run whose id begins with `prefix`, or `@latest`. Raises NotFound with that `hint`; UsageError where it is
    many."""
    found = book.find(prefix)
    if not found:
        raise NotFound(f"no run {prefix!r} among {len(book.runs)} read", hint=hint)
    if len(found) > 1:
        raise UsageError(f"{len(found)} runs begin with {prefix!r}", hint="give more of the id")
    return book.runs[found[0].execution_id]


def matches(run: Summary, needle: str) -> bool:
    """Whether every word of `needle` stands in the run's id, Core, status, error, instance or a node's name.

    A word with a leading `!` must not.
    """
    return holds(_parts(run), needle)


def holds(parts: Iterable[str | None], needle: str) -> bool:
    """Whether every word of `needle` stands in one of `parts`. A word with a leading `!` must not."""
    haystack = "\n".join(part for part in parts if part).lower()
    return all(_holds(haystack, word) for word in needle.lower().split())


def _holds(haystack: str, word: str) -> bool:
    if word.startswith("!") and len(word) > 1:
        return word[1:] not in haystack
    return word in haystack


def _parts(run: Summary) -> Iterator[str | None]:
    yield from (run.execution_id, run.core_id, run.status, run.error, run.instance_key)
    yield from run.node_ids
