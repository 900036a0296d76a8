"""Add the common options to the commands; they can stand before or after the command's name."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer
from msgspec.structs import replace

from scaicore_tui.cli.command_log import run_command
from scaicore_tui.cli.help import show_all
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stderr, stdout, streams
from scaicore_tui.cli.output.stdout import use_colour

HELP_ALL = "help_all"
# How a link begins.
SCHEME = "scai:"


def takes_common(command: Callable[..., int | None]) -> Callable[..., None]:
    """Add the common options to a command with a parameter `common`, and exit with the code that it returns."""

    @functools.wraps(command)
    def wrapped(context: typer.Context, **values: Any) -> None:
        values.pop(HELP_ALL)
        given = Common(**{name: values.pop(name) for name in Common.__struct_fields__})
        common = given.merge(context.obj) if isinstance(context.obj, Common) else given
        context.obj = common
        if context.invoked_subcommand is not None and values.get("flow") is not None:
            raise typer.BadParameter(
                "before a command it has no meaning; show takes it after its name", param_hint="--flow"
            )
        if context.invoked_subcommand is None:
            stderr.set_quiet(common.quiet)
            stdout.enable_colour(use_colour(common.no_color))
            if not streams.can_encode_glyphs(sys.stdout):
                common = replace(common, ascii=True)
            name = context.command_path.partition(" ")[2] or "app"
            raise typer.Exit(run_command(common, name, lambda: _run(command, common, values)))

    parameters = [
        _parameter("context", typer.Context),
        *_own_parameters(command),
        *_shared_parameters(),
        _parameter(HELP_ALL, Annotated[bool, _show_all_option()], default=False),
    ]
    wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return wrapped


def _run(command: Callable[..., int | None], common: Common, values: dict[str, Any]) -> int | None:
    """Run a command, with ids in place of links."""
    if SCHEME in f"{values}":
        from scaicore_tui.cli.links import follow_links

        common, values = follow_links(common, values)
    return command(common=common, **values)


def _show_all_option() -> Any:
    return typer.Option(
        "--help-all",
        is_eager=True,
        callback=show_all,
        show_default=False,
        help="Show this message with all options and exit.",
    )


def _own_parameters(command: Callable[..., int | None]) -> list[inspect.Parameter]:
    hints = get_type_hints(command, include_extras=True)
    own = (p for p in inspect.signature(command).parameters.values() if p.name != "common")
    return [_parameter(p.name, hints[p.name], p.default) for p in own]


def _shared_parameters() -> list[inspect.Parameter]:
    hints = get_type_hints(Common, include_extras=True)
    shared = zip(Common.__struct_fields__, Common.__struct_defaults__, strict=True)
    return [_parameter(name, hints[name], default) for name, default in shared]


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
