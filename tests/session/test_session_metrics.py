"""The metrics of a session are what its journal and its connection say; names from flows are safe in them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from scaicore_tui.cli import manual
from scaicore_tui.metrics import render
from scaicore_tui.servers.proxy.request_metrics import RequestMetrics
from scaicore_tui.session import Session
from scaicore_tui.session.metrics import RecordingMetrics
from scaicore_tui.store import Journal
from tests.support.builders import (
    MILLISECOND,
    NOON,
    SECOND,
    checkpoint,
    completed,
    entered,
    event,
    exited,
    run_events,
    started,
)
from tests.support.feed_simulator import FeedSim, longest_wait
from tests.support.manual_clock import ManualClock
from tests.support.prometheus_text import Series, read_metrics, series, values_of


def read(metrics: RecordingMetrics) -> dict[Series, float]:
    return read_metrics(render(metrics.families()))


@asynccontextmanager
async def measured(session: Session) -> AsyncIterator[RecordingMetrics]:
    metrics = RecordingMetrics("1.2.3", session.clock)
    with metrics.following(session):
        yield metrics


def clock_of(session: Session) -> ManualClock:
    assert isinstance(session.clock, ManualClock)
    return session.clock


async def test_what_happens_is_counted_once_and_what_happened_before_is_not() -> None:
    sim = FeedSim([started(), entered("a"), exited("a", NOON + SECOND), completed(NOON + 2 * SECOND)])
    async with sim.session() as session, measured(session) as metrics:
        await session.read_once()
        before = read(metrics)
        assert before[series("scaicore_runs", status="completed")] == 1
        assert values_of(before, "scaicore_runs_ended_total", "outcome") == {}
        assert values_of(before, "scaicore_node_visits_total", "outcome") == {}
        sim.log += [
            started(NOON, "exec_2"),
            entered("a", NOON, "exec_2"),
            exited("a", NOON + 700 * MILLISECOND, "exec_2"),
        ]
        await session.read_once()
        sim.log += [
            entered("b", NOON, "exec_2"),
            event("block.failed", NOON, "exec_2", node_id="b", block_kind="rigid"),
        ]
        sim.log += [event("invocation.failed", NOON + SECOND, "exec_2", error="no")]
        await session.read_once()
        # An event after the end of a run is no second end.
        sim.log += [event("custom.note", NOON + 2 * SECOND, "exec_2")]
        await session.read_once()
        after = read(metrics)
        assert after[series("scaicore_runs_ended_total", core_id="core_a", outcome="failed")] == 1
        assert values_of(after, "scaicore_runs_ended_total", "outcome") == {"failed": 1}
        assert values_of(after, "scaicore_node_visits_total", "outcome") == {"ok": 1, "failed": 1}
        labels = {"core_id": "core_a", "node_id": "a"}
        durations = "scaicore_node_visit_duration_seconds"
        assert after[series(f"{durations}_bucket", **labels, le="0.5")] == 0
        assert after[series(f"{durations}_bucket", **labels, le="1")] == 1
        assert after[series(f"{durations}_sum", **labels)] == 0.7
        assert (
            after[series("scaicore_events_recorded_total")] == len(sim.log) == after[series("scaicore_journal_events")]
        )
        assert after[series("scaicore_recorder_leader")] == 1
        assert after[series("scaicore_build_info", version="1.2.3")] == 1
        assert all(after[key] >= value for key, value in before.items() if key[0].endswith("_total"))


async def test_counters_go_on_from_one_session_to_the_next_and_while_standing_by(tmp_path: Path) -> None:
    sim = FeedSim([started()])
    client = sim.client()
    metrics = RecordingMetrics("1", ManualClock())
    before = read(metrics)
    assert before[series("scaicore_recorder_leader")] == 0
    assert not {name for name, _ in before} & {
        "scaicore_data_age_seconds",
        "scaicore_runs",
        "scaicore_journal_writable",
    }
    for number in range(1, 4):
        # A client for all, as a process has that leads, stands by, and leads again.
        journal = Journal.open(tmp_path / "j")
        session = Session(client.target, journal, ManualClock(), 5_000, client, random_fn=longest_wait)
        sim.log += run_events(f"exec_1{number}", NOON + number * SECOND)
        with metrics.following(session):
            await session.read_once()
            leading = read(metrics)
        session.journal.close()
        assert leading[series("scaicore_recorder_leader")] == 1
        standing_by = read(metrics)
        assert standing_by[series("scaicore_recorder_leader")] == 0
        for found in (leading, standing_by):
            assert found[series("scaicore_events_recorded_total")] == len(sim.log)
            assert values_of(found, "scaicore_polls_total", "source") == {"events": number, "checkpoints": number}
            assert found[series("scaicore_api_requests_total", result="ok")] == client.requests
    ended = values_of(read(metrics), "scaicore_runs_ended_total", "outcome")
    assert ended == {"completed": 2}
    await client.close()


async def test_what_happened_since_the_last_recording_is_counted(tmp_path: Path) -> None:
    sim = FeedSim(run_events("exec_1", NOON))
    for ended in (0, 1):
        client = sim.client()
        journal = Journal.open(tmp_path / "j")
        session = Session(client.target, journal, ManualClock(), 5_000, client, random_fn=longest_wait)
        async with session, measured(session) as metrics:
            await session.read_once()
            found = read(metrics)
        assert sum(values_of(found, "scaicore_runs_ended_total", "outcome").values()) == ended
        assert sum(values_of(found, "scaicore_node_visits_total", "outcome").values()) == ended
        sim.log += run_events("exec_2", NOON + SECOND)


async def test_visits_in_a_filled_gap_are_counted_once() -> None:
    sim = FeedSim([started(), entered("a", NOON)], page_size=5)
    async with sim.session() as session, measured(session) as metrics:
        await session.read_once()
        for number in range(30):
            at = NOON + number * MILLISECOND
            sim.log += [entered(f"n{number}", at), exited(f"n{number}", at + MILLISECOND)]
        sim.log += [exited("a", NOON + SECOND)]
        await session._pollers.fetch()
        assert read(metrics)[series("scaicore_gaps", state="open")] == 1
        await session.read_once()
        after = read(metrics)
        assert after[series("scaicore_gaps", state="open")] == 0
        assert values_of(after, "scaicore_node_visits_total", "outcome") == {"ok": 31}
        assert values_of(after, "scaicore_node_visit_duration_seconds_count", "core_id") == {"core_a": 31}


async def test_checkpoints_and_the_age_of_the_data() -> None:
    rows = [
        checkpoint("a", created_at="2027-01-15T07:00:00Z"),
        checkpoint(
            "b", created_at="2027-01-15T07:30:00Z", checkpoint_type="approval", expires_at="2027-01-15T09:00:00Z"
        ),
    ]
    sim = FeedSim([started()], checkpoints=rows)
    async with sim.session() as session, measured(session) as metrics:
        clock = clock_of(session)
        clock.advance(7)
        assert values_of(read(metrics), "scaicore_data_age_seconds", "source") == {"events": 7, "checkpoints": 7}
        assert series("scaicore_checkpoint_next_deadline_timestamp_seconds") not in read(metrics)
        await session.read_once()
        clock.advance(3)
        found = read(metrics)
        assert values_of(found, "scaicore_data_age_seconds", "source") == {"events": 3, "checkpoints": 3}
        assert values_of(found, "scaicore_checkpoints_pending", "type") == {"hitl_review": 1, "approval": 1}
        assert found[series("scaicore_checkpoint_oldest_age_seconds")] == 3_610
        assert found[series("scaicore_checkpoint_next_deadline_timestamp_seconds")] == 1_800_003_600


async def test_requests_are_counted_by_result() -> None:
    statuses = iter([200, 200, 403, 500, 503, 429])

    class Failing(FeedSim):
        def respond(self, request: httpx.Request) -> httpx.Response:
            status = next(statuses, 0)
            if not status:
                raise httpx.ConnectError("gone")
            return super().respond(request) if status == 200 else httpx.Response(status, headers={"Retry-After": "0"})

    sim = Failing([started()])
    async with sim.session() as session, measured(session) as metrics:
        await session.read_once()
        left = read(metrics)[series("scaicore_api_requests_left")]
        for _ in range(3):
            await session._pollers._events.fetch()
            await session._pollers._checkpoints.fetch()
        found = read(metrics)
        assert values_of(found, "scaicore_api_requests_total", "result") == {
            "ok": 2,
            "rejected": 1,
            "server_error": 2,
            "rate_limited": 1,
            "no_response": session.request_count - 6,
        }
        assert found[series("scaicore_api_requests_left")] < left


async def test_the_manual_has_all_metrics_and_no_others() -> None:
    async with FeedSim([started()]).session() as session, measured(session) as metrics:
        own = {family.name for family in metrics.families()}
    proxy = {family.name for family in RequestMetrics(ManualClock()).families()}
    for topic, names in (("", own), ("serve", proxy)):
        page = manual.source(topic)
        roles = {"scaicore_recorder", "scaicore_viewer", "scaicore_answerer"}
        found = {name.removesuffix("_bucket") for name in re.findall(r"scaicore_[a-z_]+", page)}
        assert names == found - roles


async def test_names_from_flows_are_safe_and_bounded() -> None:
    hostile = 'core_"} 1\nfake 2\x1b]0;x\x07\u202e\\'
    sim = FeedSim([started()])
    async with sim.session() as session, measured(session) as metrics:
        await session.read_once()
        for number in range(150):
            run, core = f"exec_{number}", hostile if number == 0 else f"core_{number}"
            for kind, more in (
                ("invocation.started", {"input": "secret-payload"}),
                ("block.entered", {"node_id": f"{hostile}{number}", "block_kind": "rigid"}),
                ("block.exited", {"node_id": f"{hostile}{number}", "block_kind": "rigid", "result_binding_value": "x"}),
                ("invocation.completed", {"output": "secret-payload"}),
            ):
                sim.log.append(event(kind, NOON, run, core, **more))
        await session.read_once()
        text = render(metrics.families())
        found = read_metrics(text)
    ended = values_of(found, "scaicore_runs_ended_total", "core_id")
    assert (len(ended), sum(ended.values()), ended["other"]) == (51, 150, 100)
    visits = values_of(found, "scaicore_node_visits_total", "node_id")
    assert (len(visits), sum(visits.values())) == (101, 150)
    assert b"\x1b" not in text
    assert "\u202e" not in text.decode()
    assert b"secret-payload" not in text
    assert b"exec_" not in text
