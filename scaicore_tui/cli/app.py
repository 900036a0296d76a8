"""The commands and their flags: the contract that scripts rely on. Each does its work in a module of its own."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from scaicore_tui.cli.common import takes_common
from scaicore_tui.cli.flags import Common
from scaicore_tui.cli.opening import DEMO_RATE, DEMO_SEED, open_app, open_demo
from scaicore_tui.cli.running import run
from scaicore_tui.cli.seconds import seconds

app = typer.Typer(
    help="A keyboard-driven terminal debugger for live ScaiCore runs. Without a command it opens the app.",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Execution = Annotated[str, typer.Argument(help="A run's id, the beginning of one, or @latest.")]
TIME: Any = {"metavar": "TIME", "parser": seconds}
CheckpointId = Annotated[str, typer.Argument(metavar="ID", help="A checkpoint's id.")]


@app.callback(invoke_without_command=True)
@takes_common
def root(
    common: Common, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> int | None:
    """A keyboard-driven terminal debugger for live ScaiCore runs. Without a command it opens the app."""
    if version:
        from scaicore_tui import __version__
        from scaicore_tui.cli import output

        output.line(f"scaicore-tui {__version__}")
        return 0
    return open_app(common)


@app.command()
@takes_common
def demo(
    common: Common,
    seed: Annotated[int, typer.Option(help="Same seed, same runs.")] = DEMO_SEED,
    rate: Annotated[float, typer.Option(help="New runs a minute.", min=0, max=600)] = DEMO_RATE,
    no_tui: Annotated[bool, typer.Option("--no-tui", help="Only serve; print where as one JSON line.")] = False,
    owned: Annotated[bool, typer.Option("--owned", hidden=True)] = False,
) -> int:
    """Start an embedded ScaiGrid and the proxy on loopback, run flows on it, open the app on it."""
    if no_tui:
        from scaicore_tui.cli.demo import serve_demo

        return run(serve_demo(seed, rate, owned))
    return open_demo(common, seed, rate)


@app.command()
@takes_common
def serve(
    common: Common,
    upstream: Annotated[str, typer.Option(help="The ScaiGrid's URL.")],
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=0, max=65535)] = 8001,
    allow_host: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A name it goes by.")] = None,
    workers: Annotated[int, typer.Option(help="Processes; one that dies is replaced.", min=1, max=64)] = 1,
    connections: Annotated[int, typer.Option(help="At most, of each worker; then 503.", min=1)] = 200,
    coalesce: Annotated[
        float,
        typer.Option(
            **TIME, help="Identical reads of one credential share an answer for so long, in each worker by itself."
        ),
    ] = 0,
    read_timeout: Annotated[float, typer.Option(**TIME, help="So long the upstream has to answer a read.")] = 15,
    invoke_timeout: Annotated[float, typer.Option(**TIME, help="So long it has to answer a write.")] = 300,
    grace: Annotated[float, typer.Option(**TIME, help="So long requests under way have to end after SIGTERM.")] = 30,
    work_on: Annotated[tuple[int, int] | None, typer.Option(hidden=True)] = None,
) -> int:
    """Serve the REST API in front of a ScaiGrid. Standard error is the access log, JSON lines, unless --quiet."""
    from scaicore_tui.cli import serving

    service = serving.Service(
        upstream, host, port, allow_host or (), workers, connections, grace, coalesce, read_timeout, invoke_timeout
    )
    return run(serving.serve(service) if work_on is None else serving.work(service, *work_on))


@app.command()
@takes_common
def runs(
    common: Common,
    failed: Annotated[bool, typer.Option("--failed", help="Only failed ones.")] = False,
    json: Json = False,
) -> int:
    """Read the feed once and print the runs, newest first."""
    from scaicore_tui.cli import reading

    return run(reading.list_runs(common, failed, json))


@app.command()
@takes_common
def show(common: Common, execution: Execution, json: Json = False) -> int:
    """Print one run: nodes, visits, error, input, output."""
    from scaicore_tui.cli import reading

    return run(reading.show_run(common, execution, json))


@app.command()
@takes_common
def events(
    common: Common,
    execution: Annotated[str | None, typer.Option(help="Only this run's.")] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON lines, verbatim.")] = False,
) -> int:
    """Print events in feed order; with --journal those of a file, without a server."""
    from scaicore_tui.cli import reading

    return run(reading.list_events(common, execution, json))


@app.command()
@takes_common
def checkpoints(
    common: Common,
    status: Annotated[str, typer.Option(help="pending, resolved, failed, …")] = "pending",
    json: Json = False,
) -> int:
    """Print what waits for a person."""
    from scaicore_tui.cli import reading

    return run(reading.list_checkpoints(common, status, json))


@app.command()
@takes_common
def resolve(
    common: Common,
    checkpoint_id: CheckpointId,
    option: Annotated[str, typer.Argument(help="The id of one of its options.")],
    comment: Annotated[str | None, typer.Option(help="A comment with the answer.")] = None,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Answer a checkpoint, and follow it until its run moves."""
    from scaicore_tui.cli import writing

    return run(writing.resolve(common, checkpoint_id, option, comment, yes, json))


@app.command(name="continue")
@takes_common
def carry_on(common: Common, checkpoint_id: CheckpointId, yes: Yes = False, json: Json = False) -> int:
    """Continue a breakpoint, and follow it until its run moves."""
    from scaicore_tui.cli import writing

    return run(writing.carry_on(common, checkpoint_id, yes, json))


@app.command()
@takes_common
def replay(
    common: Common,
    execution: Execution,
    source: Annotated[str | None, typer.Option("--input", metavar="FILE|-", help="Another input, as JSON.")] = None,
    entity: Annotated[str | None, typer.Option(metavar="ID", help="The entity to run for.")] = None,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Invoke a run's Core again, with the captured input or a given one."""
    from scaicore_tui.cli import writing

    return run(writing.replay(common, execution, source, entity, yes, json))


@app.command()
@takes_common
def ledger(common: Common, json: Json = False) -> None:
    """Print what was ever written from this machine, and what came of it."""
    from scaicore_tui.cli import bookkeeping

    bookkeeping.list_ledger(json)


def main() -> None:
    """Run the command line, and exit with its code."""
    app(prog_name="scaicore-tui")
