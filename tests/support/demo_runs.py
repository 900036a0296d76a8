"""Runs of the demo's flows by the engine of the embedded server, in virtual time, each with one thing changed.

The engine's random results depend on the id of a run, which is the same in each: what was not changed is equal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from scaicore_tui.analysis.diff import ComparedRun
from scaicore_tui.analysis.steps import build_steps
from scaicore_tui.protocol import decode_event
from scaicore_tui.runs.cache import project
from scaicore_tui.servers.grid.store import Event
from tests.support.grid import Bench, run_on_bench

Edit = Callable[[dict[str, Any]], None]


def flow_documents() -> dict[str, dict[str, Any]]:
    """Return the documents of the demo's flows by the names of the flows."""
    folder = resources.files("scaicore_tui.servers.grid") / "flows"
    documents = [json.loads(file.read_text("utf-8")) for file in folder.iterdir()]
    return {document["name"]: document for document in documents}


@dataclass(frozen=True)
class DemoRun:
    """A run of a flow with an input. `answers` are given to its checkpoints in their order, and then the last again."""

    flow: str
    given: Mapping[str, Any]
    answers: tuple[str, ...] = ("approve",)
    edit: Edit = field(default=lambda _: None)
    seed: int = 7
    speed: float = 1.0

    def events(self) -> list[Event]:
        """Run the flow to its end; return the events of the run."""
        documents = flow_documents()
        self.edit(documents[self.flow])

        async def work(bench: Bench) -> list[Event]:
            run = bench.engine.start(f"core_{self.flow}", self.given)
            answers = list(self.answers)
            while bench.status(run.execution.id) in ("running", "suspended"):
                if bench.pending():
                    resolution = answers.pop(0) if len(answers) > 1 else answers[0]
                    node_id = bench.pending()[0].body["node_id"]
                    is_stop = bench.pending()[0].body["checkpoint_type"] == "debug_breakpoint"
                    bench.answer(node_id, "continue" if is_stop else resolution)
                await bench.clock.sleep(1.0)
            return [event for event in bench.store.events() if event["payload"]["execution_id"] == run.execution.id]

        return run_on_bench(documents.values(), work, seed=self.seed, speed=self.speed)

    def compared(self) -> ComparedRun:
        """Run the flow to its end; return the run as the client sees it."""
        return compared(self.events())


def compared(events: list[Event]) -> ComparedRun:
    """Return the run of these events as the client sees it."""
    rows = enumerate(decode_event(json.dumps(event).encode()) for event in events)
    run, _ = project(events[0]["payload"]["execution_id"], rows)
    return ComparedRun(run, build_steps(run))
