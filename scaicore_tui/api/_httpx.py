"""httpx without the command line of its own that it loads where it can: with click, pygments and half of rich, that is
more than all the rest of it."""

from __future__ import annotations

import sys

# What Python takes for "can't be imported": httpx then does without.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

import httpx  # noqa: E402

__all__ = ["httpx"]
