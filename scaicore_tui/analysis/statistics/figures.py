"""Figures of the nodes of Cores: how many visits, how many failed, how long they take. Waits for people are apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.analysis.statistics.histogram import exact_quantile
from scaicore_tui.analysis.statistics.tally import Counts, NodeCounts, NodeDay, Tally
from scaicore_tui.analysis.statistics.usage import NANOS_PER_UNIT
from scaicore_tui.analysis.step_parents import CONTAINER_KINDS
from scaicore_tui.units import Micros

SHARES = (0.5, 0.95, 0.99)
_MICROS_PER_MS = 1_000
# Core, node id, and for blocks without a node id their kind.
Node = tuple[str, str, str]


class NodeFigures(Struct, frozen=True):
    """The figures of one node.

    Attributes:
        node_id: empty for the blocks of `block_kind` that have none.
        timed: visits whose duration is in the quantiles.
        p50_ms, p95_ms, p99_ms: durations that 50, 95 and 99 of 100 visits do not exceed; None if none is known.
        waits_for_people: the quantiles are of visits that waited for a person, as the node has no others.
        waits: visits that waited for a person, themselves or in something inside them.
        is_exact: the quantiles are exact, and not within 1 %.
        input_tokens, output_tokens, cost: sums over the visits whose payload told them; None if none did.
    """

    core_id: str
    node_id: str
    block_kind: str
    visits: int
    failed: int
    timed: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    waits_for_people: bool
    waits: int
    is_exact: bool
    with_usage: int
    input_tokens: int | None
    output_tokens: int | None
    cost: float | None

    @property
    def name(self) -> str:
        return self.node_id or f"({self.block_kind or 'block'})"

    @property
    def is_container(self) -> bool:
        return self.block_kind in CONTAINER_KINDS


def node_figures(counts: Counts) -> list[NodeFigures]:
    """Return the figures of each node over all days: by Core, the most visited nodes first."""
    total: dict[Node, NodeCounts] = {}
    kinds: dict[Node, str] = {}
    for key, found in counts.items():
        node = _node(key)
        total[node] = total[node] + found if node in total else found
        kinds[node] = key.block_kind or kinds.get(node, "")
    return sorted((_figures(node, kinds[node], found) for node, found in total.items()), key=_order)


def exact_figures(tally: Tally, since_day: int) -> list[NodeFigures]:
    """Return the same from the visits themselves: the quantiles are exact."""
    durations, waits = _by_node(tally.durations(), since_day), _by_node(tally.waits(), since_day)
    counts = {key: found for key, found in tally.counts().items() if key.day >= since_day}
    exact = []
    for row in node_figures(counts):
        node = (row.core_id, row.node_id, "" if row.node_id else row.block_kind)
        shown = (waits if row.waits_for_people else durations).get(node, [])
        p50, p95, p99 = (exact_quantile(shown, share) for share in SHARES)
        exact.append(replace(row, p50_ms=p50, p95_ms=p95, p99_ms=p99, is_exact=True))
    return exact


def _figures(node: Node, kind: str, counts: NodeCounts) -> NodeFigures:
    waited, timed = counts.waits.count, counts.durations.count
    only_waits = waited > 0 and timed == 0
    p50, p95, p99 = (counts.waits if only_waits else counts.durations).quantiles(SHARES)
    return NodeFigures(
        core_id=node[0],
        node_id=node[1],
        block_kind=kind,
        visits=counts.visits,
        failed=counts.failed,
        timed=waited if only_waits else timed,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        waits_for_people=only_waits,
        waits=waited,
        is_exact=False,
        with_usage=counts.with_usage,
        input_tokens=counts.input_tokens if counts.with_usage else None,
        output_tokens=counts.output_tokens if counts.with_usage else None,
        cost=counts.cost_nanos / NANOS_PER_UNIT if counts.with_cost else None,
    )


def _node(key: NodeDay) -> Node:
    return key.core_id, key.node_id, "" if key.node_id else key.block_kind


def _by_node(durations: Mapping[NodeDay, Iterable[Micros]], since_day: int) -> dict[Node, list[float]]:
    found: dict[Node, list[float]] = {}
    for key, values in durations.items():
        if key.day >= since_day:
            found.setdefault(_node(key), []).extend(max(0, value) / _MICROS_PER_MS for value in values)
    return found


def _order(row: NodeFigures) -> tuple[str, int, str]:
    return row.core_id, -row.visits, row.name
