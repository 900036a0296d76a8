"""Define arguments and options that several commands share, with their help and completion."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from scaicore_tui.cli import completion
from scaicore_tui.cli.completion import Until
from scaicore_tui.config.views import Grouping, Sort
from scaicore_tui.export.formats import Format

_UNITS = {"ms": 0.001, "s": 1.0, "": 1.0}
_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|)", re.ASCII)


def parse_duration(value: str | float) -> float:
    """Return the time in seconds.

    Raises:
        BadParameter: the text is not a time.
    """
    found = _TIME.fullmatch(str(value))
    if found is None:
        raise typer.BadParameter(f"{value!r} is not a time such as 2s or 500ms")
    return float(found[1]) * _UNITS[found[2]]


class RunView(StrEnum):
    """A view of a run that `show` prints."""

    SUMMARY = "summary"
    TIMELINE = "timeline"
    FLOW = "flow"


View = Annotated[
    RunView,
    typer.Option(metavar="VIEW", help="summary, timeline, or flow: the run in the graph of its flow."),
]
At = Annotated[
    str | None,
    typer.Option(metavar="EVENT|TIME", help="Show the run as of one of its events: a number, 12:01:32 (UTC) or +4.1s."),
]
Width = Annotated[int | None, typer.Option(metavar="N", help="Width of a view, in cells.", min=40, max=1000)]
FlowFile = Annotated[
    Path | None, typer.Option("--flow", metavar="FILE", help="File with the graph of the flow (JSON).")
]
Where = Annotated[
    str,
    typer.Option(
        metavar="QUERY",
        help="Only what matches a query, such as status:failed; see `help queries`.",
        autocompletion=completion.queries,
        show_default=False,
    ),
]
Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Only runs with events since 1h (ago), 14:00 or 2026-11-25 (UTC)."),
]
SortBy = Annotated[
    Sort | None,
    typer.Option("--sort", metavar="FIELD", help="started, changed, duration, events, core or status."),
]
Limit = Annotated[int | None, typer.Option(metavar="N", help="At most this many.", min=1)]
GroupBy = Annotated[
    Grouping | None,
    typer.Option("--group", metavar="FIELD", help="Group them by error, variant (path), core, node or status."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
JsonLines = Annotated[bool, typer.Option("--json", help="Print JSON lines.")]
SavedViewName = Annotated[
    str | None,
    typer.Option(
        "--view",
        metavar="NAME",
        help="A view of the configuration: query, order and grouping.",
        autocompletion=completion.views,
    ),
]
Statement = Annotated[str, typer.Argument(metavar="SQL", help="A SELECT statement.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
_RUN: dict[str, Any] = {
    "help": "Id of a run, a unique prefix of it, @latest, @failed, or a link.",
    "autocompletion": completion.runs,
}
Execution = Annotated[str, typer.Argument(metavar="EXECUTION", **_RUN)]
AnyExecution = Annotated[str | None, typer.Argument(metavar="[EXECUTION]", **_RUN)]
RunA = Annotated[str, typer.Argument(metavar="A", **_RUN)]
RunB = Annotated[str | None, typer.Argument(metavar="[B]", **_RUN)]
Link = Annotated[str, typer.Argument(metavar="LINK", **_RUN | {"help": "A link to a run, or its id."})]
ExportedRuns = Annotated[list[str] | None, typer.Argument(metavar="EXECUTION", **_RUN | {"help": "Ids of the runs."})]
ExportFormat = Annotated[Format | None, typer.Option("--format", metavar="FORMAT", help=f"One of {', '.join(Format)}.")]
OutputFile = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="File to write; without it, standard output."),
]
Redact = Annotated[
    bool | None, typer.Option("--redact/--no-redact", help="Replace what looks like a secret.", show_default=False)
]
Payloads = Annotated[bool, typer.Option("--payloads", help="Also inputs, outputs and results, where left out.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only list what would be redacted; write nothing.")]
AsTest = Annotated[bool, typer.Option("--test", help="The same as --format test: a pytest file.")]
OfExecution = Annotated[str | None, typer.Option(metavar="EXECUTION", **_RUN | {"help": "Only events of this run."})]
CheckpointId = Annotated[
    str, typer.Argument(metavar="ID", help="Id of the checkpoint.", autocompletion=completion.checkpoints)
]
BreakpointId = Annotated[
    str, typer.Argument(metavar="ID", help="Id of the breakpoint.", autocompletion=completion.breakpoints)
]
OptionId = Annotated[
    str, typer.Argument(metavar="OPTION", help="Id of the option to choose.", autocompletion=completion.options)
]
Status = Annotated[
    str,
    typer.Option(
        metavar="STATUS", help="pending, resolved, failed, expired or cancelled.", autocompletion=completion.statuses
    ),
]
Seconds = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="Give up after this time, with exit code 8.", min=0)
]
ForSeconds = Annotated[float | None, typer.Option("--for", metavar="SECONDS", help="End after this time.", min=0)]
IdleSeconds = Annotated[
    float | None,
    typer.Option("--until-idle", metavar="SECONDS", help="End after this time without a new event.", min=0),
]
Otlp = Annotated[
    str | None,
    typer.Option("--otlp", metavar="URL", help="Send finished runs to this receiver of traces; env: OTEL_* names it."),
]
Metrics = Annotated[
    str | None,
    typer.Option("--metrics", metavar="ADDR", help="Serve metrics for Prometheus: :9464, or HOST:PORT."),
]
State = Annotated[
    Until | None,
    typer.Option(
        metavar="STATE",
        help="End when a run is waiting, completed, failed, or any of these.",
        autocompletion=completion.states,
    ),
]
SchemaName = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="Name of the command.", autocompletion=completion.schemas),
]
Topic = Annotated[
    list[str] | None,
    typer.Argument(metavar="[TOPIC]", help="A topic or a command.", autocompletion=completion.topics),
]
