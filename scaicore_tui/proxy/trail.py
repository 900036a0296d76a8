"""What became of one request in here, for whoever keeps a log of them. Holds none of its values."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Scope

_NAME = "trail"


@dataclass
class Trail:
    """`route` is a template, None for what is no resource here. `is_shared`: another request had asked already."""

    route: str | None = None
    upstream_calls: int = 0
    is_shared: bool = False


def begin(scope: Scope) -> Trail:
    """A new one, left in the state of the request."""
    trail = Trail()
    scope["state"][_NAME] = trail
    return trail


def left_in(scope: Scope) -> Trail:
    """The one of a request; an empty one where it never came so far."""
    trail: Trail = scope["state"].get(_NAME) or Trail()
    return trail
