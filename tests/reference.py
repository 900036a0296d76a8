"""The reference of the command line, made from its own help: `python -m tests.reference` writes it into the README, and
the manual page that packages ship."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from scaicore_tui.cli.app import app
from scaicore_tui.cli.examples import EXAMPLES
from scaicore_tui.cli.help import COMMON, EXIT_CODES, commands, sections

ROOT = Path(__file__).parents[1]
README, MANUAL = ROOT / "README.md", ROOT / "scaicore_tui" / "cli" / "man" / "scaicore-tui.1"
GROUP: Any = get_command(app)
COMMANDS = commands(GROUP)


def section(mark: str, text: str | None = None) -> list[str]:
    """The lines that stand in the README between a mark and its end."""
    text = README.read_text(encoding="utf-8") if text is None else text
    return text.partition(f"<!-- {mark} -->\n")[2].partition(f"<!-- /{mark} -->")[0].strip().splitlines()


def command_table() -> list[str]:
    """All commands with their own arguments and options, as a table of Markdown."""
    rows = [f"| `{_cell(_synopsis(name, command))}` | {_told(command)} |" for name, command in COMMANDS.items()]
    return ["| command | does |", "|---|---|", "| `scaicore-tui` | Open the app. |", *rows]


def option_table() -> list[str]:
    """The options that all commands share."""
    rows = [f"| `{usage}` | {does} |" for usage, does in _records(sections(GROUP.params)[COMMON])]
    return ["| option | means |", "|---|---|", *rows]


def exit_table() -> list[str]:
    """The exit codes."""
    return ["| code | means |", "|---|---|", *(f"| {code} | {means} |" for code, means in EXIT_CODES.items())]


FILES = (
    ("~/.config/scaicore-tui/config.toml", "Profiles. Another folder where XDG_CONFIG_HOME says so."),
    ("~/.local/state/scaicore-tui/*.journal", "The journal of each profile. XDG_STATE_HOME says where else."),
    ("~/.local/state/scaicore-tui/ledger.jsonl", "The writes of the last 90 days from this machine."),
)
TABLES = {"commands": command_table, "options": option_table, "exit codes": exit_table}


def manual() -> str:
    """The manual page, as roff."""
    return "\n".join(_manual()) + "\n"


def _manual() -> Iterator[str]:
    yield from ('.TH SCAICORE\\-TUI 1 "" "scaicore\\-tui" "User Commands"', ".SH NAME")
    yield "scaicore\\-tui \\- keyboard\\-driven terminal debugger for live ScaiCore runs"
    yield from (".SH SYNOPSIS", ".B scaicore\\-tui", "[\\fIcommand\\fR] [\\fIoptions\\fR]", ".SH DESCRIPTION")
    yield from _paragraphs(_help(GROUP))
    yield from ("Standard output is data, standard error is talk.", ".SH COMMANDS")
    for name, command in COMMANDS.items():
        yield f".SS {_roff(_synopsis(name, command))}"
        yield from _paragraphs(_help(command))
        parts = sections(command.params)
        yield from _list(_records([*parts["Arguments"], *parts["Options"]]))
        yield from _examples(name)
    yield ".SH OPTIONS"
    yield "All commands take these, before or after their names."
    yield from _list(_records(sections(GROUP.params)[COMMON]))
    yield from (".SH EXIT STATUS", *_list((str(code), means) for code, means in EXIT_CODES.items()))
    yield from (".SH ENVIRONMENT", *_list(_variables()), ".SH FILES")
    yield from _list(FILES)
    yield from (".SH EXAMPLES", *_examples(""))


def _synopsis(name: str, command: Any) -> str:
    """Its name, arguments and own options: those in brackets need not be there."""
    parts = sections(command.params)
    arguments = [param.metavar for param in parts["Arguments"]]
    return " ".join([name, *arguments, *map(_option, _shown(parts["Options"]))])


def _option(param: Any) -> str:
    usage = _records([param])[0][0].rpartition(", ")[2]
    return usage if param.required else f"[{usage}]"


def _shown(params: Iterable[Any]) -> list[Any]:
    return [param for param in params if not param.hidden and param.name != "help"]


def _records(params: Iterable[Any]) -> list[tuple[str, str]]:
    """What the help says of each: how it is written, and what it does."""
    context = GROUP.make_context("scaicore-tui", [], resilient_parsing=True)
    found = (param.get_help_record(context) for param in params)
    return [(re.sub(r" <\w+>", "", usage), does) for usage, does in filter(None, found)]


def _help(command: Any) -> str:
    return inspect.cleandoc(command.help)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _told(command: Any) -> str:
    return " ".join(_help(command).split())


def _variables() -> Iterator[tuple[str, str]]:
    yield from ((_words(name), _words(what)) for name, what in _cells(section("variables")[2:]))


def _cells(rows: Iterable[str]) -> Iterator[tuple[str, str]]:
    for row in rows:
        first, second = row.strip("| ").split(" | ", 1)
        yield first, second


def _words(markdown: str) -> str:
    return markdown.replace("`", "").replace("\\|", "|")


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        yield ".PP"
        yield _roff(_words(" ".join(paragraph.split())))


def _list(records: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, text in records:
        yield ".TP"
        yield f".B {_roff(term)}"
        yield _roff(text)


def _examples(name: str) -> Iterator[str]:
    for line, does in EXAMPLES[name]:
        yield from (".PP", f"{_roff(does[0].upper() + does[1:])}:", ".PP", ".RS 4", ".nf", _roff(line), ".fi", ".RE")


def _roff(text: str) -> str:
    """Text that means itself: hyphens that can be copied, and no line that is an order."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def write() -> None:
    """Bring README and manual up to date."""
    text = README.read_text(encoding="utf-8")
    for mark, table in TABLES.items():
        begin, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->"
        head, _, rest = text.partition(begin)
        text = f"{head}{begin}{chr(10).join(table())}\n{end}{rest.partition(end)[2]}"
    README.write_text(text, encoding="utf-8")
    MANUAL.parent.mkdir(exist_ok=True)
    MANUAL.write_text(manual(), encoding="utf-8")


if __name__ == "__main__":
    write()
