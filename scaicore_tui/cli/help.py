"""Format `--help`: plain text in 80 columns; own options, examples, then the common options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup

from scaicore_tui.cli.examples import EXAMPLES
from scaicore_tui.cli.flags import Common
from scaicore_tui.cli.manual import TOPICS

COMMON = "Common options"
EXIT_CODES = {
    0: "ok",
    1: "the run failed, or it ended in another state than watch --until waits for",
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


class Command(TyperCommand):
    """Format the help of one command."""

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
        _options("", self.get_params(ctx), ctx, formatter)
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), means) for code, means in EXIT_CODES.items()])
        with formatter.section("Manual"):
            formatter.write_dl([(f"help {topic}".rstrip(), about) for topic, about in TOPICS.items()])


def commands(group: TyperGroup, under: str = "") -> dict[str, Any]:
    """Return all commands of `group` and its sub-groups by the words that call them, such as `config show`."""
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
        records = [record for param in some if (record := param.get_help_record(ctx)) is not None]
        if records:
            with formatter.section(title):
                formatter.write_dl(records)


def _examples(name: str, formatter: Any) -> None:
    with formatter.section("Examples"):
        for line, does in EXAMPLES.get(name, ()):
            formatter.write(f"  {line}\n      {does}\n")
