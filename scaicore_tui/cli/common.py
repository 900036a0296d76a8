"""The flags that all commands share, taken before or after the command's name."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from scaicore_tui.cli import diagnostics

PANEL = "Common"
DEFAULT_BACKFILL = 5_000


def _flag(help_text: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=help_text, rich_help_panel=PANEL, **more)


@dataclass(frozen=True)
class Common:
    """What was said of them; None or False is unsaid."""

    url: Annotated[str | None, _flag("The API's address. [SCAICORE_TUI_URL]")] = None
    api: Annotated[str | None, _flag("scaiflow or scaigrid. [SCAICORE_TUI_API]")] = None
    profile: Annotated[str | None, _flag("A profile of the configuration file. [SCAICORE_TUI_PROFILE]")] = None
    core: Annotated[str | None, _flag("Only this Core.")] = None
    interval: Annotated[float | None, _flag("Seconds between two polls. [5]", min=0.1)] = None
    journal: Annotated[Path | None, _flag("The journal's file.")] = None
    no_journal: Annotated[bool, _flag("Keep nothing after the end.", "--no-journal")] = False
    backfill: Annotated[int | None, _flag("How many past events to read at the start. [5000]", min=0)] = None
    read_only: Annotated[bool, _flag("Never write.", "--read-only")] = False
    ascii: Annotated[bool, _flag("Plain signs instead of glyphs.", "--ascii")] = False
    no_color: Annotated[bool, _flag("No colours. [NO_COLOR]", "--no-color")] = False
    quiet: Annotated[bool, _flag("Say nothing but errors.", "--quiet")] = False

    def over(self, outer: Common) -> Common:
        """These flags, and those said before the command's name where these are silent."""
        return Common(**{field.name: getattr(self, field.name) or getattr(outer, field.name) for field in fields(self)})


def takes_common(command: Callable[..., int | None]) -> Callable[..., None]:
    """Give a command with a parameter `common` the shared flags, and turn its result into the exit code."""
    own = [p for p in inspect.signature(command).parameters.values() if p.name != "common"]
    hints = get_type_hints(Common, include_extras=True)
    shared = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(Common)
    ]

    @functools.wraps(command)
    def wrapped(context: typer.Context, **values: Any) -> None:
        said = Common(**{parameter.name: values.pop(parameter.name) for parameter in shared})
        common = said.over(context.obj) if isinstance(context.obj, Common) else said
        context.obj = common
        if context.invoked_subcommand is None:
            diagnostics.hush(common.quiet)
            raise typer.Exit(diagnostics.guarded(lambda: command(common=common, **values)))

    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    parameters = [context, *(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own), *shared]
    wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    own_hints = get_type_hints(command, include_extras=True)
    wrapped.__annotations__ = {p.name: own_hints.get(p.name, p.annotation) for p in parameters}
    return wrapped
