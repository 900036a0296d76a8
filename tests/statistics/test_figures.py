"""Figures of nodes, what is slow, paths, rates and groups of runs: pure functions over known values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scaicore_tui.analysis.run_groups import Trend, error_groups, group_runs, trend_of
from scaicore_tui.analysis.statistics.figures import NodeFigures, exact_figures, node_figures
from scaicore_tui.analysis.statistics.paths import (
    Departure,
    departure,
    departure_text,
    usual_path,
    variants,
)
from scaicore_tui.analysis.statistics.rates import Column, make_rate
from scaicore_tui.analysis.statistics.slow import quiet_run_hint, slow_limit_ms, slow_step_hint, usual_gap_ms
from scaicore_tui.analysis.statistics.tally import Tally
from scaicore_tui.protocol import Event
from scaicore_tui.runs import Run, RunStatus, Summary
from scaicore_tui.runs.model import NodeRunInfo
from scaicore_tui.runs.reduce import apply
from tests.support.builders import NOON, SECOND, entered, event, exited, started

DAY = 86_400 * SECOND


def tally_of(events: list[Event]) -> Tally:
    tally, run = Tally(), Run("exec_1")
    for each in events:
        apply(run, each, tally.add)
    return tally


def visits(node: str, durations: list[int], kind: str = "rigid", **payload: Any) -> list[Event]:
    """Return visits of a node that take so many milliseconds each."""
    found, at = [], NOON
    for duration in durations:
        found += [entered(node, at, kind=kind), exited(node, at + duration * 1_000, kind=kind, **payload)]
        at += duration * 1_000 + SECOND
    return found


def figures(node: str = "draft", durations: list[int] | None = None, kind: str = "rigid") -> NodeFigures:
    (found,) = node_figures(tally_of(visits(node, durations or [], kind)).counts())
    return found


def test_quantiles_are_approximate_or_exact_and_waits_are_apart() -> None:
    tally = tally_of(
        [
            *visits("draft", list(range(100, 200))),
            *visits("ask", [60_000, 120_000], kind="checkpoint"),
            event("block.failed", NOON, node_id="odd", block_kind="rigid", error="no"),
        ]
    )
    rows = {row.node_id: row for row in node_figures(tally.counts())}
    exact = {row.node_id: row for row in exact_figures(tally, 0)}
    assert list(rows) == ["draft", "ask", "odd"]
    assert (exact["draft"].p50_ms, exact["draft"].p95_ms, exact["draft"].p99_ms) == (149.0, 194.0, 198.0)
    assert rows["draft"].p95_ms == pytest.approx(194, rel=0.01)
    assert (rows["draft"].is_exact, exact["draft"].is_exact) == (False, True)
    assert (rows["ask"].waits_for_people, rows["ask"].waits, exact["ask"].p50_ms) == (True, 2, 60_000.0)
    assert (rows["odd"].visits, rows["odd"].failed, rows["odd"].p50_ms) == (1, 1, None)
    assert exact_figures(tally, NOON // DAY + 1) == []


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5, "cost": 0.25}, (20, 10, 0.5)),
        ({"input_tokens": 10, "output_tokens": 5}, (20, 10, None)),
        ({"promptTokenCount": 10, "candidatesTokenCount": 5}, (20, 10, None)),
        ({"input_tokens": "many", "output_tokens": True}, (None, None, None)),
        ({"total": 15}, (None, None, None)),
    ],
)
def test_tokens_and_cost_are_those_that_payloads_report(
    usage: Any, expected: tuple[int | None, int | None, float | None]
) -> None:
    name = "usageMetadata" if "promptTokenCount" in json.dumps(usage) else "usage"
    inside = visits("draft", [5], result_binding_value={name: usage})
    beside = visits("draft", [5], **{name: usage})
    (row,) = node_figures(tally_of([*inside, *beside]).counts())
    assert (row.input_tokens, row.output_tokens, row.cost) == expected


def test_a_step_is_slow_beyond_three_times_the_usual_and_ten_seconds_more() -> None:
    assert (slow_limit_ms(1_000), slow_limit_ms(8_000)) == (11_000, 24_000)
    usual = figures(durations=[1_000] * 20)
    assert slow_step_hint(11_200, usual) == "slower than 95 of 100 (n 20)"
    assert slow_step_hint(10_500, usual) == ""
    assert slow_step_hint(1e9, figures(durations=[1_000] * 19)) == ""
    assert slow_step_hint(1e9, figures("ask", [1_000] * 30, "checkpoint")) == ""
    assert slow_step_hint(1e9, None) == ""


def test_a_run_is_quiet_if_no_step_usually_takes_that_long() -> None:
    nodes = [figures(durations=[1_000] * 20), figures("each", [90_000] * 20, "foreach")]
    gap = usual_gap_ms(nodes)
    assert gap == pytest.approx(1_000, rel=0.01)
    assert quiet_run_hint(10_000, gap) == ""
    assert quiet_run_hint(14 * 60_000, 40_000) == "no event for 14 min; usual gap ≤ 40 s"
    assert quiet_run_hint(5 * 3_600_000, 400) == "no event for 5 h; usual gap ≤ 400 ms"
    assert quiet_run_hint(1e9, usual_gap_ms([])) == ""


def run(number: int, nodes: str = "ab", error: str | None = None, **fields: Any) -> Summary:
    """Return a finished run that entered these nodes, and failed in the last of them if there is an `error`."""
    states = "x" * (len(nodes) - 1) + ("f" if error else "x") if nodes else ""
    return Summary(
        **{
            "execution_id": f"exec_{number}",
            "position": number,
            "core_id": "core_a",
            "outcome": RunStatus.FAILED if error else RunStatus.COMPLETED,
            "started_at": NOON + number * SECOND,
            "ended_at": NOON + (number + 1) * SECOND,
            "last_event_at": NOON + (number + 1) * SECOND,
            "error": error,
            "node_ids": tuple(nodes),
            "node_state_codes": states,
            **fields,
        }
    )


def test_runs_that_entered_the_same_nodes_took_the_same_path() -> None:
    runs = [run(9, "abc"), run(8, "acb"), run(7, "abc"), run(6, "ad", "E1: no"), run(5, "a", outcome=None)]
    found = variants([*runs, run(4, "z", core_id="core_b")])
    assert [(row.core_id, row.path, row.count, row.failed) for row in found] == [
        ("core_a", ("a", "b", "c"), 3, 0),
        ("core_a", ("a", "d"), 1, 1),
        ("core_b", ("z",), 1, 0),
    ]
    assert (found[0].share, found[0].example, found[0].p95_ms) == (0.75, "exec_9", 1_000.0)
    usual = usual_path(found, "core_a")
    assert usual == ("a", "b", "c")
    assert usual_path(found, "core_x") is None
    assert departure(("a", "c", "b"), usual) is None
    assert departure(("a", "d"), usual) == Departure("a", "d", "b")
    assert departure(("a", "b"), usual) == Departure("b", None, "c")
    assert departure(("a", "b", "c", "d"), usual) == Departure("c", "d", None)


@pytest.mark.parametrize(
    ("nodes", "outcome", "text"),
    [
        ("abc", RunStatus.COMPLETED, ""),
        ("acb", RunStatus.COMPLETED, ""),
        ("adc", None, "left the usual path after a: took d, usual b"),
        ("d", RunStatus.FAILED, "left the usual path at its start: took d, usual a"),
        ("ab", RunStatus.COMPLETED, "left the usual path after b: ended there, usual c"),
        ("abcd", RunStatus.COMPLETED, "left the usual path after c: took d"),
        ("ab", RunStatus.FAILED, ""),
        ("ab", None, ""),
    ],
)
def test_where_a_run_left_the_usual_path_is_told_in_words(nodes: str, outcome: RunStatus | None, text: str) -> None:
    one = Run("exec_1", outcome=outcome, nodes={(node, None): NodeRunInfo(node, None) for node in nodes})
    assert departure_text(one, ("a", "b", "c")) == text
    assert departure_text(one, None) == ""


def test_failures_are_grouped_by_cause() -> None:
    period = (NOON, NOON + 40 * SECOND)
    runs = [run(n, "ab", f"VENDOR_UNKNOWN: vendor “{n}” has no account") for n in (1, 25, 30, 31)]
    runs += [run(3, "a", "timeout after 30 s"), run(4), run(5, outcome=None)]
    first, second = error_groups([*runs, run(-90_000, "a", "timeout after 30 s")], period)
    assert (first.code, first.text, first.node_id, first.count) == (
        "VENDOR_UNKNOWN",
        "vendor “…” has no account",
        "b",
        4,
    )
    assert (first.first_at, first.last_at, first.example) == (NOON + 2 * SECOND, NOON + 32 * SECOND, "exec_31")
    assert (first.trend, first.is_new, first.error) == (Trend.STEADY, True, "VENDOR_UNKNOWN: vendor “…” has no account")
    assert (second.code, second.text, second.is_new) == (None, "timeout after # s", False)


@pytest.mark.parametrize(
    ("early", "late", "trend"),
    [(1, 2, "steady"), (0, 3, "rising"), (2, 4, "steady"), (2, 5, "rising"), (6, 2, "falling"), (0, 0, "steady")],
)
def test_a_trend_needs_twice_as_many_and_three_more(early: int, late: int, trend: str) -> None:
    assert trend_of(early, late) == trend


def test_runs_are_grouped_by_core_status_and_node() -> None:
    runs = [run(2, "ab"), run(1, "a", "no"), run(0, "", core_id=None)]
    assert [(row.core_id, row.value, row.count, row.failed) for row in group_runs(runs, "node")] == [
        ("core_a", "a", 2, 1),
        ("core_a", "b", 1, 0),
    ]
    assert [(row.value, row.count) for row in group_runs(runs, "core")] == [("core_a", 2), (None, 1)]
    assert group_runs(runs, "status")[0].example == "exec_2"


def test_a_rate_has_equal_columns_up_to_the_end() -> None:
    rate = make_rate((0, 100), 3, [(0, 2), (2, 1), (3, 9)], [(2, 1)], [(0, 5.0), (0, 7.0)], 90)
    assert (rate.begin, rate.width, rate.end, rate.runs, rate.failed) == (0, 34, 102, 3, 1)
    assert rate.columns[0] == Column(0, 2, 0, 7.0)


def test_an_unfinished_visit_is_not_counted() -> None:
    assert tally_of([started(NOON), entered("a", NOON)]).counts() == {}
