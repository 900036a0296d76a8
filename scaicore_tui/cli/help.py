"""Examples of command lines, for `--help` and the manual. A test parses each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from scaicore_tui.cli.manual import TOPICS
from scaicore_tui.cli.options import Common

# By command; "" is the program without a command.
EXAMPLES: Mapping[str, Sequence[tuple[str, str]]] = {
    "": (
        ("scaicore-tui demo", "try it on a demo, without an account"),
        (
            "scaicore-tui --url https://scaiflow.example.com",
            "open the app on an API; the token is in SCAICORE_TUI_TOKEN",
        ),
        ("scaicore-tui --profile staging --read-only", "open a profile, with everything that writes turned off"),
        ("scaicore-tui --offline --journal incident.journal", "look at a recorded journal, without a server"),
        ("scaicore-tui --log scaicore.log", "open the app and log each request, poll and write"),
    ),
    "demo": (
        ("scaicore-tui demo", "open the app on a demo, which ends with the app"),
        ("scaicore-tui demo --no-tui --rate 30", "start only the servers, with 30 new runs per minute"),
    ),
    "serve": (
        ("scaicore-tui serve --upstream https://scaigrid.example.com", "listen on 127.0.0.1:8001"),
        (
            "scaicore-tui serve --upstream https://grid.example.com --coalesce 2s",
            "share responses to identical reads, for a team",
        ),
        (
            "scaicore-tui serve --upstream https://grid.example.com --metrics :9465",
            "also serve metrics of the requests",
        ),
    ),
    "runs": (
        ("scaicore-tui runs --failed", "list failed runs with their errors"),
        ("scaicore-tui runs --where 'core:triage duration>10s' --since 1h", "list what was slow in the last hour"),
        ("scaicore-tui runs --since 24h --group error", "count the errors of a day"),
        ("scaicore-tui runs --json | jq -r '.[].execution_id'", "print the id of each run"),
        ("scaicore-tui runs --offline", "list the runs in the profile's journal, without a server"),
        ("scaicore-tui runs --offline --journal events.jsonl", "list the runs in a file of JSON lines"),
        ("scaicore-tui runs --group error", "list the causes of failures, with counts and times"),
    ),
    "show": (
        ("scaicore-tui show @latest", "print the newest run"),
        ("scaicore-tui show exec_8f2 --json", "print the run whose id starts with exec_8f2, as JSON"),
        ("scaicore-tui show @latest --view timeline", "print when each step of the newest run worked"),
        ("scaicore-tui show exec_8f2 --at 31", "print the run as it was after its 31st event"),
        (
            "scaicore-tui show @latest --view flow",
            "print the newest run in its flow, with the ways that it took",
        ),
    ),
    "open": (
        ("scaicore-tui open scai:prod/exec_8f2#post.3", "open the app at a visit of a node"),
        ("scaicore-tui open exec_8f2", "open the app at a run"),
    ),
    "diff": (
        ("scaicore-tui diff exec_8f2", "compare a run with the one that suits it best"),
        ("scaicore-tui diff exec_8f2 exec_5b0 --json", "print the differences of two runs as JSON"),
    ),
    "export": (
        ("scaicore-tui export exec_8f2 -o run.jsonl", "save the events of a run"),
        ("scaicore-tui export --where status:failed --since 1h --format json", "print the failed runs of an hour"),
        ("scaicore-tui export exec_8f2 --dry-run", "list what looks like a secret in a run"),
    ),
    "events": (
        ("scaicore-tui events --execution @latest", "print the events of the newest run"),
        ("scaicore-tui events --json > events.jsonl", "save all events, byte for byte"),
        ("scaicore-tui events --where 'type:failed node:post'", "print the failures of one node"),
        ("scaicore-tui events --offline --journal incident.journal", "print the events of a journal, without a server"),
    ),
    "stats": (
        ("scaicore-tui stats --since 30d", "print the figures of all nodes over the last 30 days"),
        ("scaicore-tui stats --core core_research --offline --exact", "compute them from the events of a journal"),
    ),
    "watch": (
        ("scaicore-tui watch", "print all changes from now on"),
        ("scaicore-tui watch @latest --exit-status", "follow the newest run to its end; exit with 1 if it failed"),
        (
            "scaicore-tui watch exec_8f2 --until waiting --timeout 600",
            "wait for a checkpoint; exit with 8 after 10 minutes",
        ),
        ("scaicore-tui watch --where status:failed", "print the changes of runs that have failed"),
        ("scaicore-tui watch --json --core core_triage | jq -r .change", "print the kind of each change of one Core"),
    ),
    "record": (
        ("scaicore-tui record", "record into the profile's journal until ctrl+c"),
        ("scaicore-tui record --journal incident.journal --for 600", "record into another file for 10 minutes"),
        (
            "scaicore-tui record --until-idle 30 --json | jq .gaps",
            "record until 30 seconds pass without an event; count the gaps",
        ),
        ("scaicore-tui record --otlp http://localhost:4318", "also send each run as a trace, once it is over"),
        ("scaicore-tui record --metrics :9464", "also serve metrics for a Prometheus on this machine"),
    ),
    "checkpoints": (
        ("scaicore-tui checkpoints", "list pending checkpoints"),
        ("scaicore-tui checkpoints --where 'is:due | priority:high'", "list what should be answered first"),
        ("scaicore-tui checkpoints --status resolved --json", "list answered checkpoints as JSON"),
    ),
    "sql": (
        ('scaicore-tui sql "SELECT core, count(*) FROM runs GROUP BY core"', "count the runs of each Core"),
        ('scaicore-tui sql --csv "SELECT * FROM visits" > visits.csv', "save all visits, for a spreadsheet"),
    ),
    "resolve": (
        ("scaicore-tui resolve ckpt_8f21 approve", "ask for confirmation, then send the answer"),
        ("scaicore-tui resolve ckpt_8f21 reject --comment 'no receipt' --yes", "send the answer without asking"),
    ),
    "continue": (("scaicore-tui continue ckpt_8f21", "continue a run from its breakpoint"),),
    "replay": (
        ("scaicore-tui replay exec_8f2", "invoke again with the captured input"),
        ("scaicore-tui replay exec_8f2 --input input.json --yes", "invoke again with another input"),
        (
            "scaicore-tui replay --where 'status:failed core:triage' --max 20",
            "replay the newest failures, with verdicts",
        ),
    ),
    "schema": (
        ("scaicore-tui schema", "list the commands that have a schema"),
        ("scaicore-tui schema runs > runs.schema.json", "save the schema of `runs --json`"),
    ),
    "ledger": (("scaicore-tui ledger", "list all writes and their outcome"),),
    "doctor": (
        ("scaicore-tui doctor", "check everything"),
        ("scaicore-tui doctor --profile prod --json | jq .ok", "check one profile; print true or false"),
        ("scaicore-tui doctor --bundle report.tar.gz --log scaicore.log", "pack a bug report, with the end of a log"),
    ),
    "help": (
        ("scaicore-tui help keys", "show the manual page with all keys"),
        ("scaicore-tui help config show", "show the help of a command"),
        ("scaicore-tui help serve | less", "read a page in another pager"),
    ),
    "alerts test": (
        ("scaicore-tui alerts test failures", "print the notice of the rule [alerts.failures]"),
        ("scaicore-tui alerts test failures --send", "also send it once"),
    ),
    "config path": (("scaicore-tui config path", "print the path of the file"),),
    "config show": (
        ("scaicore-tui config show", "print all settings and their sources"),
        ("scaicore-tui config show --profile prod --json", "print those of one profile as JSON"),
    ),
    "config check": (("scaicore-tui config check", "list all problems"),),
    "config init": (
        ("scaicore-tui config init", "ask for name, address and token"),
        ("scaicore-tui config init --url https://api.example.com --token-env TOKEN", "ask nothing"),
    ),
    "config journal-roles": (
        ("scaicore-tui config journal-roles | psql journal", "create the groups; viewers read every feed"),
        ("scaicore-tui config journal-roles --by-feed | psql journal", "create them; nobody reads a feed yet"),
        ("scaicore-tui config journal-roles ada --profile acme | psql journal", "let ada reach one feed"),
    ),
}

COMMON = "Common options"
EXIT_CODES = {
    0: "ok",
    1: "the run failed, or it ended in another state than watch --until waits for; "
    "replay --where: not all are fixed or alike",
    2: "usage: an argument, an option or a setting is invalid",
    3: "the API is unreachable or rejected the request",
    4: "no valid credential, or no permission",
    5: "not found",
    6: "conflict: already answered, or another process uses the journal",
    7: "outcome unknown: the write was sent, its response was lost",
    8: "timed out",
    9: "storage: a file or the output cannot be read or written (disk full, read-only, damaged, no journal)",
    70: "internal error; the message names the file with the report",
    129: "ended by SIGHUP, or the terminal was closed",
    130: "interrupted (ctrl+c)",
    131: "ended by SIGQUIT",
    143: "ended by SIGTERM",
}


# Marks, in what the contexts of one call share, that all options are shown.
_ALL = f"{__name__}.all"


class Command(TyperCommand):
    """Format the help of one command. The common options are folded, unless all are asked for by `--help-all`."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments, own options and examples, then the common options."""
        _options(ctx.command_path.partition(" ")[2], self.get_params(ctx), ctx, formatter)


class Group(TyperGroup):
    """Format the help of the program, or of a group of commands."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands; for the program itself also its options, exit codes and manual pages."""
        self.format_commands(ctx, formatter)
        if ctx.parent is not None:
            return
        ctx.meta[_ALL] = True
        _options("", self.get_params(ctx), ctx, formatter)
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), means) for code, means in EXIT_CODES.items()])
        with formatter.section("Manual"):
            formatter.write_dl([(f"help {topic}".rstrip(), about) for topic, about in TOPICS.items()])


def commands(group: TyperGroup, under: str = "") -> dict[str, Any]:
    """Return all commands of `group` and its sub-groups by their full name, such as `config show`."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        typed = f"{under}{name}"
        found |= commands(command, f"{typed} ") if isinstance(command, TyperGroup) else {typed: command}
    return found


def sections(params: Sequence[Any]) -> dict[str, list[Any]]:
    """Return the parameters of a command by section: arguments, own options, common options."""
    arguments = [param for param in params if param.param_type_name == "argument"]
    shared = [param for param in params if param.name in Common.__struct_fields__]
    own = [param for param in params if param not in arguments and param not in shared]
    return {"Arguments": arguments, "Options": own, COMMON: shared}


def _options(name: str, params: Sequence[Any], ctx: Any, formatter: Any) -> None:
    for title, some in sections(params).items():
        if title == COMMON:
            _examples(name, formatter)
        if title == COMMON and not ctx.meta.get(_ALL):
            _folded(some, formatter)
            continue
        records = [record for param in some if (record := param.get_help_record(ctx)) is not None]
        if records:
            with formatter.section(title):
                formatter.write_dl(records)


def show_all(context: typer.Context, is_given: bool) -> None:
    """Show the help with all options and exit, if `--help-all` is given."""
    if is_given and not context.resilient_parsing:
        context.meta[_ALL] = True
        typer.echo(context.get_help())
        raise typer.Exit


def _folded(params: Sequence[Any], formatter: Any) -> None:
    """Write the names of the common options."""
    with formatter.section(COMMON):
        names = " ".join(param.opts[0] for param in params)
        formatter.write_text(f"{names}. With --help-all: what they do.")


def _examples(name: str, formatter: Any) -> None:
    with formatter.section("Examples"):
        for line, does in EXAMPLES.get(name, ()):
            formatter.write(f"  {line}\n      {does}\n")
