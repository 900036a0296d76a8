"""Fills `{{expression}}` in configurations with the data of a run; it changes nothing it is given."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from scaicore_tui.grid.expression import evaluate

_HOLE: Final = re.compile(r"\{\{(.+?)\}\}")


def render(value: Any, names: Mapping[str, Any]) -> Any:
    """`value` with its templates filled, in mappings and lists too; one that is the whole string keeps its type."""
    if isinstance(value, str):
        return _render_text(value, names)
    if isinstance(value, Mapping):
        return {key: render(part, names) for key, part in value.items()}
    if isinstance(value, list):
        return [render(part, names) for part in value]
    return value


def expressions(value: Any) -> Iterator[str]:
    """Every expression inside `value`: what a validator has to look at."""
    if isinstance(value, str):
        yield from (match[1] for match in _HOLE.finditer(value))
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from expressions(part)
    elif isinstance(value, list):
        for part in value:
            yield from expressions(part)


def _render_text(text: str, names: Mapping[str, Any]) -> Any:
    whole = _HOLE.fullmatch(text)
    if whole and "}}" not in whole[1]:
        return evaluate(whole[1], names)
    return _HOLE.sub(lambda match: _as_text(evaluate(match[1], names)), text)


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)
