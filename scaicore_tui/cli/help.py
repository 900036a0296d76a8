"""How `--help` looks: plain, in 80 columns, a command's own options before those that all share, and examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup

from scaicore_tui.cli.examples import EXAMPLES
from scaicore_tui.cli.flags import Common

COMMON = "Common options"
EXIT_CODES = {
    0: "ok",
    1: "the run failed; or it ended, and was not what watch --until waits for",
    2: "usage: a flag or a setting makes no sense",
    3: "the API can't be reached, or refused",
    4: "no credential, or no permission",
    5: "not found",
    6: "conflict: it was answered already, or another process has the journal",
    7: "outcome unknown: sent, and the answer was lost",
    8: "timed out",
    9: "storage: a file, or the output, can't be read or written: disk full, read-only, damaged, or no journal",
    70: "a mistake of the program's own; the line says where its report is",
    129: "ended by SIGHUP, or the terminal is gone",
    130: "interrupted",
    131: "ended by SIGQUIT",
    143: "ended by SIGTERM",
}


class Command(TyperCommand):
    """A command."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments, own options, examples; then the options that all commands share."""
        _options(ctx.command_path.partition(" ")[2], self.get_params(ctx), ctx, formatter)


class Group(TyperGroup):
    """The program itself, without a command, or some commands under one name."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """What it does comes before how."""
        self.format_commands(ctx, formatter)
        if ctx.parent is not None:
            return
        _options("", self.get_params(ctx), ctx, formatter)
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), means) for code, means in EXIT_CODES.items()])


def commands(group: TyperGroup, under: str = "") -> dict[str, Any]:
    """All commands of a group, and of groups in it, by what is typed for them."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        typed = f"{under}{name}"
        found |= commands(command, f"{typed} ") if isinstance(command, TyperGroup) else {typed: command}
    return found


def sections(params: Sequence[Any]) -> dict[str, list[Any]]:
    """The parameters of a command by what they are."""
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
