"""A flow as lines of text: its graph, with what one run did in it. Pure; for the screen and the command line alike.

Names, labels, conditions and errors are foreign text: they are made safe here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, field

from scaicore_tui.analysis.flow_graph import ENTRY_TYPES, PARALLEL_TYPES, FlowGraph, block_count
from scaicore_tui.analysis.flow_path import (
    TakenEdges,
    WayOut,
    count_edges,
    find_taken_edges,
    not_reached,
    unknown_nodes,
    ways_out,
)
from scaicore_tui.analysis.flow_rails import ASCII_SIGNS, Emphasis, Gutter, RowEdge, Span, draw_gutter
from scaicore_tui.protocol.flows import FlowNode
from scaicore_tui.runs.model import NodeRunInfo, NodeState, Run, RunStatus
from scaicore_tui.runs.status_style import BREAKPOINT, NODE_STYLES, REVIEW, StatusStyle
from scaicore_tui.text import cell_width, display_name, one_line, pad, truncate, wrap
from scaicore_tui.timefmt import format_age, format_duration

ENTRY = StatusStyle("▷", ">", "entry", "grey")
NOT_YET = StatusStyle("○", "o", "not yet", "grey")
NOT_REACHED = StatusStyle("·", "-", "not reached", "grey")
_LOOP, _PARALLEL = ("↻", "@"), ("∥", "=")
_ARROW = ("→", "->")
MIN_WIDTH_CELLS = 40
# In narrower spaces the types of nodes are left out, so that names and states fit.
MIN_WIDTH_WITH_TYPES_CELLS = 72
MAX_NAME_CELLS, MAX_TYPE_CELLS, STATE_CELLS = 40, 22, 16
# A rail for each so many cells of the width.
CELLS_PER_RAIL = 12
MAX_NOTE_CELLS = 200
_CHECKPOINT_KIND = "checkpoint"
_INDENT = "  "


class Wait(Struct, frozen=True):
    """A pending checkpoint at a node. `assignee` is foreign text; a breakpoint stops the run before the node."""

    assignee: str = ""
    is_breakpoint: bool = False


class FlowRow(Struct, frozen=True):
    """The line of one node."""

    node_id: str
    line: Sequence[Span]


class FlowView(Struct, frozen=True):
    """A graph with one run in it, and what past runs of the Core did.

    Attributes:
        counts: how often `past_count` past runs took each edge, as `count_edges` returns it.
        past_ms: the time from the begin of the first of these runs to that of the last one; None if unknown.
        waits: for nodes at which the run waits for a person, what it waits for.
    """

    graph: FlowGraph
    run: Run
    taken: TakenEdges
    counts: Mapping[int, int] = field(default_factory=dict)
    past_count: int = 0
    past_ms: float | None = None
    waits: Mapping[str, Wait] = field(default_factory=dict)

    @property
    def visited(self) -> Mapping[str, NodeRunInfo]:
        """The nodes of the run by id; of two blocks with the same id the later one."""
        return {node.node_id: node for node in self.run.nodes.values() if node.node_id is not None}


def view_flow(
    graph: FlowGraph, run: Run, past: Sequence[Run] = (), waits: Mapping[str, Wait] | None = None
) -> FlowView:
    """Return the view of `run` in `graph`; `past` are other runs of the Core."""
    begins = [at for at in (other.began_at for other in past) if at is not None]
    past_ms = (max(begins) - min(begins)) / 1000 if begins else None
    counts = count_edges(graph, past)
    return FlowView(graph, run, find_taken_edges(graph, run), counts, len(past), past_ms, waits or {})


def heading_spans(view: FlowView) -> list[Span]:
    """Return where the graph comes from, and how much of it the run did not reach, as one line."""
    spans = [("flow  ", "grey"), (one_line(view.graph.heading, MAX_NOTE_CELLS), "text")]
    missed = not_reached(view.graph, view.run) if view.run.is_over else ()
    if missed:
        spans.append((f"  {len(missed)} of {block_count(view.graph)} nodes not reached", "grey"))
    if view.graph.is_cut:
        spans.append((f"  only its first {len(view.graph.nodes):,} nodes are shown", "amber"))
    return spans


def flow_rows(view: FlowView, width: int, *, ascii_only: bool = False) -> list[FlowRow]:
    """Return one row a node, in reading order, each at most `width` cells wide."""
    width = max(width, MIN_WIDTH_CELLS)
    gutter = _gutter(view, max(2, width // CELLS_PER_RAIL))
    names = [_name(view.graph, node, ascii_only) for node in view.graph.nodes]
    types = [one_line(node.type, MAX_TYPE_CELLS) for node in view.graph.nodes]
    free_cells = width - gutter.width - STATE_CELLS - 3
    name_cells = min(max(map(cell_width, names), default=0), MAX_NAME_CELLS, max(10, free_cells))
    type_cells = max(map(cell_width, types), default=0) if width >= MIN_WIDTH_WITH_TYPES_CELLS else 0
    hidden = _undrawn_targets(view.graph, gutter)
    rows = []
    visited = view.visited
    for index, node in enumerate(view.graph.nodes):
        info = visited.get(node.id)
        style = node_style(view, node, info)
        spans = [(text.translate(ASCII_SIGNS) if ascii_only else text, colour) for text, colour in gutter.rows[index]]
        spans += [
            (f" {style.ascii if ascii_only else style.glyph} ", style.colour),
            (pad(names[index], name_cells), "grey" if info is None else "text"),
            *([(f"  {pad(types[index], type_cells)}", "grey")] if type_cells else []),
            (f"  {_state_text(style, info, ascii_only):>{STATE_CELLS - 2}}", style.colour if info is None else "text"),
        ]
        notes = [*_notes(view, node, info), *hidden.get(index, ())]
        arrow = _ARROW[ascii_only]
        spans += [(f"  {arrow + ' ' if leads else ''}{text}", colour) for text, colour, leads in notes]
        rows.append(FlowRow(node.id, _cut(spans, width)))
    return rows


def footer_lines(view: FlowView, width: int, *, ascii_only: bool = False) -> list[list[Span]]:
    """Return what follows the rows: the nodes of the run that the graph lacks, and the ways out of all branches."""
    lines = []
    unknown = unknown_nodes(view.graph, view.run)
    if unknown:
        names = ", ".join(display_name(node.name) for node in unknown)
        lines += [[(line, "amber")] for line in wrap(f"not in this graph: {names}", max(width, MIN_WIDTH_CELLS))]
    for node in view.graph.nodes:
        if len(ways_out(view.graph, node.id)) > 1:
            lines += ways_lines(view, node.id, width, ascii_only=ascii_only)
    return lines


def ways_lines(view: FlowView, node_id: str, width: int, *, ascii_only: bool = False) -> list[list[Span]]:
    """Return the ways out of a node in words, with conditions and shares of past runs; none if it has none."""
    ways = ways_out(view.graph, node_id, view.counts)
    if not ways:
        return []
    arrow = _ARROW[ascii_only]
    words = [_way_text(view.graph, way, arrow) for way in ways]
    total = ways[0].total
    share = f"of {total} times in {_past_runs(view)}" if total else "no past run known"
    text = f"{display_name(node_id)}  out of it: {'   '.join(words)}   {share}"
    first, *rest = _wrap_hanging(text, max(width, MIN_WIDTH_CELLS))
    return [[(first, "text")], *([(line, "text")] for line in rest)]


def _past_runs(view: FlowView) -> str:
    """Return how many past runs were counted, and in how much time they began."""
    if view.past_count == 1:
        return "1 past run"
    period = f" in {format_age(view.past_ms / 1000)}" if view.past_ms else ""
    return f"{view.past_count} past runs{period}"


def _wrap_hanging(text: str, width: int) -> list[str]:
    first, *rest = wrap(text, width)
    if not rest:
        return [first]
    return [first, *(_INDENT + line for line in wrap(text[len(first) :].lstrip(), width - len(_INDENT)))]


def _way_text(graph: FlowGraph, way: WayOut, arrow: str) -> str:
    share = "" if way.percent is None else f" ({way.percent}%)"
    condition = "" if not way.edge.condition else f" if {one_line(way.edge.condition, 60)}"
    label = "" if graph.is_inferred else f"{one_line(way.label, 30)} "
    return f"{label}{arrow} {one_line(way.edge.target, 30)}{condition}{share}"


def _gutter(view: FlowView, max_rails: int) -> Gutter:
    graph = view.graph
    edges = [
        RowEdge(graph.rank[edge.source], graph.rank[edge.target], _emphasis(view.taken, index))
        for index, edge in enumerate(graph.edges)
    ]
    return draw_gutter(edges, len(graph.nodes), max_rails)


def _emphasis(taken: TakenEdges, index: int) -> Emphasis:
    if index in taken.counts:
        return Emphasis.TAKEN
    return Emphasis.POSSIBLE if index in taken.possible else Emphasis.NOT_TAKEN


def _undrawn_targets(graph: FlowGraph, gutter: Gutter) -> dict[int, list[tuple[str, str, bool]]]:
    """Return for each row the targets of its edges that have no rail, as notes."""
    found: dict[int, list[tuple[str, str, bool]]] = {}
    for edge in gutter.undrawn:
        name = one_line(graph.nodes[edge.target].id, MAX_NAME_CELLS)
        colour = "grey" if edge.emphasis is Emphasis.NOT_TAKEN else "accent"
        found.setdefault(edge.source, []).append((name, colour, True))
    return found


def _name(graph: FlowGraph, node: FlowNode, ascii_only: bool) -> str:
    sign = ""
    if node.id in graph.containers:
        sign = " " + (_PARALLEL if node.type in PARALLEL_TYPES else _LOOP)[ascii_only]
    return _INDENT * graph.depth_of(node.id) + one_line(node.id, MAX_NAME_CELLS) + sign


def node_style(view: FlowView, node: FlowNode, info: NodeRunInfo | None) -> StatusStyle:
    """Return the style of a node; `info` is what the run did there, None if nothing."""
    wait = view.waits.get(node.id)
    if wait is not None and wait.is_breakpoint:
        return BREAKPOINT
    if info is None:
        if node.type in ENTRY_TYPES:
            return ENTRY
        return NOT_REACHED if view.run.is_over else NOT_YET
    is_open = info.state is NodeState.ENTERED
    waits = wait is not None or (view.run.status is RunStatus.WAITING and info.block_kind == _CHECKPOINT_KIND)
    return REVIEW if is_open and waits else NODE_STYLES[info.state]


def _state_text(style: StatusStyle, info: NodeRunInfo | None, ascii_only: bool) -> str:
    if info is None:
        return "" if style is ENTRY else style.word
    visits = f" {'x' if ascii_only else '×'}{info.visit_count}" if info.visit_count > 1 else ""
    return (format_duration(info.duration_ms) or ("waiting" if style is REVIEW else style.word)) + visits


def _notes(view: FlowView, node: FlowNode, info: NodeRunInfo | None) -> Iterator[tuple[str, str, bool]]:
    """Yield what else there is to say: who is waited for, the way that was taken, the error. The flag: it leads on."""
    if (wait := view.waits.get(node.id)) is not None:
        text = "stopped before it" if wait.is_breakpoint else f"waits for {one_line(wait.assignee, 40) or 'a person'}"
        yield text, "amber", False
    if info is None:
        return
    yield from _taken_ways(view, node)
    if info.latest.error:
        yield one_line(info.latest.error, MAX_NOTE_CELLS), "red", False


def _taken_ways(view: FlowView, node: FlowNode) -> Iterator[tuple[str, str, bool]]:
    """Yield the names of the ways that the run took, where there are several."""
    ways = [index for index in view.graph.outgoing.get(node.id, ()) if index in view.taken.counts]
    if view.graph.is_inferred or len(ways_out(view.graph, node.id)) < 2:
        return
    for index in ways:
        edge = view.graph.edges[index]
        if edge.port and not view.graph.enters_body(edge):
            yield one_line(edge.port, 30), "accent", True


def _cut(spans: Iterable[Span], width: int) -> list[Span]:
    """Return the spans cut to `width` cells; neighbours of the same colour are one span."""
    found: list[Span] = []
    left = width
    for text, colour in spans:
        shown = truncate(text, left)
        left -= cell_width(shown)
        if shown and found and found[-1][1] == colour:
            found[-1] = (found[-1][0] + shown, colour)
        elif shown:
            found.append((shown, colour))
        if left <= 0 or shown != text:
            break
    return found
