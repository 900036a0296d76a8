"""The graph of a run's Core, from the best source there is, and what past runs of the Core did in it.

In this order: a file that was named, one in the folder of the profile, the flow that ScaiFlow deployed to the Core, a
flow that has all nodes of the run, and else the order in which runs of the Core visited their nodes. Nothing is read
before it is asked for, and the disk only in threads; what was found is kept for each Core.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path

from scaicore_tui.analysis.flow_graph import FlowGraph, GraphOrigin, best_cover, build_graph
from scaicore_tui.analysis.flow_inference import infer_graph
from scaicore_tui.analysis.flow_view import FlowView, Wait, view_flow
from scaicore_tui.api.client import Client
from scaicore_tui.api.flow_reader import FlowReader, FoundFlow, name_words
from scaicore_tui.clock import Clock
from scaicore_tui.config import Target
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.log import Log, error_fields
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import Run, RunStatus
from scaicore_tui.session.flow_files import read_flow_file, read_flow_folder
from scaicore_tui.session.past_runs import PastRuns
from scaicore_tui.store.recordings import RunSource

# A server that could not be reached is asked again after this time.
RETRY_S = 60.0
_log = Log(__name__)


class FlowGraphs:
    """Finds the graphs of Cores, in the files of `folder` and by `reader`; without one no server is asked."""

    def __init__(
        self,
        runs: RunSource,
        clock: Clock,
        reader: FlowReader | None = None,
        folder: Path | None = None,
    ) -> None:
        self.past = PastRuns(runs, clock)
        self._given: FlowGraph | None = None
        self._clock = clock
        self._reader = reader
        self._folder = folder
        self._files: Sequence[FlowGraph] | None = None
        self._designs: dict[str, FlowGraph] = {}
        self._ask_again_at = 0.0
        self._lock = asyncio.Lock()

    def use(self, graph: FlowGraph) -> None:
        """Use a graph, before all other sources, for the Cores with nodes that are in it."""
        self._given = graph

    async def view(
        self, run: Run, checkpoints: Collection[Checkpoint] = (), file: Path | None = None
    ) -> FlowView | None:
        """Return `run` in the graph of its Core; None if no graph is known and none of its nodes has an id.

        A `file` goes before all other sources; raises NotFound, StorageError or ConfigError if it has no graph.
        """
        async with self._lock:
            past = await self.past.newest(run.core_id)
            graph = await self._find_design(run) if file is None else await asyncio.to_thread(read_flow_file, file)
        if graph is None:
            others = (other for other in past if other.execution_id != run.execution_id)
            graph = await asyncio.to_thread(infer_graph, [*others, run])
        if graph is None:
            return None
        over = [other for other in past if other.is_over]
        return await asyncio.to_thread(view_flow, graph, run, over, _waits(run, checkpoints))

    async def _find_design(self, run: Run) -> FlowGraph | None:
        """Return the graph that was drawn for a run's Core; None if none is found."""
        node_ids = {node.node_id for node in run.nodes.values() if node.node_id is not None}
        if self._given is not None and node_ids and _has_any(self._given, node_ids):
            return self._given
        known = self._designs.get(run.core_id or "")
        if known is not None and (known.origin is not GraphOrigin.COVER or best_cover([known], node_ids) is known):
            return known
        found = await self._search_design(run.core_id or "", node_ids)
        if found is not None:
            self._designs[run.core_id or ""] = found
            _log.info("flow found", core=run.core_id, source=str(found.origin), flow=found.detail)
        return found

    async def _search_design(self, core_id: str, node_ids: Collection[str]) -> FlowGraph | None:
        if self._files is None:
            self._files = [] if self._folder is None else await asyncio.to_thread(read_flow_folder, self._folder)
        named = [graph for graph in self._files if _is_named(graph, core_id) and _has_any(graph, node_ids)]
        if named:
            return named[0]
        flows = await self._read_flows(core_id)
        graphs = await asyncio.to_thread(lambda: [_graph_of(flow) for flow in flows])
        if graphs and graphs[0].origin is GraphOrigin.SCAIFLOW:
            return graphs[0]
        likely = [graph.from_source(GraphOrigin.COVER, graph.detail) for graph in self._files]
        return best_cover([*likely, *graphs], node_ids)

    async def _read_flows(self, core_id: str) -> Sequence[FoundFlow]:
        """Return the flows that may be a Core's; none while the server cannot be asked."""
        if self._reader is None or not core_id or self._clock.monotonic() < self._ask_again_at:
            return []
        try:
            return await self._reader.find(core_id)
        except ScaicoreError as error:
            self._ask_again_at = self._clock.monotonic() + RETRY_S
            _log.warning("flows cannot be read", **error_fields(error))
            return []


def flow_graphs_of(target: Target, clock: Clock, runs: RunSource, client: Client) -> FlowGraphs:
    """Return the graphs of a session's Cores. Offline, no server is asked."""
    return FlowGraphs(runs, clock, None if target.offline else FlowReader(client), target.flows)


def _graph_of(flow: FoundFlow) -> FlowGraph:
    """Return the graph of a flow: the Core's own if it was deployed to it, else a likely one."""
    origin = GraphOrigin.SCAIFLOW if flow.is_deployed else GraphOrigin.COVER
    version = flow.info.version or flow.document.version
    return build_graph(flow.document, origin, f"{flow.info.id} version {version}" if version else flow.info.id)


def _is_named(graph: FlowGraph, core_id: str) -> bool:
    """Return true if a file or its flow is named as the Core."""
    words = name_words(core_id)
    return bool(words) and words in (name_words(graph.name), name_words(graph.detail.removesuffix(".json")))


def _has_any(graph: FlowGraph, node_ids: Collection[str]) -> bool:
    return not node_ids or any(node_id in graph.by_id for node_id in node_ids)


def _waits(run: Run, checkpoints: Collection[Checkpoint]) -> dict[str, Wait]:
    """Return what a run waits for, by node. A run as of an event in the past does not wait for what is pending now."""
    if run.status is not RunStatus.WAITING:
        return {}
    return {
        row.node_id: Wait(row.assignee_raw or "", row.is_breakpoint)
        for row in checkpoints
        if row.execution_id == run.execution_id and row.node_id is not None
    }
