"""Exports of runs, a flow and checkpoints with hostile strings in every field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from msgspec.structs import replace

from scaicore_tui.analysis.flow_inference import infer_graph
from scaicore_tui.analysis.flow_view import Wait, view_flow
from scaicore_tui.export.exporter import Export, ExportedRun, Redacted
from scaicore_tui.protocol import Checkpoint, Event, decode_event
from scaicore_tui.protocol.checkpoints import read_checkpoint_page
from scaicore_tui.runs import RunStatus
from tests.support.builders import NOON
from tests.support.exported_runs import exported
from tests.support.hostile.corpus import CORPUS
from tests.support.hostile.hostile_feed import BUSY_RUN, SHORT_CHARS, HostileFeed, as_json
from tests.support.hostile.markup_attacks import MARKUP_ATTACKS

# Each group of strings has its own feed: names of runs and nodes must differ.
GROUPS = {"corpus": CORPUS, "markup": MARKUP_ATTACKS}


def feed_runs(strings: Sequence[str]) -> Iterator[ExportedRun]:
    """Yield the runs of a hostile feed with its checkpoints, and the busy one in a flow, at whose nodes it waits.

    Of the runs with one short string each only a third: these strings are all in the busy one too.
    """
    feed = HostileFeed(strings)
    runs: dict[str, list[Event]] = {}
    for event in map(decode_event, feed.events):
        if event.execution_id is not None:
            runs.setdefault(event.execution_id, []).append(event)
    rows = read_checkpoint_page(as_json({"checkpoints": feed.pending})).checkpoints
    for number, (execution, events) in enumerate(runs.items()):
        if number % 3 and execution != BUSY_RUN and len(execution) < SHORT_CHARS:
            continue
        mine = [row for row in rows if row.execution_id == execution]
        text = strings[len(execution) % len(strings)]
        run = exported(events, missing=text, checkpoints=mine, replays=text)
        run.run.anomalies.append(text)
        yield _with_flow(run, mine) if execution == BUSY_RUN else run


def _with_flow(run: ExportedRun, rows: Sequence[Checkpoint]) -> ExportedRun:
    run.run.status = RunStatus.WAITING
    # A flow of so many nodes is only a table.
    few = run.run.nodes if len(run.run.nodes) < 150 else dict([*run.run.nodes.items()][-140:])
    run.run.nodes = few
    graph = infer_graph([run.run])
    assert graph is not None
    waits = {node: Wait(row.assignee_raw or "") for row, node in zip(rows, graph.by_id, strict=False)}
    return replace(run, flow=view_flow(graph, run.run, waits=waits))


@cache
def hostile_export(group: str) -> Export:
    """Return an export of all runs with the strings of a group."""
    strings = list(GROUPS[group].values())
    text = "".join(strings)[:2_000]
    found = [Redacted(string, 1) for string in strings]
    return Export(list(feed_runs(strings)), NOON, text, text, is_redacted=True, summary=lambda: found)


def run_exports(group: str) -> Iterator[Export]:
    """Yield exports of one run each, for formats that show only some of several."""
    export = hostile_export(group)
    for run in export.runs:
        yield replace(export, runs=[run], is_one_run=True)
