"""The texts in which words of a query are looked for, and the lookup of a run by the start of its id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from scaicore_tui.errors import NotFound, UsageError
from scaicore_tui.runs.summary import Summary


def only_match(found: Sequence[Summary], prefix: str, known_count: int, hint: str = "") -> Summary:
    """Return the only summary in `found`, the runs whose ids begin with `prefix`, of `known_count` known runs.

    Raises NotFound, with `hint`, if there is none, and UsageError if there are several.
    """
    if not found:
        raise NotFound(f"no run {prefix!r} among the {known_count} known runs", hint=hint)
    if len(found) > 1:
        raise UsageError(f"{len(found)} runs begin with {prefix!r}", hint="give more characters of the id")
    return found[0]


def search_text(parts: Iterable[str | None]) -> str:
    """Join `parts` to one lower-case search text. No word can match across two parts."""
    return "\n".join([part for part in parts if part]).lower()


def run_search_text(run: Summary) -> str:
    """Return the search text of a run: its id, error, instance key, Core and node ids, and its status."""
    return f"{text_without_status(run)}\n{run.status}"


def text_without_status(run: Summary) -> str:
    """Return the search text of a run without its status, which changes while its events do not."""
    common = _shared_search_text(run.core_id, run.node_ids)
    return "\n".join((run.execution_id, run.error or "", run.instance_key or "", common)).lower()


@lru_cache(4096)
def _shared_search_text(core_id: str | None, node_ids: tuple[str | None, ...]) -> str:
    """Return the part of the search text that many runs share."""
    return "\n".join(filter(None, (core_id, *node_ids)))
