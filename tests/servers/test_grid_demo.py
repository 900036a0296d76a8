"""The bundled flows, the demo traffic, the simulated reviewers, and the history of a new grid."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from scaicore_tui.servers.grid.checkpoints import CheckpointService
from scaicore_tui.servers.grid.demo.history import HISTORY_LENGTH_S, LONG_WAIT_S, seed_history
from scaicore_tui.servers.grid.demo.scenarios import (
    FAILING_BATCH,
    FAILING_SUBFLOW,
    LARGE_BATCH,
    LARGE_BATCH_SIZE,
    SCENARIOS,
)
from scaicore_tui.servers.grid.demo.traffic import (
    ANSWER_AFTER_S,
    MAX_PENDING_CHECKPOINTS,
    UNANSWERED_COUNT,
    LoadGenerator,
    SimulatedReviewers,
)
from scaicore_tui.servers.grid.demo.virtual_clock import VirtualClock, VirtualLoop
from scaicore_tui.servers.grid.engine.engine import Engine
from scaicore_tui.servers.grid.engine.nodes import BEHAVIOURS
from scaicore_tui.servers.grid.flow.node_types import BLOCK_KINDS, ENTRY_TYPES, NODE_TYPES, REVIEW_TYPES
from scaicore_tui.servers.grid.flow.validation import Cores, load_shipped_cores
from scaicore_tui.servers.grid.seeded import seeded_random
from scaicore_tui.servers.grid.store import Store
from scaicore_tui.servers.grid.timestamps import format_timestamp
from tests.support.grid import NOW, RUNTIME, assert_sound

HOUR = 3600.0


def parse(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()


@pytest.fixture(scope="module")
def cores() -> Cores:
    return load_shipped_cores()


def run_in_virtual_time(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(work())


def simulate(cores: Cores, seed: int, seconds: float) -> Store:
    """Run traffic, reviewers and checkpoint expiry for `seconds` of virtual time; return the store."""
    store = Store()

    async def run_all() -> None:
        clock = VirtualClock(NOW)
        engine = Engine(store, cores, clock, seed=seed)
        inbox = CheckpointService(store, engine.waiters, clock)
        jobs = [
            asyncio.create_task(inbox.run_expiry()),
            asyncio.create_task(SimulatedReviewers(inbox, store, clock).run()),
            asyncio.create_task(LoadGenerator(engine, store, clock, seed).run(6)),
        ]
        await clock.sleep(seconds)
        for job in jobs:
            job.cancel()
        await engine.stop()

    with store.transaction():
        run_in_virtual_time(run_all)
    return store


@pytest.fixture(scope="module")
def hour(cores: Cores) -> Store:
    return simulate(cores, 7, HOUR)


def test_the_flows_use_every_node_type(cores: Cores) -> None:
    assert {node.type for graph in cores.values() for node in graph.nodes} == NODE_TYPES
    assert len(NODE_TYPES) == 24


def test_every_node_type_has_a_block_kind_and_a_behaviour() -> None:
    assert BEHAVIOURS.keys() == BLOCK_KINDS.keys() == NODE_TYPES - ENTRY_TYPES
    known = {
        "rigid",
        "flexible",
        "guarded",
        "parallel",
        "foreach",
        "match",
        "checkpoint",
        "core_call",
        "await_responses",
    }
    assert set(BLOCK_KINDS.values()) == known


def test_the_reviews_have_different_forms(cores: Cores) -> None:
    reviews = [node for graph in cores.values() for node in graph.nodes if node.type in REVIEW_TYPES]
    assert {2, 3, 6} <= {len(node.config["options"]) for node in reviews}
    assert any("deadline" in node.config for node in reviews)
    assert any("sections" in node.config for node in reviews)


def test_the_scenarios_fit_the_flows(cores: Cores) -> None:
    for scenario in (*SCENARIOS, FAILING_BATCH, FAILING_SUBFLOW, LARGE_BATCH):
        assert scenario.entry in {entry.id for entry in cores[scenario.core_id].entries}


def test_an_hour_of_traffic_produces_a_valid_feed(hour: Store) -> None:
    assert_sound(hour.events())
    timestamps = [event["timestamp"] for event in hour.events()]
    assert timestamps == sorted(timestamps)


def test_an_hour_visits_every_node_of_every_flow(hour: Store, cores: Cores) -> None:
    entered = {(e["core_id"], e["payload"]["node_id"]) for e in hour.events() if e["type"] == f"{RUNTIME}block.entered"}
    blocks = {
        (core_id, node.id) for core_id, graph in cores.items() for node in graph.nodes if node.type in BLOCK_KINDS
    }
    assert entered == blocks


def test_every_flow_completes_and_invoice_batches_also_fail(hour: Store, cores: Cores) -> None:
    ends = {(execution.core_id, execution.status) for execution in hour.executions()}
    for core_id in cores:
        assert (core_id, "completed") in ends
    assert ("core_invoice-batch", "failed") in ends
    assert not any((execution.error or {}).get("code") == "INTERNAL_ERROR" for execution in hour.executions())


def test_the_only_events_are_the_six_built_in_and_the_declared_ones(hour: Store, cores: Cores) -> None:
    declared = {
        emit["type"] for graph in cores.values() for node in graph.nodes for emit in node.config.get("emit", [])
    }
    built_in = {RUNTIME + kind for kind in ("invocation.started", "invocation.completed", "invocation.failed")}
    built_in |= {RUNTIME + kind for kind in ("block.entered", "block.exited", "block.failed")}
    assert {event["type"] for event in hour.events()} == declared | built_in


def test_runs_start_about_every_ten_seconds(hour: Store) -> None:
    roots = [execution for execution in hour.executions() if execution.id == execution.root_id]
    assert 300 <= len(roots) <= 420
    gaps = [later.started_at - earlier.started_at for earlier, later in pairwise(roots)]
    assert 6.9 < min(gaps) <= max(gaps) < 13.1
    quick = [e["payload"]["duration_ms"] for e in hour.events() if e["type"] == f"{RUNTIME}invocation.completed"]
    assert sum(4_000 <= duration <= 42_000 for duration in quick) > len(quick) * 0.75


def test_checkpoints_do_not_pile_up(hour: Store) -> None:
    pending = [checkpoint for checkpoint in hour.checkpoints() if checkpoint.status == "pending"]
    assert UNANSWERED_COUNT <= len(pending) <= MAX_PENDING_CHECKPOINTS + 2
    assert any(checkpoint.status == "resolved" for checkpoint in hour.checkpoints())


def test_simulated_reviewers_wait_three_minutes(hour: Store) -> None:
    for checkpoint in hour.checkpoints():
        if checkpoint.status == "resolved":
            assert checkpoint.body["resolved_at"] >= format_timestamp(checkpoint.created_at + ANSWER_AFTER_S[0])


def test_the_same_seed_produces_the_same_runs(cores: Cores) -> None:
    first, repeated, other = (simulate(cores, seed, HOUR / 6) for seed in (7, 7, 8))
    assert repeated.events() == first.events()
    assert repeated.checkpoints() == first.checkpoints()
    assert {execution.id for execution in other.executions()}.isdisjoint({run.id for run in first.executions()})


def test_simulated_reviewers_never_resolve_checkpoints_of_api_runs(cores: Cores) -> None:
    store = Store()

    async def work() -> None:
        clock = VirtualClock(NOW)
        engine = Engine(store, cores, clock, seed=7)
        reviewers = SimulatedReviewers(CheckpointService(store, engine.waiters, clock), store, clock)
        for _ in range(UNANSWERED_COUNT + 2):
            engine.start("core_debug-session", {"incident": "x", "revision": "abc"})
        await clock.sleep(HOUR)
        reviewers.answer_overdue()
        await engine.stop()

    run_in_virtual_time(work)
    assert {checkpoint.status for checkpoint in store.checkpoints()} == {"pending"}


def test_with_many_pending_checkpoints_no_runs_with_reviews_are_started(cores: Cores) -> None:
    store = Store()

    async def work() -> None:
        clock = VirtualClock(NOW)
        engine = Engine(store, cores, clock, seed=7)
        for _ in range(MAX_PENDING_CHECKPOINTS):
            engine.start("core_debug-session", {"incident": "x", "revision": "abc"})
        await clock.sleep(HOUR)
        traffic = LoadGenerator(engine, store, clock, 7)
        for _ in range(40):
            traffic.start_one()
            await clock.sleep(60)
        await engine.stop()

    run_in_virtual_time(work)
    assert len(store.checkpoints()) == MAX_PENDING_CHECKPOINTS
    assert len(store.executions()) >= MAX_PENDING_CHECKPOINTS + 40


@pytest.mark.parametrize("seed", range(8))
def test_a_new_grid_has_a_history(cores: Cores, seed: int) -> None:
    store = Store()
    seed_history(store, cores, seed, NOW)
    roots = [execution for execution in store.executions() if execution.id == execution.root_id]
    states = Counter(execution.status for execution in roots)
    assert 25 <= len(roots) <= 45
    assert min(states[state] for state in ("running", "suspended", "completed", "failed")) >= 1
    assert 1 <= len(store.checkpoint_table.pending()) <= MAX_PENDING_CHECKPOINTS
    timestamps = [event["timestamp"] for event in store.events()]
    assert format_timestamp(NOW - HISTORY_LENGTH_S) <= timestamps[0]
    assert timestamps == sorted(timestamps)
    assert timestamps[-1] <= format_timestamp(NOW)
    assert_sound(store.events())


@pytest.mark.parametrize("seed", range(8))
def test_the_history_has_what_a_debugger_has_to_show(cores: Cores, seed: int) -> None:
    store = Store()
    seed_history(store, cores, seed, NOW)
    events = store.events()

    def count(execution_id: str, kind: str, node_id: str) -> int:
        own = (event for event in events if event["payload"]["execution_id"] == execution_id)
        return sum(
            event["type"] == f"{RUNTIME}block.{kind}" and event["payload"]["node_id"] == node_id for event in own
        )

    runs = [run for run in store.executions() if run.id == run.root_id]
    large = next(run for run in runs if len(run.input.get("invoices", ())) == LARGE_BATCH_SIZE)
    assert count(large.id, "exited", "add_up") == count(large.id, "entered", "extract") == LARGE_BATCH_SIZE == 20
    assert count(large.id, "failed", "post") >= 3
    unsourced = next(run for run in runs if run.input == FAILING_SUBFLOW.make_input(seeded_random(0)))
    children = [run for run in store.executions() if run.root_id == unsourced.id != run.id]
    assert unsourced.error is not None
    assert (unsourced.error["code"], [run.status for run in children]) == ("SUBFLOW_FAILED", ["failed"])
    assert sum(edge.source.node == "gather" for edge in cores["core_research"].edges) == 5 + len(["done"])
    waited = [
        parse(str(row.body["resolved_at"])) - row.created_at for row in store.checkpoints() if row.status == "resolved"
    ]
    assert max(waited) == pytest.approx(LONG_WAIT_S, abs=1) == 3600


def test_unfinished_runs_of_the_history_are_resumed(cores: Cores) -> None:
    store = Store()
    seed_history(store, cores, 7, NOW)
    before = len(store.events())

    async def resume_for_an_hour() -> None:
        clock = VirtualClock(NOW)
        engine = Engine(store, cores, clock, seed=7)
        engine.resume()
        await clock.sleep(HOUR)
        await engine.stop()

    run_in_virtual_time(resume_for_an_hour)
    assert "running" not in {execution.status for execution in store.executions()}
    assert len(store.events()) > before
    assert_sound(store.events())


def test_virtual_time_reports_a_deadlock() -> None:
    async def wait_for_ever() -> None:
        await asyncio.Event().wait()

    loop = VirtualLoop()
    task = loop.create_task(wait_for_ever())
    with pytest.raises(RuntimeError, match="none of them for a timer"):
        loop.run_until_complete(task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()
