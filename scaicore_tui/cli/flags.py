"""The flags that all commands share. Reading them needs no typer: it is needed only where a command line is parsed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

from msgspec import Struct
from msgspec.structs import replace

DEFAULT_BACKFILL = 5_000


def _flag(help_text: str, *names: str, completes: str = "", **more: Any) -> Any:
    import typer

    from scaicore_tui.cli import completing

    complete = getattr(completing, completes) if completes else None
    return typer.Option(*names, help=help_text, show_default=False, autocompletion=complete, **more)


class Common(Struct, frozen=True):
    """What was said of them; None or False is unsaid."""

    url: Annotated[str | None, _flag("The API's address. [SCAICORE_TUI_URL]", metavar="URL")] = None
    api: Annotated[str | None, _flag("scaiflow or scaigrid. [SCAICORE_TUI_API]", metavar="API", completes="apis")] = (
        None
    )
    profile: Annotated[
        str | None,
        _flag("A profile of the configuration file. [SCAICORE_TUI_PROFILE]", metavar="NAME", completes="profiles"),
    ] = None
    token_file: Annotated[Path | None, _flag("Holds the token, readable by you alone.", metavar="FILE")] = None
    core: Annotated[str | None, _flag("Only this Core.", metavar="ID", completes="cores")] = None
    interval: Annotated[float | None, _flag("Between two polls. [5]", metavar="SECONDS", min=0.1)] = None
    journal: Annotated[Path | None, _flag("The journal's file.", metavar="FILE")] = None
    no_journal: Annotated[bool, _flag("Keep nothing after the end.", "--no-journal")] = False
    backfill: Annotated[int | None, _flag("How many past events to read at the start. [5000]", metavar="N", min=0)] = (
        None
    )
    offline: Annotated[bool, _flag("Show a journal, and ask no server.", "--offline")] = False
    read_only: Annotated[bool, _flag("Never write.", "--read-only")] = False
    ascii: Annotated[bool, _flag("Plain signs instead of glyphs.", "--ascii")] = False
    no_color: Annotated[bool, _flag("No colours. [NO_COLOR]", "--no-color")] = False
    low_bandwidth: Annotated[bool, _flag("For a bad link: few colours, few ticks, no mouse.", "--low-bandwidth")] = (
        False
    )
    notify: Annotated[bool, _flag("Ring when a run fails, or one waits for a person.", "--notify")] = False
    quiet: Annotated[bool, _flag("Say nothing but errors.", "--quiet")] = False

    def over(self, outer: Common) -> Common:
        """These flags, and those said before the command's name where these are silent."""
        said = {name: value for name in self.__struct_fields__ if not is_unsaid(value := getattr(self, name))}
        return replace(outer, **said)


def is_unsaid(value: object) -> bool:
    """Whether a flag has that value where nothing was said: 0 is something."""
    return value is None or value is False


_KINDS: dict[str, Callable[[str], object]] = {"interval": float, "backfill": int, "journal": Path, "token_file": Path}
_LEAST = {"interval": 0.1, "backfill": 0}


def read_plain(arguments: Sequence[str]) -> Common | None:
    """What the shared flags say, where nothing but them is said, and plainly; None where typer has to look.

    The app then need not wait for typer, which takes a tenth of its start.
    """
    said: dict[str, object] = {}
    left = list(arguments)
    while left:
        flag = left.pop(0)
        name = flag.removeprefix("--").replace("-", "_")
        if not flag.startswith("--") or name not in _DEFAULTS:
            return None
        if _DEFAULTS[name] is False:
            said[name] = True
        elif left and not left[0].startswith("-"):
            said[name] = _value(name, left.pop(0))
        if said.get(name) is None:
            return None
    return Common(**said)  # type: ignore[arg-type]


_DEFAULTS = dict(zip(Common.__struct_fields__, Common.__struct_defaults__, strict=True))


def _value(name: str, text: str) -> object:
    """What `text` is as a value of that flag; None where it is none."""
    try:
        value = _KINDS.get(name, str)(text)
    except ValueError:
        return None
    return value if name not in _LEAST or value >= _LEAST[name] else None  # type: ignore[operator]
