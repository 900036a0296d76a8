"""Arguments and options that commands have in common, or that a shell completes: how they are written, and told."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from scaicore_tui.cli import completing
from scaicore_tui.cli.until import Until

Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
JsonLines = Annotated[bool, typer.Option("--json", help="JSON lines.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
_RUN: dict[str, Any] = {
    "help": "A run's id, the beginning of one, or @latest.",
    "autocompletion": completing.runs,
}
Execution = Annotated[str, typer.Argument(metavar="EXECUTION", **_RUN)]
AnyExecution = Annotated[str | None, typer.Argument(metavar="[EXECUTION]", **_RUN)]
OfExecution = Annotated[str | None, typer.Option(metavar="EXECUTION", **_RUN | {"help": "Only this run's."})]
CheckpointId = Annotated[
    str, typer.Argument(metavar="ID", help="A checkpoint's id.", autocompletion=completing.checkpoints)
]
BreakpointId = Annotated[
    str, typer.Argument(metavar="ID", help="A breakpoint's id.", autocompletion=completing.breakpoints)
]
OptionId = Annotated[
    str, typer.Argument(metavar="OPTION", help="The id of one of its options.", autocompletion=completing.options)
]
Status = Annotated[
    str, typer.Option(metavar="STATUS", help="pending, resolved, failed, …", autocompletion=completing.statuses)
]
Seconds = Annotated[float | None, typer.Option(metavar="SECONDS", help="Then give up: exit code 8.", min=0)]
ForSeconds = Annotated[float | None, typer.Option("--for", metavar="SECONDS", help="Then end.", min=0)]
IdleSeconds = Annotated[
    float | None, typer.Option("--until-idle", metavar="SECONDS", help="End when nothing came for so long.", min=0)
]
State = Annotated[
    Until | None,
    typer.Option(metavar="STATE", help="waiting, completed, failed, or any.", autocompletion=completing.states),
]
SchemaName = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="The command that prints it.", autocompletion=completing.schemas),
]
