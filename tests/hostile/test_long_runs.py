"""Runs with very many nodes and visits: bounded memory, correct current state, opened without delay."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaicore_tui.analysis.steps import build_steps
from scaicore_tui.protocol import Event
from scaicore_tui.runs import NodeState, Run
from scaicore_tui.runs.model import MIN_REMEMBERED_EVENTS, EventDeduplicator
from scaicore_tui.runs.reduce import apply
from scaicore_tui.runs.summary import MAX_NODES as IN_SUMMARY
from scaicore_tui.runs.summary import summary_of
from scaicore_tui.runs.visits import LARGE_RUN_VISITS, MAX_NODES, MAX_VISITS, MAX_VISITS_WHEN_LARGE
from scaicore_tui.session import Session
from scaicore_tui.store import Journal
from scaicore_tui.timefmt import format_count
from tests.support.builders import MILLISECOND, NOON, entered, exited, started
from tests.support.feed_simulator import FeedSim
from tests.support.manual_clock import ManualClock
from tests.support.waiting import wait_until

LONG_RUN_EVENTS = 2_000


def project_run(events: Iterator[Event]) -> Run:
    run = Run("exec_1")
    for event in events:
        apply(run, event)
    return run


def object_count(run: Run) -> int:
    """Return the number of objects in a run."""
    stacks = sum(map(len, run.open_visits.values()))
    return stacks + len(run.nodes) + sum(len(node.visits) + len(node.open_visits) for node in run.nodes.values())


def test_keeps_the_newest_nodes() -> None:
    count = 3 * MAX_NODES
    run = project_run(entered(f"n{number}", NOON + number * MILLISECOND) for number in range(count))
    assert len(run.nodes) == run.open_count == MAX_NODES
    assert [node.node_id for node in run.nodes.values()][-1] == f"n{count - 1}"
    assert run.event_count == count
    assert run.anomalies == ["only the newest 2,000 nodes of this run are kept"]
    assert object_count(run) < 8 * MAX_NODES
    assert len(summary_of(run, 0).node_ids) == IN_SUMMARY
    assert len(build_steps(run).steps) == MAX_NODES


def test_keeps_the_newest_visits_of_a_loop_and_counts_all() -> None:
    def loop() -> Iterator[Event]:
        for number in range(0, 6 * MAX_VISITS, 2):
            yield entered("tick", NOON + number * MILLISECOND)
            yield exited("tick", NOON + (number + 1) * MILLISECOND)

    run = project_run(loop())
    (node,) = run.nodes.values()
    assert (node.visit_count, len(node.visits), node.state) == (3 * MAX_VISITS, MAX_VISITS, NodeState.EXITED)
    assert node.duration_ms == 3 * MAX_VISITS
    assert run.open_count == 0
    assert object_count(run) < MAX_VISITS + 10


@pytest.mark.parametrize("first_out", [True, False])
def test_closes_all_open_visits(first_out: bool) -> None:
    """Many visits are open at the same time and end in any order; the last exits name no node."""
    names = [f"n{number}" for number in range(500)]
    ends = names if first_out else names[::-1]
    run = project_run(
        iter(
            [
                *(entered(name, NOON + at * MILLISECOND) for at, name in enumerate(names)),
                *(exited(name, NOON + (1_000 + at) * MILLISECOND) for at, name in enumerate(ends[:400])),
                *(exited(None, NOON + (2_000 + at) * MILLISECOND) for at in range(100)),
            ]
        )
    )
    assert (run.open_count, run.anomalies) == (0, [])
    assert {node.state for node in run.nodes.values()} == {NodeState.EXITED}


def test_limits_the_visits_of_all_nodes_together() -> None:
    nodes = 2 * LARGE_RUN_VISITS // MAX_VISITS
    run = project_run(
        entered(f"n{number % nodes}", NOON + number * MILLISECOND) for number in range(nodes * (MAX_VISITS + 10))
    )
    assert run.visit_count <= LARGE_RUN_VISITS + nodes * MAX_VISITS_WHEN_LARGE
    assert run.open_count == sum(len(node.open_visits) for node in run.nodes.values())
    assert object_count(run) < 5 * LARGE_RUN_VISITS


def test_recognizes_a_repeated_event_among_the_last_ones() -> None:
    seen = EventDeduplicator()
    assert seen.add(7)
    assert all(seen.add(number) for number in range(100, 100 + MIN_REMEMBERED_EVENTS))
    assert not seen.add(7)


async def test_loads_a_long_run_in_the_background_while_events_arrive(tmp_path: Path) -> None:
    steps = [entered("tick", NOON + number * MILLISECOND) for number in range(LONG_RUN_EVENTS + 500)]
    sim = FeedSim([started(NOON - 1), *steps])
    client = sim.client()
    clock = ManualClock()
    async with Session(client.target, Journal.open(tmp_path / "j"), clock, client=client) as session:
        task = asyncio.create_task(session.run())
        await wait_until(lambda: session.index.event_count == LONG_RUN_EVENTS + 501)
        run = session.index.runs["exec_1"]
        assert (run.is_loading, run.nodes, run.event_count) == (True, {}, LONG_RUN_EVENTS + 501)
        assert "still being loaded" in (session.why_not_replay(session.index.runs.get("exec_1")) or "")
        sim.log.append(entered("last", NOON + 10_000 * MILLISECOND))
        session.refresh()
        await wait_until(
            lambda: not session.index.runs["exec_1"].is_loading and session.index.event_count == LONG_RUN_EVENTS + 502
        )
        run = session.index.runs["exec_1"]
        assert (run.event_count, run.has_input) == (LONG_RUN_EVENTS + 502, True)
        assert [node.node_id for node in run.nodes.values()] == ["tick", "last"]
        assert session.why_not_replay(session.index.runs.get("exec_1")) is None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_single_read_waits_for_a_long_run() -> None:
    sim = FeedSim([started(NOON - 1), *(entered("tick", NOON + n * MILLISECOND) for n in range(LONG_RUN_EVENTS + 5))])
    async with sim.session() as session:
        await session.read_once()
        assert not (await session.find_run("exec_1")).is_loading


def test_formats_counts_in_three_cells() -> None:
    counts = (0, 999, 1_000, 99_999, 100_000, 999_999, 1_000_000, 99_999_999)
    assert [format_count(count) for count in counts] == ["0", "999", "1k", "99k", ".1M", ".9M", "1M", "99M"]
