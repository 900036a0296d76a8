"""The graph of a run's Core: from a file, from ScaiFlow, a likely one, or inferred; read once, and only when needed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from msgspec.structs import replace

from scaicore_tui.analysis.flow_graph import GraphOrigin
from scaicore_tui.analysis.flow_view import FlowView
from scaicore_tui.api.budget import Priority
from scaicore_tui.api.client import Client
from scaicore_tui.api.flow_reader import MAX_DEPLOYMENTS_READ, MAX_FLOW_BYTES, MAX_GRAPHS_READ
from scaicore_tui.config import Api, Target
from scaicore_tui.errors import ConfigError, NotFound
from scaicore_tui.protocol import Event
from scaicore_tui.runs import RunStatus
from scaicore_tui.secrets import Secret
from scaicore_tui.servers.proxy import ProxyConfig
from scaicore_tui.session import OfflineSession, Session
from scaicore_tui.session.flow_files import read_flow_file
from scaicore_tui.session.flows import RETRY_S
from scaicore_tui.session.past_runs import MAX_PAST_RUNS, REFRESH_S
from scaicore_tui.store import Journal
from tests.support.builders import NOON, SECOND, checkpoint, completed, entered, exited, started
from tests.support.core_inputs import APPROVAL, EXPENSE, TRIP
from tests.support.feed_simulator import UNLIMITED, FeedSim
from tests.support.grid import VIEWER, serving
from tests.support.grid_api import run_to_end
from tests.support.manual_clock import ManualClock
from tests.support.proxy import proxy_server

pytestmark = pytest.mark.usefixtures("no_documented_limit")

CORE = "core_a"


def graph(*names: str, flow_id: str = "flow_1", name: str = "a") -> dict[str, Any]:
    """Return a flow with its graph, a chain of nodes."""
    edges = [{"source": {"node": one}, "target": {"node": two}} for one, two in pairwise(names)]
    content = {"nodes": [{"id": node, "type": "tool_http"} for node in names], "edges": edges}
    return {"id": flow_id, "name": name, "version": 2, "content": content}


def run_through(*names: str, execution: str = "exec_1", at: int = NOON) -> list[Event]:
    """Return the events of a run of CORE that visits these nodes."""
    events = [started(at, execution)]
    for second, name in enumerate(names):
        events += [entered(name, at + second * SECOND, execution), exited(name, at + second * SECOND, execution)]
    return [*events, completed(at + 60 * SECOND, execution)]


@dataclass
class FlowServer:
    """Serves a feed, and `flows` with their deployments, or `status` for every call about flows."""

    feed: FeedSim
    flows: list[dict[str, Any]] = field(default_factory=list)
    deployments: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    total: int | None = None
    asked: list[str] = field(default_factory=list)

    def respond(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1")
        if not path.startswith("/flows"):
            return self.feed.respond(request)
        query = request.url.query.decode()
        self.asked.append(path + (f"?{query}" if "search" in query else ""))
        if self.status != 200:
            return httpx.Response(self.status, headers=UNLIMITED, json={"detail": {"error": "x", "message": "no"}})
        return self._body(path, parse_qs(query))

    def _body(self, path: str, query: dict[str, list[str]]) -> httpx.Response:
        if path == "/flows":
            search = query.get("search", [""])[0]
            listed = [{key: flow[key] for key in ("id", "name", "version")} for flow in self.flows]
            found = [row for row in listed if search in row["name"]]
            shown = found[: int(query["limit"][0])]
            return httpx.Response(200, headers=UNLIMITED, json={"items": shown, "total": self.total or len(found)})
        _, _, flow_id, *rest = path.split("/")
        if rest:
            return httpx.Response(200, headers=UNLIMITED, json=self.deployments.get(flow_id, {"items": []}))
        flow = next((flow for flow in self.flows if flow["id"] == flow_id), None)
        return httpx.Response(404 if flow is None else 200, headers=UNLIMITED, json=flow or {"detail": "none"})

    def session(self, folder: Path | None = None) -> Session:
        target = replace(self.feed.client().target, flows=folder)
        return Session(target, clock=ManualClock(), client=Client(target, httpx.MockTransport(self.respond)))


async def view_of(session: Session, execution: str = "exec_1", file: Path | None = None) -> FlowView:
    """Read the feed, and return a run in its flow."""
    await session.read_once()
    view = await session.flows.view(session.index.runs[execution], session.checkpoints, file)
    assert view is not None
    return view


def server(*events: Event, **settings: Any) -> FlowServer:
    return FlowServer(FeedSim(list(events or run_through("a", "b"))), **settings)


async def test_the_graph_comes_from_scaiflow_through_the_proxy_and_directly() -> None:
    async with serving() as served, proxy_server(ProxyConfig(served.url)) as url:
        token = Secret(VIEWER)
        execution = await run_to_end(served, APPROVAL, EXPENSE)
        waiting = await run_to_end(served, APPROVAL, TRIP)
        for target in (Target(f"{url}/api/v1", token=token), Target(served.url, Api.SCAIGRID, token=token)):
            async with Session(target) as session:
                view = await view_of(session, execution)
                assert view.graph.heading == (
                    "expense-approval from ScaiFlow, deployed to this Core: flow_expense_approval version 2"
                )
                taken = {(view.graph.edges[index].source, view.graph.edges[index].port) for index in view.taken.counts}
                assert ("within_policy", "auto") in taken
                assert view.past_count == 1
                assert (await view_of(session, waiting)).waits["review"].assignee == "group:finance"


async def test_a_flow_is_asked_for_once_at_the_lowest_priority(caplog: pytest.LogCaptureFixture) -> None:
    flows = [graph("x", flow_id="flow_x", name="zebra"), graph("a", "b", "c")]
    there = server(flows=flows, deployments={"flow_1": {"records": [{"target": {"ref": CORE}}]}})
    async with there.session() as session:
        for _ in range(3):
            view = await view_of(session)
            assert (view.graph.origin, list(view.graph.by_id)) == (GraphOrigin.SCAIFLOW, ["a", "b", "c"])
    # That with the name of the Core is asked first.
    assert there.asked == ["/flows", "/flows/flow_1/deployments", "/flows/flow_1"]
    requests = [message for message in caplog.messages if "path='/api/v1/flows" in message]
    assert len(requests) == 3
    assert max(Priority) is Priority.HISTORY
    assert all("priority='history'" in message for message in requests)


@pytest.mark.parametrize("status", [404, 403, 405, 422])
async def test_a_server_without_flows_is_normal(status: int) -> None:
    there = server(status=status)
    async with there.session() as session:
        for _ in range(3):
            view = await view_of(session)
            assert view.graph.heading == "order seen in 1 run, not the design"
            session.clock.advance(RETRY_S + 1)  # type: ignore[attr-defined]
    assert there.asked == ["/flows"]


@pytest.mark.parametrize("status", [500, 503, 429, 401])
async def test_a_server_that_cannot_answer_now_is_asked_again_later(status: int) -> None:
    there = server(flows=[graph("a", "b")], deployments={"flow_1": [CORE]}, status=status)
    async with there.session() as session:
        for _ in range(3):
            assert (await view_of(session)).graph.is_inferred
        asked = len(there.asked)
        assert asked == 1
        there.status = 200
        session.clock.advance(RETRY_S + 1)  # type: ignore[attr-defined]
        assert (await view_of(session)).graph.origin is GraphOrigin.SCAIFLOW


async def test_answers_of_another_shape_are_no_flows() -> None:
    there = server(flows=[graph("a", "b")])

    def other(request: httpx.Request) -> httpx.Response:
        if "/flows" in request.url.path:
            there.asked.append(request.url.path)
            return httpx.Response(200, headers=UNLIMITED, content=b"<html>sign in</html>")
        return there.feed.respond(request)

    target = there.feed.client().target
    async with Session(target, client=Client(target, httpx.MockTransport(other))) as session:
        assert (await view_of(session)).graph.is_inferred
    assert len(there.asked) == 1


async def test_a_flow_that_is_too_large_is_not_read() -> None:
    large = graph("a", "b")
    large["content"]["notes"] = "x" * MAX_FLOW_BYTES
    async with server(flows=[large], deployments={"flow_1": [CORE]}).session() as session:
        assert (await view_of(session)).graph.is_inferred


async def test_without_a_record_a_flow_with_all_nodes_is_likely() -> None:
    flows = [graph("a", "x", flow_id="flow_x"), graph("a", "b", "c", flow_id="flow_y", name="other")]
    there = server(
        *run_through("a", "b"), *run_through("a", "z", execution="exec_2", at=NOON + 99 * SECOND), flows=flows
    )
    async with there.session() as session:
        view = await view_of(session)
        assert view.graph.origin is GraphOrigin.COVER
        assert view.graph.heading == "other likely, since it has all nodes of this run: flow_y version 2"
        # Another run of the Core, with a node that this flow does not have.
        assert (await view_of(session, "exec_2")).graph.is_inferred
        assert (await view_of(session)).graph.origin is GraphOrigin.COVER
    assert Counter(there.asked).most_common(1)[0][1] == 1


async def test_of_many_flows_those_with_the_name_are_searched_and_few_are_read() -> None:
    flows = [graph("q", flow_id=f"flow_{number}", name=f"n{number}") for number in range(300)]
    mine = graph("a", "b", flow_id="flow_mine", name="a")
    there = server(flows=[*flows, mine], total=301, deployments={"flow_mine": {"core": CORE}})
    async with there.session() as session:
        assert (await view_of(session)).graph.origin is GraphOrigin.SCAIFLOW
    assert there.asked == ["/flows", "/flows?limit=100&search=a", "/flows/flow_mine/deployments", "/flows/flow_mine"]
    there = server(flows=flows)
    async with there.session() as session:
        assert (await view_of(session)).graph.is_inferred
    assert len(there.asked) == 1 + 1 + MAX_DEPLOYMENTS_READ + MAX_GRAPHS_READ


async def test_a_file_with_the_name_of_the_core_goes_before_the_server(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(graph("a", "b", "d", name="")))
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "b.json").mkdir()
    there = server(flows=[graph("a", "b")], deployments={"flow_1": [CORE]})
    async with there.session(tmp_path) as session:
        view = await view_of(session)
        assert view.graph.heading == "from the file a.json"
        assert list(view.graph.by_id) == ["a", "b", "d"]
    assert there.asked == []


async def test_a_file_with_another_name_is_only_likely(tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text(json.dumps(graph("a", "b", name="anything")))
    async with server(status=404).session(tmp_path) as session:
        assert (await view_of(session)).graph.heading == (
            "anything likely, since it has all nodes of this run: export.json"
        )
    async with server(status=404).session(tmp_path / "missing") as session:
        assert (await view_of(session)).graph.is_inferred


async def test_a_named_file_goes_before_everything(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(graph("q")))
    there = server(flows=[graph("a", "b")], deployments={"flow_1": [CORE]})
    async with there.session() as session:
        view = await view_of(session, file=file)
        assert (view.graph.origin, list(view.graph.by_id)) == (GraphOrigin.FILE, ["q"])
        with pytest.raises(NotFound, match="there is no file"):
            await view_of(session, file=tmp_path / "none.json")
        file.write_text("[]")
        with pytest.raises(ConfigError, match="no flow graph"):
            await view_of(session, file=file)
    assert there.asked == []


async def test_offline_no_request_is_sent(tmp_path: Path) -> None:
    there = server()
    async with Session(there.feed.client().target, Journal.open(tmp_path / "j"), client=there.feed.client()) as session:
        await session.read_once()
    (tmp_path / "export.json").write_text(json.dumps(graph("a", "b")))
    for folder, origin in ((None, GraphOrigin.INFERRED), (tmp_path, GraphOrigin.FILE)):
        target = replace(there.feed.client().target, offline=True, flows=folder)
        async with OfflineSession(target, Journal.open_readonly(tmp_path / "j")) as session:
            await session.load()
            view = await session.flows.view(session.index.runs["exec_1"])
            assert view is not None
            assert view.graph.origin is origin
            assert session.request_count == 0


async def test_a_given_flow_goes_before_all_others_where_its_nodes_are_visited(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(json.dumps(graph("a", "b", name="mine")))
    other = run_through("x", "y", execution="exec_other", at=NOON + 99 * SECOND)
    flows = [graph("a", "b", "c"), graph("x", "y", "z", flow_id="flow_2")]
    there = server(*run_through("a", "b"), *other, flows=flows, deployments={"flow_1": [CORE]})
    async with there.session() as session:
        session.flows.use(read_flow_file(tmp_path / "mine.json"))
        assert (await view_of(session)).graph.heading == "mine from the file mine.json"
        assert (await view_of(session, "exec_other")).graph.origin is GraphOrigin.SCAIFLOW


async def test_past_runs_are_bounded_and_read_again_after_a_minute() -> None:
    log = [step for n in range(MAX_PAST_RUNS + 9) for step in run_through("a", "b", execution=f"exec_{n}", at=NOON + n)]
    there = server(*log, status=404)
    async with there.session() as session:
        assert (await view_of(session, "exec_0")).past_count == MAX_PAST_RUNS
        there.feed.log += run_through("a", "c", execution="exec_new", at=NOON + 10**9)
        assert "c" not in (await view_of(session, "exec_0")).graph.by_id
        session.clock.advance(REFRESH_S + 1)  # type: ignore[attr-defined]
        assert "c" in (await view_of(session, "exec_0")).graph.by_id


async def test_a_run_without_node_ids_has_no_flow() -> None:
    there = server(started(), entered(None), exited(None), completed())
    async with there.session() as session:
        await session.read_once()
        assert await session.flows.view(session.index.runs["exec_1"]) is None


async def test_a_breakpoint_is_shown_at_its_node() -> None:
    there = server(*run_through("a", "b")[:3], status=404)
    there.feed.checkpoints = [checkpoint(node_id="b", checkpoint_type="debug_breakpoint")]
    async with there.session() as session:
        view = await view_of(session)
        assert view.waits["b"].is_breakpoint
        past = replace(view.run, status=RunStatus.RUNNING)
        earlier = await session.flows.view(past, session.checkpoints)
        assert earlier is not None
        assert not earlier.waits
