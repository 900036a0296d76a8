"""Define the commands and their options: the contract with scripts. Each command does its work in its own module."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from typer.main import get_command

from scaicore_tui.cli import write_commands
from scaicore_tui.cli.alerts_group import alerts_app
from scaicore_tui.cli.arguments import (
    AnyExecution,
    AsTest,
    At,
    DryRun,
    Execution,
    ExportedRuns,
    ExportFormat,
    FlowFile,
    ForSeconds,
    GroupBy,
    IdleSeconds,
    Json,
    JsonLines,
    Limit,
    Link,
    Metrics,
    OfExecution,
    Otlp,
    OutputFile,
    Payloads,
    Redact,
    RunA,
    RunB,
    RunView,
    SavedViewName,
    SchemaName,
    Seconds,
    Since,
    SortBy,
    State,
    Statement,
    Status,
    Topic,
    View,
    Where,
    Width,
)
from scaicore_tui.cli.commands.app import open_app, open_at
from scaicore_tui.cli.config_group import config_app
from scaicore_tui.cli.help import Command, Group
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.runner import run
from scaicore_tui.cli.server_commands import TIME, demo, serve
from scaicore_tui.cli.shared_options import takes_common
from scaicore_tui.errors import UsageError
from scaicore_tui.export.formats import Format

app = typer.Typer(
    cls=Group,
    help="A keyboard-driven terminal debugger for live ScaiCore runs. Without a command it opens the app.",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(config_app, name="config")
app.add_typer(alerts_app, name="alerts")

command = partial(app.command, cls=Command)


@app.callback(invoke_without_command=True)
@takes_common
def root(
    common: Common,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    flow: FlowFile = None,
) -> int | None:
    """A keyboard-driven terminal debugger for live ScaiCore runs. Without a command it opens the app."""
    if version:
        from scaicore_tui import __version__
        from scaicore_tui.cli.output import stdout

        stdout.line(f"scaicore-tui {__version__}")
        return 0
    return open_app(common, flow)


command()(demo)
command()(serve)


@command()
@takes_common
def runs(
    common: Common,
    failed: Annotated[bool, typer.Option("--failed", help="Only failed runs.")] = False,
    view: SavedViewName = None,
    where: Where = "",
    since: Since = None,
    sort: SortBy = None,
    limit: Limit = None,
    group: GroupBy = None,
    json: Json = False,
) -> int:
    """List runs with their nodes, newest first.

    It reads the events from the API once. With `--offline`, or when `--journal` names a file of JSON lines (the output
    of `events --json`), it contacts no server. `--group error` lists failures by their cause: Core, node and error, but
    for numbers, ids, paths and quoted values. `--group variant` lists the paths of finished runs: those that entered
    the same nodes took the same path.
    """
    from scaicore_tui.cli.commands import read
    from scaicore_tui.cli.queries import RunSelection

    return run(read.list_runs(common, RunSelection(where, since, sort, limit, group, failed, view), json))


@command()
@takes_common
def show(
    common: Common,
    execution: Execution,
    view: View = RunView.SUMMARY,
    width: Width = None,
    flow: FlowFile = None,
    at: At = None,
    json: Json = False,
) -> int:
    """Print one run: nodes, visits, error, input and output.

    EXECUTION is a run's id, a unique prefix of it, or `@latest`. `--view timeline` prints a bar for each step: heavy
    ones decided how long the run took, dotted ones waited for a person, and long idle time is folded. `--view flow`
    prints its nodes as they are connected in the flow. The graph is that of `--flow`, of the profile's `flows`, of
    ScaiFlow, or else the order of the Core's runs; the first line says which. With `--json` it prints the steps by
    that graph too; without a graph their containers, iterations and attempts are inferred from the order of the
    events.
    """
    from scaicore_tui.cli.commands.show import ShowOptions, show_run

    return run(show_run(common, execution, ShowOptions(json, view, width, flow, at)))


@command(name="open")
@takes_common
def open_(common: Common, link: Link, flow: FlowFile = None) -> int:
    """Open the app at a run.

    LINK is a link such as `scai:prod/exec_8f2#post.3@31`: the third visit of the node `post` in that run, as of its
    31st event, in the profile `prod`. All but the run may be left out. The key `L` copies the link of what is selected.
    """
    return open_at(common, link, flow)


@command()
@takes_common
def diff(common: Common, a: RunA, b: RunB = None, flow: FlowFile = None, json: Json = False) -> int:
    """Print how two runs differ.

    It prints the first difference and its cause, the differences of the inputs, and each step with its result.
    Items of lists and iterations of loops are aligned: one that was added or removed is one difference.
    Without B, A is compared with the run that it replays, or with a run of its Core that completed: with an equal
    input, on the usual path, or the newest. The exit code is 0 if nothing differs but the times, else 1.
    """
    from scaicore_tui.cli.commands.diff import print_diff

    return run(print_diff(common, a, b, flow, json=json))


@command()
@takes_common
def export(
    common: Common,
    runs: ExportedRuns = None,
    where: Where = "",
    since: Since = None,
    limit: Limit = None,
    file_format: ExportFormat = None,
    output: OutputFile = None,
    redact: Redact = None,
    payloads: Payloads = False,
    flow: FlowFile = None,
    dry_run: DryRun = False,
    as_test: AsTest = False,
) -> int:
    """Write runs to a file, to pass them on.

    `html` is a report for a browser, which opens again with `--offline --journal`; `markdown` a message for a channel,
    `svg` a picture. `jsonl` has their events as received, `json` the documents of `show --json`. `chrome` (.trace.json)
    is for Perfetto and speedscope, `otlp` (.otlp.json) for receivers of OpenTelemetry traces. What looks like a secret
    (tokens, keys, passwords, and the paths in the profile's `redact`) is replaced by a hash, by default in html,
    markdown, svg and otlp: equal values stay equal. `--dry-run` lists what would be replaced. The ending of FILE says
    the format if `--format` does not. `test` is a pytest file that invokes the Cores again with the same inputs, and
    compares status, path and output.
    """
    from scaicore_tui.cli.commands.export import ExportOptions, export_runs
    from scaicore_tui.cli.queries import RunSelection

    selection = RunSelection(where, since, limit=limit)
    if as_test and file_format not in (None, Format.TEST):
        raise UsageError("--test is a format of its own: use it without --format", effect="nothing was written")
    file_format = Format.TEST if as_test else file_format
    return run(
        export_runs(common, ExportOptions(runs or (), selection, file_format, output, redact, payloads, flow, dry_run))
    )


@command()
@takes_common
def events(
    common: Common,
    execution: OfExecution = None,
    where: Where = "",
    json: Annotated[bool, typer.Option("--json", help="Print JSON lines, verbatim.")] = False,
) -> int:
    """Print events verbatim, in the order of the API.

    With `--journal` it prints the events of that file and contacts no server.
    """
    from scaicore_tui.cli.commands import read

    return run(read.list_events(common, execution, where, json))


@command()
@takes_common
def stats(
    common: Common,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only days from this time on (UTC): 30d, 12h or 2026-11-25.")
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Compute exact durations from all events.")] = False,
    answers: Annotated[
        bool, typer.Option("--answers", help="Print how long people take to answer, by checkpoint type and assignee.")
    ] = False,
    json: Json = False,
) -> int:
    """Print how often nodes fail, and how long they take.

    P50, P95 and P99 are durations that 50, 95 and 99 of 100 visits do not exceed, within 1 %. Visits that waited for a
    person are left out; a node whose visits all wait has the durations of the waits. Tokens are those that results
    report. A journal counts visits as it records them, and keeps the counts of runs that it deletes, for 400 days.
    With `--answers` it lists the checkpoints that the server has, or with `--offline` those that were pending when the
    journal was recorded.
    """
    if answers:
        from scaicore_tui.cli.commands.answers import print_answers

        return run(print_answers(common, since, json=json))
    from scaicore_tui.cli.commands.stats import print_stats

    return run(print_stats(common, since, exact=exact, json=json))


@command()
@takes_common
def watch(
    common: Common,
    execution: AnyExecution = None,
    exit_status: Annotated[bool, typer.Option("--exit-status", help="Exit with 1 if the run failed.")] = False,
    until: State = None,
    timeout: Seconds = None,
    where: Where = "",
    json: JsonLines = False,
) -> int:
    """Print a line for each change of one run or all runs.

    If EXECUTION is given, it prints that run from its start until it ends. Failed polls are reported on standard error
    and retried; no change is skipped. With `--where` it prints the changes of the runs that match then.
    """
    from scaicore_tui.cli.commands import watch

    return run(watch.watch(common, execution, exit_status, until, timeout, where, json))


@command()
@takes_common
def record(
    common: Common,
    seconds: ForSeconds = None,
    idle: IdleSeconds = None,
    otlp: Otlp = None,
    payloads: Payloads = False,
    metrics: Metrics = None,
    no_standby: Annotated[
        bool, typer.Option("--no-standby", help="Exit with 6 if another process records, and do not wait.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> int:
    """Record events into the journal, without a screen.

    The journal is the profile's, or the file that `--journal` names. At the end it prints a summary, which includes
    the events that it could not read. The exit code is 3 if it could not read anything.

    `--journal` may also name a PostgreSQL server, as `postgresql://USER@HOST/DATABASE`: then others view the journal
    with the same option. Of several recordings into it, one polls and writes, and the others take over when it fails.
    While the server is away, events are kept in a file. This needs the extra `postgres`:
    `pip install 'scaicore-tui[postgres]'`.

    With `--otlp` each run is sent as a trace once it is over: redacted, and without inputs, outputs and results unless
    `--payloads` is set. URL is that of a receiver of OTLP over HTTP, or `env` for that of
    `OTEL_EXPORTER_OTLP_ENDPOINT`; the other `OTEL_EXPORTER_OTLP_*` variables apply to both. What cannot be sent is sent
    later, also by the next recording. What happens in a run after it was sent is only in `export --format otlp`, with
    the same ids. This needs `pip install 'scaicore-tui[otlp]'`.

    With `--metrics` it serves figures for Prometheus at `/metrics`, and `/healthz` for probes. While it records, the
    alert rules of the configuration are evaluated (`help config`); `alerts test NAME` tries one.
    """
    from scaicore_tui.cli.commands import record
    from scaicore_tui.cli.commands.record_loop import TraceOptions

    traces = TraceOptions(otlp, payloads)
    return run(record.record(common, seconds, idle, json, traces, metrics, stands_by=not no_standby))


@command()
@takes_common
def checkpoints(
    common: Common,
    status: Status = "pending",
    where: Where = "",
    json: Json = False,
) -> int:
    """List checkpoints.

    They are in the order of the inbox: the most urgent first, of answered ones the latest. With `--journal` and the
    address of a journal on a server, the column TEAM says who is answering a checkpoint, or has answered it.
    """
    from scaicore_tui.cli.commands import read

    return run(read.list_checkpoints(common, status, where, json))


@command()
@takes_common
def sql(
    common: Common,
    statement: Statement,
    timeout: Annotated[float, typer.Option(**TIME, help="Time limit for the statement.")] = 10,
    csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    json: Json = False,
) -> int:
    """Read the journal with an SQL statement.

    The tables are runs, visits, events and checkpoints; `help queries` lists their columns. Nothing can be changed and
    nothing else can be read. It does not contact the API: the journal is the profile's, or that of `--journal`. The
    dialect is SQLite's, or PostgreSQL's for a journal on a server.
    """
    from scaicore_tui.cli.commands import sql

    return sql.run_statement(common, statement, timeout, csv, json)


command()(write_commands.resolve)
command(name="continue")(write_commands.continue_)
command()(write_commands.replay)


@command()
@takes_common
def ledger(common: Common, json: Json = False) -> None:
    """List all writes sent from this machine and their outcome.

    Entries are kept for 90 days. With `--journal` and the address of a journal on a server, it lists the writes of the
    whole team: who sent what, from which machine.
    """
    from scaicore_tui.cli.commands import ledger

    ledger.list_ledger(common, json)


@command()
@takes_common
def doctor(
    common: Common,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
    bundle: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write an archive for a bug report: .tar.gz or .zip.")
    ] = None,
) -> int:
    """Check configuration, connection and terminal.

    For each problem it prints what to do. The exit code is that of the first failed check. It changes nothing and
    sends only a few read requests. The archive of `--bundle` has versions, settings, this report, crash reports and the
    end of the log that `--log` names; it has no data of flows, no tokens and no user names in paths.
    """
    from scaicore_tui.cli.commands.doctor import report

    return run(report.run_doctor(common, json, bundle))


@command(name="help")
@takes_common
def show_help(common: Common, topic: Topic = None) -> None:
    """Show a manual page or the help of a command.

    Topics are `keys`, `queries`, `config` and `serve`; without a topic it shows the manual of the command line. On a
    terminal the page opens in the pager that $PAGER names.
    """
    from scaicore_tui.cli import help_topics

    help_topics.show_help(get_command(app), topic or (), no_color=common.no_color)


@command()
@takes_common
def schema(
    common: Common,
    name: SchemaName = None,
) -> None:
    """Print the JSON Schema of a command's `--json` output.

    Without NAME it lists the commands that have one.
    """
    from scaicore_tui.cli.commands import schema

    schema.print_schema(name)


def main() -> int:
    """Run the command line and return its exit code."""
    try:
        app(prog_name="scaicore-tui")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0
