"""Tokens and cost that payloads tell in one of the usual forms.

What they do not tell is unknown: nothing is estimated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from scaicore_tui.protocol.events import Event

# No payload without one of these words has a usage: so few events are decoded for it.
USAGE_MARK = b'"usage'
_NAMES = ("usage", "usageMetadata", "usage_metadata")
# Of the interfaces of OpenAI, of Anthropic (also ours), and of Gemini in both spellings.
_INPUT = ("prompt_tokens", "input_tokens", "promptTokenCount", "prompt_token_count")
_OUTPUT = ("completion_tokens", "output_tokens", "candidatesTokenCount", "candidates_token_count")
_COST = ("cost", "total_cost", "cost_usd")
# A larger number of tokens, or a cost of as many units, is not believed.
_MAX = 10**9
NANOS_PER_UNIT = 10**9


class Usage(Struct, frozen=True, gc=False):
    """The tokens of a model call and its cost in billionths of the unit that the payload uses; None if unknown."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_nanos: int | None = None


def usage_of(event: Event) -> Usage | None:
    """Return the usage in the payload of an event, or in the result in it; None if it has none.

    Without USAGE_MARK in the event's bytes it has none.
    """
    for value in _candidates(event.payload):
        tokens = _number(value, _INPUT), _number(value, _OUTPUT)
        cost = _number(value, _COST)
        if tokens != (None, None) or cost is not None:
            whole = [None if each is None else int(each) for each in tokens]
            return Usage(whole[0], whole[1], None if cost is None else round(cost * NANOS_PER_UNIT))
    return None


def _candidates(payload: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for holder in (payload, payload.get("result_binding_value")):
        if isinstance(holder, dict):
            yield from (value for name in _NAMES if isinstance(value := holder.get(name), dict))


def _number(value: Mapping[str, Any], names: tuple[str, ...]) -> float | None:
    for name in names:
        found = value.get(name)
        if isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found <= _MAX:
            return found
    return None
