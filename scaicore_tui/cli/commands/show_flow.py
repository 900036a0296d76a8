"""Print a run in the flow of its Core, for `show --view flow`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scaicore_tui.analysis.flow_view import FlowView, flow_rows, footer_lines, heading_spans
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stdout
from scaicore_tui.cli.sessions import flows_folder
from scaicore_tui.clock import SystemClock
from scaicore_tui.errors import NotFound
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import Run
from scaicore_tui.session import FlowGraphs, Recording, Session
from scaicore_tui.text import display_name


async def find_view(
    common: Common,
    source: Session | Recording,
    run: Run,
    file: Path | None,
    checkpoints: Sequence[Checkpoint] | None = None,
) -> FlowView:
    """Return `run` in its flow, which `file` may have; else the server and the profile's files are searched for it.

    Of a recorded file no server is asked. Raises NotFound if no node of the run has an id, and the errors of a `file`
    without a graph.
    """
    if isinstance(source, Session):
        view = await source.flows.view(run, source.checkpoints if checkpoints is None else checkpoints, file)
    else:
        view = await FlowGraphs(source, SystemClock(), None, flows_folder(common)).view(run, checkpoints or (), file)
    if view is None:
        raise NotFound(
            f"no flow is known for {display_name(run.execution_id)}, and its nodes have no ids",
            hint="set --flow FILE with the JSON of the flow",
        )
    return view


def print_view(view: FlowView, width: int | None, *, ascii_only: bool) -> None:
    """Print the rows of a flow, and below them the ways out of its branches."""
    cells = stdout.width() if width is None else width
    lines = [heading_spans(view), *(row.line for row in flow_rows(view, cells, ascii_only=ascii_only))]
    footer = footer_lines(view, cells, ascii_only=ascii_only)
    for spans in (*lines, *([[]] if footer else []), *footer):
        stdout.spans(spans)
