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
    shared = {field.name: field.default for field in fields(Common)}

    @functools.wraps(command)
    def wrapped(context: typer.Context, **values: Any) -> None:
        said = Common(**{name: values.pop(name) for name in shared})
        common = said.over(context.obj) if isinstance(context.obj, Common) else said
        context.obj = common
        if context.invoked_subcommand is None:
            diagnostics.hush(common.quiet)
            raise typer.Exit(diagnostics.guarded(lambda: command(common=common, **values)))

    parameters = [_parameter("context", typer.Context), *_own_parameters(command), *_shared_parameters()]
    wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return wrapped


def _own_parameters(command: Callable[..., int | None]) -> list[inspect.Parameter]:
    hints = get_type_hints(command, include_extras=True)
    own = (p for p in inspect.signature(command).parameters.values() if p.name != "common")
    return [_parameter(p.name, hints[p.name], p.default) for p in own]


def _shared_parameters() -> list[inspect.Parameter]:
    hints = get_type_hints(Common, include_extras=True)
    return [_parameter(field.name, hints[field.name], field.default) for field in fields(Common)]


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
