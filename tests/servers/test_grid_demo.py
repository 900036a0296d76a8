"""The flows that ship, the traffic over them, the simulated colleagues, and the past of a fresh grid."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import pytest

from scaicore_tui.grid.catalog import Cores, shipped_cores
from scaicore_tui.grid.engine import Engine
from scaicore_tui.grid.history import LENGTH, make_history
from scaicore_tui.grid.inbox import Inbox
from scaicore_tui.grid.kinds import BLOCK_KINDS, ENTRY_TYPES, NODE_TYPES, REVIEW_TYPES
from scaicore_tui.grid.nodes import BEHAVIOURS
from scaicore_tui.grid.people import LEFT_ALONE, PATIENCE, Colleagues
from scaicore_tui.grid.scenarios import SCENARIOS
from scaicore_tui.grid.stamps import stamp
from scaicore_tui.grid.store import Store
from scaicore_tui.grid.traffic import MAX_PENDING, Traffic
from scaicore_tui.grid.virtual_clock import VirtualClock, VirtualLoop
from tests.support.grid import NOW, RUNTIME, assert_sound

HOUR = 3600.0


@pytest.fixture(scope="module")
def cores() -> Cores:
    return shipped_cores()


def in_virtual_time(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(work())


def live_through(cores: Cores, seed: int, seconds: float) -> Store:
    """Traffic, colleagues and deadlines for so long."""
    store = Store()

    async def live() -> None:
        clock = VirtualClock(NOW)
        engine = Engine(store, cores, clock, seed=seed)
        inbox = Inbox(store, engine.answers, clock)
        jobs = [
            asyncio.create_task(inbox.keep_deadlines()),
            asyncio.create_task(Colleagues(inbox, store, clock).keep_answering()),
            asyncio.create_task(Traffic(engine, store, clock, seed).keep_going(6)),
        ]
        await clock.sleep(seconds)
        for job in jobs:
            job.cancel()
        await engine.stop()

    with store.transaction():
        in_virtual_time(live)
    return store


@pytest.fixture(scope="module")
def hour(cores: Cores) -> Store:
    return live_through(cores, 7, HOUR)


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


def test_the_reviews_differ(cores: Cores) -> None:
    reviews = [node for graph in cores.values() for node in graph.nodes if node.type in REVIEW_TYPES]
    assert {2, 3, 6} <= {len(node.config["options"]) for node in reviews}
    assert any("deadline" in node.config for node in reviews)
    assert any("sections" in node.config for node in reviews)


def test_the_scenarios_fit_the_flows(cores: Cores) -> None:
    for scenario in SCENARIOS:
        assert scenario.entry in {entry.id for entry in cores[scenario.core_id].entries}


def test_an_hour_of_traffic_is_sound(hour: Store) -> None:
    assert_sound(hour.events())
    stamps = [event["timestamp"] for event in hour.events()]
    assert stamps == sorted(stamps)


def test_an_hour_visits_every_node_of_every_flow(hour: Store, cores: Cores) -> None:
    entered = {(e["core_id"], e["payload"]["node_id"]) for e in hour.events() if e["type"] == f"{RUNTIME}block.entered"}
    blocks = {
        (core_id, node.id) for core_id, graph in cores.items() for node in graph.nodes if node.type in BLOCK_KINDS
    }
    assert entered == blocks


def test_every_flow_comes_to_its_ends(hour: Store, cores: Cores) -> None:
    ends = {(execution.core_id, execution.status) for execution in hour.executions()}
    for core_id in cores:
        assert (core_id, "completed") in ends
    assert ("core_invoice-batch", "failed") in ends
    assert not any((execution.error or {}).get("code") == "INTERNAL_ERROR" for execution in hour.executions())


def test_the_only_events_are_the_six_and_the_declared_ones(hour: Store, cores: Cores) -> None:
    declared = {
        emit["type"] for graph in cores.values() for node in graph.nodes for emit in node.config.get("emit", [])
    }
    built_in = {RUNTIME + kind for kind in ("invocation.started", "invocation.completed", "invocation.failed")}
    built_in |= {RUNTIME + kind for kind in ("block.entered", "block.exited", "block.failed")}
    assert {event["type"] for event in hour.events()} == declared | built_in


def test_the_pace_can_be_followed(hour: Store) -> None:
    roots = [execution for execution in hour.executions() if execution.id == execution.root_id]
    assert 300 <= len(roots) <= 420
    gaps = [later.started_at - earlier.started_at for earlier, later in pairwise(roots)]
    assert 6.9 < min(gaps) <= max(gaps) < 13.1
    quick = [e["payload"]["duration_ms"] for e in hour.events() if e["type"] == f"{RUNTIME}invocation.completed"]
    assert sum(4_000 <= duration <= 42_000 for duration in quick) > len(quick) * 0.75


def test_checkpoints_do_not_pile_up(hour: Store) -> None:
    pending = [checkpoint for checkpoint in hour.checkpoints() if checkpoint.status == "pending"]
    assert LEFT_ALONE <= len(pending) <= MAX_PENDING + 2
    assert any(checkpoint.status == "resolved" for checkpoint in hour.checkpoints())


def test_colleagues_let_a_checkpoint_wait_three_minutes(hour: Store) -> None:
    for checkpoint in hour.checkpoints():
        if checkpoint.status == "resolved":
            assert checkpoint.body["resolved_at"] >= stamp(checkpoint.created_at + PATIENCE[0])


def test_the_same_seed_makes_the_same_runs(cores: Cores) -> None:
    one, again, other = (live_through(cores, seed, HOUR / 6) for seed in (7, 7, 8))
    assert again.events() == one.events()
    assert again.checkpoints() == one.checkpoints()
    assert {execution.id for execution in other.executions()}.isdisjoint({run.id for run in one.executions()})


def test_colleagues_never_answer_for_a_caller_of_the_api(cores: Cores) -> None:
    store = Store()

    async def work() -> None:
        clock = VirtualClock(NOW)
        engine = Engine(store, cores, clock, seed=7)
        colleagues = Colleagues(Inbox(store, engine.answers, clock), store, clock)
        for _ in range(LEFT_ALONE + 2):
            engine.start("core_debug-session", {"incident": "x", "revision": "abc"})
        await clock.sleep(HOUR)
        colleagues.answer_old()
        await engine.stop()

    in_virtual_time(work)
    assert {checkpoint.status for checkpoint in store.checkpoints()} == {"pending"}


def test_with_a_full_inbox_only_runs_that_will_not_wait_are_started(cores: Cores) -> None:
    store = Store()

    async def work() -> None:
        clock = VirtualClock(NOW)
        engine = Engine(store, cores, clock, seed=7)
        for _ in range(MAX_PENDING):
            engine.start("core_debug-session", {"incident": "x", "revision": "abc"})
        await clock.sleep(HOUR)
        traffic = Traffic(engine, store, clock, 7)
        for _ in range(40):
            traffic.start_one()
            await clock.sleep(60)
        await engine.stop()

    in_virtual_time(work)
    assert len(store.checkpoints()) == MAX_PENDING
    assert len(store.executions()) >= MAX_PENDING + 40


@pytest.mark.parametrize("seed", range(8))
def test_a_fresh_grid_has_a_past(cores: Cores, seed: int) -> None:
    store = Store()
    make_history(store, cores, seed, NOW)
    roots = [execution for execution in store.executions() if execution.id == execution.root_id]
    states = Counter(execution.status for execution in roots)
    assert 25 <= len(roots) <= 45
    assert min(states[state] for state in ("running", "suspended", "completed", "failed")) >= 1
    assert 1 <= len(store.inbox.pending()) <= MAX_PENDING
    stamps = [event["timestamp"] for event in store.events()]
    assert stamp(NOW - LENGTH) <= stamps[0]
    assert stamps == sorted(stamps)
    assert stamps[-1] <= stamp(NOW)
    assert_sound(store.events())


def test_the_past_goes_on_in_the_present(cores: Cores) -> None:
    store = Store()
    make_history(store, cores, 7, NOW)
    before = len(store.events())

    async def present() -> None:
        clock = VirtualClock(NOW)
        engine = Engine(store, cores, clock, seed=7)
        engine.resume()
        await clock.sleep(HOUR)
        await engine.stop()

    in_virtual_time(present)
    assert "running" not in {execution.status for execution in store.executions()}
    assert len(store.events()) > before
    assert_sound(store.events())


def test_virtual_time_says_when_it_would_wait_for_ever() -> None:
    async def stuck() -> None:
        await asyncio.Event().wait()

    loop = VirtualLoop()
    task = loop.create_task(stuck())
    with pytest.raises(RuntimeError, match="none for a timer"):
        loop.run_until_complete(task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()
