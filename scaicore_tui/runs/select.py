"""What a filter keeps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from scaicore_tui.runs.summary import Summary


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
