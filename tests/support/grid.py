"""Helpers for the embedded ScaiGrid: short flow graphs, an engine on virtual time, a served grid, feed checks."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import uvicorn
from starlette.applications import Starlette

from scaicore_tui.clock import Clock, SystemClock
from scaicore_tui.servers.grid import GridConfig, build_grid
from scaicore_tui.servers.grid.checkpoints import CheckpointService
from scaicore_tui.servers.grid.demo.virtual_clock import VirtualClock, VirtualLoop
from scaicore_tui.servers.grid.engine.engine import Engine
from scaicore_tui.servers.grid.flow.validation import read_graph, resolve_subflows
from scaicore_tui.servers.grid.service import Grid
from scaicore_tui.servers.grid.store import Checkpoint, Event, Store
from tests.support.token_leaks import MARK

T = TypeVar("T")

NOW = 1_800_000_000.0
MODULE = "/v1/modules/scaicore"
MANAGER, REVIEWER, VIEWER = f"sgk_{MARK}_manager", f"jwt.{MARK}.reviewer", f"jwt.{MARK}.viewer"
TOKENS = {MANAGER: "manager", REVIEWER: "reviewer", VIEWER: "viewer"}
MAX_POLLS = 5_000
RUNTIME = "scaicore.runtime."
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # without it, each client reads all root certificates


def node(node_id: str, node_type: str, /, **config: Any) -> dict[str, Any]:
    return {"id": node_id, "type": node_type, "label": node_id, "position": {"x": 0, "y": 0}, "config": config}


def with_breakpoint(stopped_node: dict[str, Any]) -> dict[str, Any]:
    """Return the node with a breakpoint before it."""
    return {**stopped_node, "breakpoint": True}


def edge(text: str, condition: str | None = None) -> dict[str, Any]:
    """Return the edge that `a.port > b` describes. The port is `out` if none is named."""
    source, target = (part.strip() for part in text.split(">"))
    name, _, port = source.partition(".")
    return {
        "id": text,
        "type": "sequential" if condition is None else "conditional",
        "source": {"node": name, "port": port or "out"},
        "target": {"node": target, "port": "in"},
        **({} if condition is None else {"condition": condition}),
    }


def flow(nodes: Iterable[dict[str, Any]], edges: Sequence[str | dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Return a flow document with `nodes` and an entry node `start`. Its name is `main` unless `more` has another."""
    lines = [edge(line) if isinstance(line, str) else line for line in edges]
    rest = {"id": "flow_1", "name": "main", "version": 2, **more}
    return {**rest, "nodes": [node("start", "entry_api"), *nodes], "edges": lines}


def returns(result: Any, *, seconds: float = 1.0) -> dict[str, Any]:
    """Return the configuration of a simulated node that always returns `result`."""
    return {"simulate": {"latency": [seconds, seconds], "outcomes": [{"result": result}]}}


def fails(code: str = "BROKEN", *, when: str = "true", otherwise: Any = None) -> dict[str, Any]:
    """Return the configuration of a simulated node that fails `when` a condition holds, else returns `otherwise`."""
    error = {"when": when, "error": {"code": code, "message": f"{code} happened"}}
    return {"simulate": {"latency": [1, 1], "outcomes": [error, {"when": f"not ({when})", "result": otherwise}]}}


# A node that waits for a person, and one that returns the person's answer.
ASK = node("ask", "hitl_review", title="Review", options=["yes", "no"], context={"n": "{{input.n}}"})
AFTER = node("after", "tool_http", **returns("{{ask.resolution}}"))


@dataclass
class Bench:
    """An engine on virtual time. The store can be used again by the next engine."""

    store: Store
    engine: Engine
    checkpoints: CheckpointService
    clock: VirtualClock

    async def wait_until(self, condition: Callable[[], object]) -> None:
        """Let virtual time pass until `condition` holds."""
        for _ in range(MAX_POLLS):
            if condition():
                return
            await self.clock.sleep(1.0)
        raise AssertionError("the condition was not met")

    async def run_to_end(self, values: Mapping[str, Any] | None = None, core_id: str = "core_main") -> str:
        """Run a Core until it ends or is suspended; return its status."""
        run = self.engine.start(core_id, values or {})
        await run.finished_or_suspended.wait()
        return self.status(run.execution.id)

    def status(self, execution_id: str) -> str:
        execution = self.store.execution_table.find(execution_id)
        assert execution is not None
        return execution.status

    def statuses(self) -> list[str]:
        return [execution.status for execution in self.store.executions()]

    def pending(self) -> list[Checkpoint]:
        return self.store.checkpoint_table.pending()

    def answer(self, node_id: str, resolution: str, **more: Any) -> Checkpoint:
        """Resolve the oldest pending checkpoint of a node."""
        waiting = [checkpoint for checkpoint in reversed(self.pending()) if checkpoint.body["node_id"] == node_id]
        return self.checkpoints.resolve(waiting[0], resolution, by="usr_test", **more)


def run_on_bench(
    documents: Iterable[Mapping[str, Any]],
    work: Callable[[Bench], Coroutine[Any, Any, T]],
    *,
    store: Store | None = None,
    seed: int = 7,
    start: float = NOW,
    speed: float = 1.0,
) -> T:
    """Run `work` with an engine for the flows of `documents` in virtual time; return its result."""
    cores = resolve_subflows(read_graph(document) for document in documents)

    async def timed() -> T:
        clock = VirtualClock(start)
        memory = store or Store()
        engine = Engine(memory, cores, clock, seed=seed, speed=speed)
        bench = Bench(memory, engine, CheckpointService(memory, engine.waiters, clock), clock)
        try:
            return await work(bench)
        finally:
            await engine.stop()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(timed())


def event_payloads(store: Store, kind: str, node_id: str | None = None) -> list[dict[str, Any]]:
    """Return the payloads of the events of that kind (and node), oldest first."""
    name = RUNTIME + kind if kind.startswith(("invocation.", "block.")) else kind
    payloads = [event["payload"] for event in store.events() if event["type"] == name]
    return [payload for payload in payloads if node_id is None or payload.get("node_id") == node_id]


def entered(store: Store) -> list[str]:
    """Return the ids of the nodes that were entered, oldest first."""
    return [payload["node_id"] for payload in event_payloads(store, "block.entered")]


def assert_sound(events: Iterable[Event]) -> None:
    """Check that each execution starts once and first, ends at most once and last, and exits only entered nodes."""
    by_execution: dict[str, list[Event]] = {}
    for event in events:
        by_execution.setdefault(event["payload"]["execution_id"], []).append(event)
    for own in by_execution.values():
        kinds = [event["type"].removeprefix(RUNTIME) for event in own]
        assert kinds[0] == "invocation.started"
        assert kinds.count("invocation.started") == 1
        ends = [kind for kind in kinds if kind in {"invocation.completed", "invocation.failed"}]
        assert len(ends) <= 1
        open_visits = _open_visits(own)
        if ends:
            assert kinds[-1] == ends[0]
            assert not open_visits


def _open_visits(events: Iterable[Event]) -> Counter[str]:
    still_open: Counter[str] = Counter()
    for event in events:
        if event["type"].startswith(f"{RUNTIME}block."):
            visit = event["payload"]["node_id"]
            assert event["payload"]["block_kind"]
            still_open[visit] += 1 if event["type"].endswith(".entered") else -1
            assert still_open[visit] >= 0
    return +still_open


class _Server(uvicorn.Server):
    """A server that signals when it accepts connections, and stops as soon as `stopping` is set."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(uvicorn.Config(app, log_config=None, ws="none", lifespan="on", timeout_graceful_shutdown=1))
        self.ready = asyncio.Event()
        self.stopping = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        await self.stopping.wait()


@dataclass
class Served:
    """A grid on a real socket."""

    url: str
    grid: Grid

    def client(self, token: str | None = MANAGER) -> httpx.AsyncClient:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20, verify=_NO_TLS)


@asynccontextmanager
async def serving(clock: Clock | None = None, **settings: Any) -> AsyncIterator[Served]:
    """Serve a grid without traffic, history and rate limits, unless `settings` change that."""
    quiet: dict[str, Any] = {"rate": 0, "history": False, "rate_limits": False, "tokens": TOKENS, "speed": 1000.0}
    app = build_grid(GridConfig(**{**quiet, **settings}), clock or SystemClock())
    server = _Server(app)
    # asyncio turns Nagle's algorithm off only if the protocol is named; otherwise each response takes 40 ms longer.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        server_task = asyncio.create_task(server.serve([listener]))
        ready = asyncio.create_task(server.ready.wait())
        await asyncio.wait({server_task, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        try:
            yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}", app.state.grid)
        finally:
            server.stopping.set()
            await server_task


async def poll_until(read: Callable[[], Awaitable[T]], condition: Callable[[T], object]) -> T:
    """Return the first result of `read` that meets `condition`. Each read is a request, so the server can work."""
    for _ in range(MAX_POLLS):
        found = await read()
        if condition(found):
            return found
    raise AssertionError("the condition was not met")


def run_flow(*documents: dict[str, Any], given: dict[str, Any] | None = None) -> Store:
    """Run the first flow to its end with the input `given`; return the store."""

    async def work(bench: Bench) -> Store:
        await bench.run_to_end(given)
        return bench.store

    store = run_on_bench(documents, work)
    assert_sound(store.events())
    return store


def error_of(store: Store) -> Any:
    return store.executions()[0].error
