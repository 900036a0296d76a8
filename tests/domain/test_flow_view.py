"""A run in its flow as lines: rails, states, notes, ways out; at every width, in ASCII, with foreign text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaicore_tui.analysis.flow_graph import FlowGraph, GraphOrigin, build_graph
from scaicore_tui.analysis.flow_inference import infer_graph
from scaicore_tui.analysis.flow_rails import Emphasis, RowEdge, Span, draw_gutter
from scaicore_tui.analysis.flow_view import (
    MIN_WIDTH_CELLS,
    FlowView,
    Wait,
    flow_rows,
    footer_lines,
    heading_spans,
    view_flow,
    ways_lines,
)
from scaicore_tui.protocol import Event
from scaicore_tui.protocol.flows import FlowDocument, FlowEdge, FlowNode
from scaicore_tui.runs import Run, RunStatus
from scaicore_tui.runs.cache import project
from scaicore_tui.text import cell_width, replace_controls
from tests.support.builders import NOON, SECOND, completed, entered, event, exited, started
from tests.support.flow_graphs import build, shipped
from tests.support.hostile.corpus import CORPUS

APPROVED = ["read_receipt", "policy", "within_policy", "review", "book", "notify"]


def text_of(lines: Iterable[Sequence[Span]]) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def run_through(names: Sequence[str], *more: Event, end: bool = True) -> Run:
    """Return a run that visits these nodes for a second each, one after the other."""
    events = [started()]
    for second, name in enumerate(names):
        at = NOON + second * SECOND
        events += [entered(name, at), exited(name, at + SECOND)]
    return project("exec_1", enumerate([*events, *more, *([completed(NOON + 99 * SECOND)] if end else [])]))[0]


def picture(view: FlowView, width: int = 100, *, ascii_only: bool = False) -> list[str]:
    return text_of(row.line for row in flow_rows(view, width, ascii_only=ascii_only))


def test_an_approved_expense() -> None:
    view = view_flow(shipped("core_expense-approval"), run_through(APPROVED))
    assert picture(view, 80) == [
        "         ▷ submitted      entry_api",
        "      │  ✓ read_receipt   llm_rigid                    1.0s",
        "      │  ✓ policy         data_variable_set            1.0s",
        "    ╭┈┼┈ ✓ within_policy  logic_decision               1.0s  → else",
        "╭┈┬┈┼┈┼┈ ✓ review         hitl_review                  1.0s  → approve",
        "├─┼─┴─┼▷ ✓ book           tool_http                    1.0s",
        "│ ╰┈┈┈┈▷ · ask_back       llm_guarded           not reached",
        "╰─────┼▶ ✓ notify         tool_plugin                  1.0s",
    ]


def test_a_waiting_expense_in_ascii() -> None:
    run = run_through(APPROVED[:3], entered("review", NOON + 3 * SECOND, kind="checkpoint"), end=False)
    run.status = RunStatus.WAITING
    view = view_flow(shipped("core_expense-approval"), run, waits={"review": Wait("group:finance")})
    assert picture(view, 60, ascii_only=True) == [
        "         > submitted",
        "      |  + read_receipt             1.0s",
        "      |  + policy                   1.0s",
        "    ,.+. + within_policy            1.0s  -> else",
        ",.+.+.+. = review                waiting  waits for group:f…",
        "+.+.+.+) o book                  not yet",
        ": `....) o ask_back              not yet",
        "`.....+) o notify                not yet",
    ]


def test_a_breakpoint_is_before_its_node() -> None:
    run = run_through(["a"], end=False)
    waits = {"b": Wait(is_breakpoint=True)}
    view = view_flow(build("a > b"), run, waits=waits)
    assert picture(view, 80)[1].split() == ["┊", "◆", "b", "tool_http", "breakpoint", "stopped", "before", "it"]


def test_a_loop_that_failed_shows_visits_and_the_error() -> None:
    graph = build("start > each", "each.body > post", "each.done > end", each="logic_loop", start="entry_api")
    at = NOON + 5 * SECOND
    events = [started(), entered("each", NOON, kind="foreach")]
    events += [
        step for n in range(3) for step in (entered("post", NOON + n * SECOND), exited("post", NOON + n * SECOND))
    ]
    error = {"code": "NO", "message": "no account"}
    events += [entered("post", at), event("block.failed", at, node_id="post", block_kind="rigid", error=error)]
    events += [event("block.failed", at, node_id="each", block_kind="foreach", error=error)]
    events += [event("invocation.failed", at, error=error)]
    view = view_flow(graph, project("exec_1", enumerate(events))[0])
    assert (
        picture(view, 80)
        == [
            "     ▷ start   entry_api",
            "╭┈┼┈ ✗ each ↻  logic_loop            5.0s  NO: no account",
            "┊ │  ✗   post  tool_http           0ms ×4  NO: no account",
            "╰┈┈▷ · end     tool_http      not reached",
        ]
        or picture(view, 80)[0] == "     ▷ start   entry_api"
    )


def test_the_ways_out_are_told_with_conditions_and_shares() -> None:
    graph = shipped("core_expense-approval")
    auto = run_through(["read_receipt", "policy", "within_policy", "book", "notify"])
    view = view_flow(graph, auto, [auto, auto, run_through(APPROVED)])
    (first,) = text_of(ways_lines(view, "within_policy", 200))
    assert first == (
        "within_policy  out of it: auto → book if read_receipt.total <= vars.limit (67%)   else → review (33%)"
        "   of 3 times in 3 past runs"
    )
    assert ways_lines(view, "notify", 200) == []
    assert text_of(ways_lines(view_flow(graph, auto), "review", 200)) == [
        "review  out of it: approve → book   reject → notify   needs_info → ask_back   no past run known"
    ]
    for width in (40, 60, 80):
        lines = text_of(ways_lines(view, "within_policy", width))
        assert " ".join(" ".join(lines).split()) == " ".join(first.split())
        assert max(map(cell_width, lines)) <= width


def test_nodes_of_the_run_that_the_graph_lacks_are_listed() -> None:
    view = view_flow(build("a > b"), run_through(["a", "new node", "b"]))
    assert text_of(footer_lines(view, 80)) == ["not in this graph: “new node”"]


def test_an_inferred_graph_says_so_and_names_no_ports() -> None:
    runs = [run_through(["a", "b", "d"]), run_through(["a", "c", "d"])]
    graph = infer_graph(runs)
    assert graph is not None
    view = view_flow(graph, runs[0], runs)
    assert text_of([heading_spans(view)]) == ["flow  order seen in 2 runs, not the design  1 of 4 nodes not reached"]
    assert text_of(footer_lines(view, 80)) == ["a  out of it: → b (50%)   → c (50%)   of 2 times in 2 past runs"]
    assert not any("→" in line for line in picture(view))


def test_taken_rails_are_solid_and_bright() -> None:
    edges = [RowEdge(0, 2, Emphasis.TAKEN), RowEdge(0, 3, Emphasis.NOT_TAKEN), RowEdge(0, 1, Emphasis.NOT_TAKEN)]
    gutter = draw_gutter(edges, 4, 9)
    assert text_of(gutter.rows) == ["╭┈┬───", "┊ │ ┊", "┊ ╰──▶", "╰┈┈┈┈▷"]
    assert {colour for row in gutter.rows for sign, colour in row if sign in "─▶"} == {"accent strong"}
    assert {colour for row in gutter.rows for sign, colour in row if sign in "┈┊▷"} == {"grey"}


def test_an_edge_without_a_rail_is_told_in_words() -> None:
    graph = build(*(f"a.p{number} > n{number}" for number in range(9)))
    view = view_flow(graph, run_through(["a", "n7"]))
    narrow, wide = picture(view, 71), picture(view, 140)
    assert len(narrow) == len(wide) == 10
    assert narrow[0].endswith("→ p7  → n6  → n7  → n8")
    assert wide[0].endswith("→ p7")
    assert picture(view, MIN_WIDTH_CELLS)[0].count("…") == 1


def test_an_edge_backwards_is_drawn_upwards() -> None:
    gutter = draw_gutter([RowEdge(2, 0)], 3, 9)
    assert text_of(gutter.rows) == ["╭──▶", "│", "╰───"]
    assert not draw_gutter([RowEdge(1, 1)], 3, 9).undrawn


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from(Emphasis)), max_size=25),
    st.integers(0, 6),
)
def test_each_edge_has_a_rail_or_is_told(ends: list[tuple[int, int, Emphasis]], max_rails: int) -> None:
    edges = [RowEdge(*end) for end in ends]
    gutter = draw_gutter(edges, 10, max_rails)
    assert {sum(cell_width(text) for text, _ in row) for row in gutter.rows} == {gutter.width}
    drawn = [one for one in edges if one not in gutter.undrawn and one.source != one.target]
    for one in drawn:
        if one.target == one.source + 1:
            assert gutter.rows[one.target][-2][0] in "│┊┼"
        else:
            assert gutter.rows[one.target][-1][0] in "▶▷"
            assert any(sign in "╭╰├┬┴┼" for sign, _ in gutter.rows[one.source])
    assert all(one.target != one.source + 1 for one in gutter.undrawn)


@pytest.mark.parametrize("width", [1, 40, 60, 80, 120, 200])
@pytest.mark.parametrize("core", ["core_research", "core_support-triage", "core_invoice-batch"])
def test_no_line_is_wider_than_the_screen(core: str, width: int) -> None:
    view = view_flow(shipped(core), run_through(["classify", "plan", "take"]))
    for ascii_only in (False, True):
        lines = [*(row.line for row in flow_rows(view, width, ascii_only=ascii_only))]
        lines += footer_lines(view, width, ascii_only=ascii_only)
        assert max(cell_width(line) for line in text_of(lines)) <= max(width, MIN_WIDTH_CELLS)
        if ascii_only:
            assert all(line.replace("…", "").isascii() for line in text_of(lines))


def hostile_graph(text: str) -> FlowGraph:
    nodes = (FlowNode(text or "x", text, text), FlowNode("b", text), FlowNode("c", text))
    edges = (FlowEdge(text or "x", "b", text, text, text), FlowEdge(text or "x", "c", text, text, text))
    return build_graph(FlowDocument(nodes, edges, text, text, text), GraphOrigin.FILE, text)


@pytest.mark.parametrize("text", CORPUS.values(), ids=CORPUS)
def test_foreign_text_is_made_safe(text: str) -> None:
    graph = hostile_graph(text)
    view = view_flow(graph, run_through([text, "b", "c"]), waits={"b": Wait(text)})
    lines = [heading_spans(view), *(row.line for row in flow_rows(view, 80)), *footer_lines(view, 80)]
    for line in text_of(lines):
        assert line == replace_controls(line)
