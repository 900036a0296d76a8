"""Define the options that all commands share. Reading plain ones needs no typer, which takes time to import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.config.journal_url import parse_journal

if TYPE_CHECKING:
    from scaicore_tui.config.journal_url import JournalLocation
else:
    # typer knows no unions: the parser of the option makes either.
    JournalLocation = Path

DEFAULT_BACKFILL = 5_000


def _flag(help_text: str, *names: str, completes: str = "", **more: Any) -> Any:
    import typer

    from scaicore_tui.cli import completion

    complete = getattr(completion, completes) if completes else None
    return typer.Option(*names, help=help_text, show_default=False, autocompletion=complete, **more)


class Common(Struct, frozen=True):
    """Values of the common options; None or False means not given."""

    url: Annotated[str | None, _flag("Address of the API. [SCAICORE_TUI_URL]", metavar="URL")] = None
    api: Annotated[str | None, _flag("scaiflow or scaigrid. [SCAICORE_TUI_API]", metavar="API", completes="apis")] = (
        None
    )
    profile: Annotated[
        str | None,
        _flag("Profile to use. [SCAICORE_TUI_PROFILE]", metavar="NAME", completes="profiles"),
    ] = None
    token_file: Annotated[Path | None, _flag("File with the token; only you may read it.", metavar="FILE")] = None
    core: Annotated[str | None, _flag("Show only this Core.", metavar="ID", completes="cores")] = None
    interval: Annotated[float | None, _flag("Time between two polls. [5]", metavar="SECONDS", min=0.1)] = None
    journal: Annotated[
        JournalLocation | None,
        _flag("Journal to use: a file, or a PostgreSQL URL.", metavar="FILE", parser=parse_journal),
    ] = None
    no_journal: Annotated[bool, _flag("Keep the journal in memory only.", "--no-journal")] = False
    backfill: Annotated[int | None, _flag("Past events to read at the start. [5000]", metavar="N", min=0)] = None
    offline: Annotated[bool, _flag("Show recorded events; contact no server.", "--offline")] = False
    read_only: Annotated[bool, _flag("Turn off everything that writes.", "--read-only")] = False
    ascii: Annotated[bool, _flag("Use ASCII characters instead of glyphs.", "--ascii")] = False
    no_color: Annotated[bool, _flag("Use no colours. [NO_COLOR]", "--no-color")] = False
    low_bandwidth: Annotated[bool, _flag("Send less to the terminal, for slow links.", "--low-bandwidth")] = False
    notify: Annotated[bool, _flag("Bell and notification on failure or new checkpoint.", "--notify")] = False
    quiet: Annotated[bool, _flag("Only print errors.", "--quiet")] = False
    log: Annotated[
        Path | None, _flag("Write a log of what the program does, without data and tokens.", metavar="FILE")
    ] = None

    def merge(self, outer: Common) -> Common:
        """Return these options, completed by those given before the command's name."""
        given = {name: value for name in self.__struct_fields__ if not is_unset(value := getattr(self, name))}
        return replace(outer, **given)


def is_unset(value: object) -> bool:
    """Return whether an option with this value was not given. 0 is a given value."""
    return value is None or value is False


_CONVERTERS: dict[str, Callable[[str], object]] = {
    "interval": float,
    "backfill": int,
    "journal": parse_journal,
    "token_file": Path,
    "log": Path,
}
_MINIMUMS = {"interval": 0.1, "backfill": 0}


def parse_fast(arguments: Sequence[str]) -> Common | None:
    """Parse arguments that are only common options in their plain form; return None if typer has to parse them.

    This saves importing typer, which takes a tenth of the app's start.
    """
    given: dict[str, object] = {}
    remaining = list(arguments)
    while remaining:
        flag = remaining.pop(0)
        name = flag.removeprefix("--").replace("-", "_")
        if not flag.startswith("--") or name not in _DEFAULTS:
            return None
        if _DEFAULTS[name] is False:
            given[name] = True
        elif remaining and not remaining[0].startswith("-"):
            given[name] = _value(name, remaining.pop(0))
        if given.get(name) is None:
            return None
    return Common(**given)  # type: ignore[arg-type]


_DEFAULTS = dict(zip(Common.__struct_fields__, Common.__struct_defaults__, strict=True))


def _value(name: str, text: str) -> object:
    """Convert `text` to the type of the option `name`; return None if that is not possible."""
    try:
        value = _CONVERTERS.get(name, str)(text)
    except ValueError:
        return None
    return value if name not in _MINIMUMS or value >= _MINIMUMS[name] else None  # type: ignore[operator]
