"""Decode flows: their listing, their graphs and their deployments (API §6). Nothing here raises on an unknown shape.

A graph can also come from a file, so everything in it is foreign: counts, depths and lengths are bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from msgspec import Struct

from scaicore_tui.protocol.envelope import parse, unwrap
from scaicore_tui.protocol.lenient_json import as_number, as_text, as_text_or_none, decode_value_text

# A graph that a person drew has a few dozen nodes.
MAX_NODES = 2_000
MAX_EDGES = 10_000
MAX_FLOWS = 1_000
# Strings that are read from the deployments of one flow.
MAX_STRINGS = 10_000
MAX_ID_CHARS = 500
MAX_CONDITION_CHARS = 2_000
MAX_PIXELS = 1e9
# Levels in which a graph, a list of flows, or an id is looked for.
MAX_LEVELS = 12

_LISTS = ("items", "flows", "deployments", "results", "data")
_GRAPHS = ("content", "graph", "flow", "definition", "data")


class FlowInfo(Struct, frozen=True):
    """One flow of a listing; `version` is text, as received."""

    id: str
    name: str = ""
    version: str = ""


class FlowListing(Struct, frozen=True):
    """The flows of a listing, and how many there are in all as far as the server says."""

    flows: tuple[FlowInfo, ...] = ()
    total: int = 0


class FlowNode(Struct, frozen=True):
    """A node on the canvas. `type` and `label` may be empty; without a position, `x` and `y` are 0."""

    id: str
    type: str = ""
    label: str = ""
    x: float = 0.0
    y: float = 0.0


class FlowEdge(Struct, frozen=True):
    """A connection. `kind` is `sequential`, `conditional`, `data`, or another text; `port` is that of the source."""

    source: str
    target: str
    port: str = ""
    kind: str = "sequential"
    condition: str | None = None


class FlowDocument(Struct, frozen=True):
    """A decoded graph. Edges connect nodes of it. `is_cut`: it has more nodes or edges than are kept."""

    nodes: tuple[FlowNode, ...]
    edges: tuple[FlowEdge, ...] = ()
    id: str = ""
    name: str = ""
    version: str = ""
    is_cut: bool = False


def read_flow_listing(body: bytes) -> FlowListing:
    """Return the flows in a listing; none if it has an unknown shape."""
    value = _value(body)
    rows = _rows(value)
    flows = tuple(
        FlowInfo(flow_id, _text(row, "name"), _text(row, "version"))
        for row in islice(rows, MAX_FLOWS)
        if isinstance(row, dict) and (flow_id := _text(row, "id"))
    )
    total = value.get("total") if isinstance(value, dict) else None
    return FlowListing(flows, total if isinstance(total, int) and total > len(flows) else len(flows))


def read_flow(body: bytes) -> FlowDocument | None:
    """Return the graph in a response or in a file; None if there is none in it."""
    value = _value(body)
    found = _find_graph(value, MAX_LEVELS)
    if found is None:
        return None
    nodes = {node.id: node for row in islice(_members(found["nodes"]), MAX_NODES) if (node := _node(row)) is not None}
    if not nodes:
        return None
    rows = list(islice(_members(found.get("edges")), MAX_EDGES + 1))
    edges = [edge for row in rows[:MAX_EDGES] if (edge := _edge(row)) is not None]
    flow_id, name, version = (_text(found, key) or _text(value, key) for key in ("id", "name", "version"))
    is_cut = len(found["nodes"]) > MAX_NODES or len(rows) > MAX_EDGES
    kept = tuple(edge for edge in edges if edge.source in nodes and edge.target in nodes)
    return FlowDocument(tuple(nodes.values()), kept, flow_id, name, version, is_cut)


def read_deployed_ids(body: bytes) -> frozenset[str]:
    """Return all strings in the deployments of a flow: one of them is the Core's id, in whatever field it stands."""
    return frozenset(islice(_strings(_value(body), MAX_LEVELS), MAX_STRINGS))


def _value(body: bytes) -> Any:
    """Return the decoded body without its wrapper; None if it is not JSON, too deep, or an error."""
    try:
        return unwrap(parse(body))
    except (ValueError, RecursionError):
        return None


def _value_in(text: str) -> Any:
    """Return the decoded text without its wrapper, as `_value` does for a body."""
    try:
        return unwrap(decode_value_text(text))
    except ValueError:
        return None


def _rows(value: Any) -> Iterable[Any]:
    """Return the list that `value` is, or that it holds under a usual name."""
    if isinstance(value, dict):
        value = next((value[key] for key in _LISTS if isinstance(value.get(key), list)), None)
    return value if isinstance(value, list) else ()


def _find_graph(value: Any, levels: int) -> dict[str, Any] | None:
    """Return the object with nodes: `value`, or one inside it under a usual name, be it as JSON in a string."""
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        value = _value_in(value)
    if not isinstance(value, dict) or not levels:
        return None
    if isinstance(value.get("nodes"), list | dict):
        return value
    inner = (_find_graph(value[key], levels - 1) for key in _GRAPHS if key in value)
    return next((graph for graph in inner if graph is not None), None)


def _members(value: Any) -> Iterator[Any]:
    """Yield the rows of a list, or those of an object by id."""
    if isinstance(value, dict):
        yield from ({"id": key, **row} for key, row in value.items() if isinstance(row, dict))
    elif isinstance(value, list):
        yield from value


def _node(row: Any) -> FlowNode | None:
    node_id = _text(row, "id")
    if not node_id:
        return None
    position = row.get("position")
    label = _text(row, "label") or _text(row, "name") or _text(row.get("data"), "label")
    return FlowNode(node_id, _text(row, "type"), label, _coordinate(position, "x"), _coordinate(position, "y"))


def _coordinate(position: Any, axis: str) -> float:
    """Return a place on the canvas in pixels; 0 if it is not a number of a usual size."""
    number = as_number(position.get(axis)) if isinstance(position, dict) else None
    return float(number) if number is not None and -MAX_PIXELS < number < MAX_PIXELS else 0.0


def _edge(row: Any) -> FlowEdge | None:
    """Return the edge in `row`: its ends are objects of `node` and `port`, or texts with the ports beside them."""
    if not isinstance(row, dict):
        return None
    source, target = _end(row.get("source")), _end(row.get("target"))
    if not source[0] or not target[0]:
        return None
    port = source[1] or _text(row, "sourceHandle") or _text(row, "source_port")
    kind = _text(row, "type") or "sequential"
    condition = as_text_or_none(row.get("condition"))
    return FlowEdge(source[0], target[0], port, kind, None if condition is None else condition[:MAX_CONDITION_CHARS])


def _end(value: Any) -> tuple[str, str]:
    if isinstance(value, dict):
        return _text(value, "node") or _text(value, "id"), _text(value, "port")
    return (value[:MAX_ID_CHARS], "") if isinstance(value, str) else ("", "")


def _text(row: Any, key: str) -> str:
    """Return a member as text, cut; empty if there is none."""
    value = row.get(key) if isinstance(row, dict) else None
    return "" if value is None or isinstance(value, dict | list) else as_text(value)[:MAX_ID_CHARS]


def _strings(value: Any, levels: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list) and levels:
        for member in value.values() if isinstance(value, dict) else value:
            yield from _strings(member, levels - 1)
