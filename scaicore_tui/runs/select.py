"""Which runs a filter keeps."""

from __future__ import annotations

from scaicore_tui.runs.model import Run


def matches(run: Run, needle: str) -> bool:
    """Whether every word of `needle` stands in the run's id, Core, status, error, instance or a node's name.

    A word with a leading `!` must not.
    """
    haystack = _haystack(run)
    return all(_holds(haystack, word) for word in needle.lower().split())


def _holds(haystack: str, word: str) -> bool:
    if word.startswith("!") and len(word) > 1:
        return word[1:] not in haystack
    return word in haystack


def _haystack(run: Run) -> str:
    parts = (run.execution_id, run.core_id, run.status, run.error, run.instance_key)
    names = (node.node_id for node in run.nodes.values())
    return "\n".join(part for part in (*parts, *names) if part).lower()
