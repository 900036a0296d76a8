"""httpx, imported without its optional command line, which would load click, pygments and half of rich."""

from __future__ import annotations

import sys

# None makes the import of this module fail; httpx then works without it.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

import httpx  # noqa: E402

__all__ = ["httpx"]
