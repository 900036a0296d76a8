"""Runs of the demo's flows by the engine of the embedded server, in virtual time, each with one thing changed.

The engine's random results depend on the id of a run, which is the same in each: what was not changed is equal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from scaicore_tui.analysis.diff import ComparedRun
from scaicore_tui.analysis.steps import build_steps
from scaicore_tui.protocol import Event as ReceivedEvent
from scaicore_tui.protocol import decode_event
from scaicore_tui.runs.cache import project
from scaicore_tui.servers.grid.store import Event
from tests.support.builders import NOON, SECOND
from tests.support.feed_simulator import FeedSim
from tests.support.grid import NOW, Bench, run_on_bench

Edit = Callable[[dict[str, Any]], None]


def flow_documents() -> dict[str, dict[str, Any]]:
    """Return the documents of the demo's flows by the names of the flows."""
    folder = resources.files("scaicore_tui.servers.grid") / "flows"
    documents = [json.loads(file.read_text("utf-8")) for file in folder.iterdir()]
    return {document["name"]: document for document in documents}


@dataclass(frozen=True)
class DemoRun:
    """A run of a flow with an input. `answers` are given to its checkpoints in their order, and then the last again.

    `edit` changes the document of the flow, `edit_all` those of all flows by their names.
    """

    flow: str
    given: Mapping[str, Any]
    answers: tuple[str, ...] = ("approve",)
    edit: Edit = field(default=lambda _: None)
    edit_all: Edit = field(default=lambda _: None)
    seed: int = 7
    speed: float = 1.0
    start: float = NOW

    def events(self) -> list[Event]:
        """Run the flow to its end; return the events of the run."""
        documents = flow_documents()
        self.edit(documents[self.flow])
        self.edit_all(documents)

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

        return run_on_bench(documents.values(), work, seed=self.seed, speed=self.speed, start=self.start)

    def compared(self) -> ComparedRun:
        """Run the flow to its end; return the run as the client sees it."""
        return compared(self.events())


def compared(events: list[Event]) -> ComparedRun:
    """Return the run of these events as the client sees it."""
    run, _ = project(events[0]["payload"]["execution_id"], enumerate(as_received(events)))
    return ComparedRun(run, build_steps(run))


def as_received(events: Iterable[Event]) -> list[ReceivedEvent]:
    """Return events of the engine as the client decodes them."""
    return [decode_event(json.dumps(event).encode()) for event in events]


def research_feed() -> FeedSim:
    """Return a feed with three runs of one Core: one that completed, one like it, and one whose claim had no source."""
    question = {"question": "Do heat pumps pay off in old buildings?", "editor": False}
    asked = {"question": "Do heat pumps pay off in new buildings?", "editor": False}

    def without_source(documents: dict[str, dict[str, Any]]) -> None:
        (look_up,) = (one for one in documents["fact-check"]["nodes"] if one["id"] == "look_up")
        look_up["config"]["simulate"]["outcomes"] = [
            {"error": {"code": "NO_SOURCE", "message": "no source for “It depends on where one looks.”"}}
        ]

    runs = (
        DemoRun("research", question, seed=1, start=NOON / SECOND - 900),
        DemoRun("research", question, seed=3, start=NOON / SECOND - 600),
        DemoRun("research", asked, seed=4, start=NOON / SECOND - 300, edit_all=without_source),
    )
    return FeedSim(as_received([event for run in runs for event in run.events()]))
