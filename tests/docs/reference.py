"""The parts of the manual pages that come from the program: commands, options, keys, settings, exit codes.

Each stands between `<!-- NAME -->` and `<!-- /NAME -->` in a page. `python -m tests.docs` rewrites them, and the roff
files made from the pages; tests compare them.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from typer.main import get_command

from scaicore_tui.analysis.query import CHECKPOINTS, EVENTS, RUNS, Subject
from scaicore_tui.cli import manual
from scaicore_tui.cli.help import COMMON, EXAMPLES, EXIT_CODES, commands, sections
from scaicore_tui.cli.main import app
from scaicore_tui.config.profile_docs import ALERT_KEYS, KEYS, UI_KEYS, KeyDoc
from scaicore_tui.store.read_sql import COLUMNS
from scaicore_tui.tui.key_contexts import READING, KeyAction, KeyContext
from scaicore_tui.tui.keymap import ACTIONS, default_actions_in
from tests.docs.roff import roff

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
GROUP: Any = get_command(app)
COMMANDS = commands(GROUP)
# Headings of the key contexts.
CONTEXTS = {
    KeyContext.RUNS: "List of runs",
    KeyContext.NODES: "Steps of the selected run",
    KeyContext.CHECKPOINTS: "List of checkpoints, on the main screen",
    KeyContext.CAUSES: "Failures by cause",
    KeyContext.DETAIL: "View of a run",
    KeyContext.COMPARE: "Comparison of two runs",
    KeyContext.INBOX: "Inbox",
    KeyContext.FORM: "Inbox, form",
    KeyContext.ANSWER: "Answer dialog",
    KeyContext.COMMENT: "Comment, in the inbox and in the answer dialog",
    KeyContext.BULK: "Dialog for several checkpoints",
    KeyContext.RESULTS: "Results of several answers",
    KeyContext.REPLAY: "Replay dialog",
    KeyContext.REPLAY_ALL: "Replay dialog of marked runs",
    KeyContext.REPLAYS: "Replays of marked runs",
    KeyContext.INPUT: "Replay dialog, input",
    KeyContext.ENTITY: "Replay dialog, entity",
    KeyContext.TYPING_OUT: "Typed confirmation",
    KeyContext.PROFILES: "List of profiles",
    KeyContext.FILE: "Writing a file",
    KeyContext.HELP: "Help",
    KeyContext.WELCOME: "Start screen without a configuration",
}


def section(text: str, mark: str) -> list[str]:
    """Return the lines between a mark and its end mark."""
    return text.partition(f"<!-- {mark} -->\n")[2].partition(f"<!-- /{mark} -->")[0].strip("\n").splitlines()


def synopsis(name: str) -> str:
    """Return a command with its arguments and own options; optional ones are in brackets."""
    parts = sections(COMMANDS[name].params)
    arguments = [param.metavar for param in parts["Arguments"]]
    return " ".join([name, *arguments, *map(_option, shown(parts["Options"]))])


def shown(params: Iterable[Any]) -> list[Any]:
    """Return the options that the help shows, without those that show it."""
    return [param for param in params if not param.hidden and param.name not in ("help", "help_all")]


def command_reference() -> Iterator[str]:
    """Yield a subsection for each command."""
    for name, command in COMMANDS.items():
        yield from (f"### {synopsis(name)}", "", *_help(command).splitlines(), "")
        parts = sections(command.params)
        yield from _definitions(_records([*parts["Arguments"], *shown(parts["Options"])]))
        yield from _examples(name)


def common_options() -> Iterator[str]:
    """Yield the options that all commands share."""
    yield from _definitions(_records(sections(GROUP.params)[COMMON]))


def exit_codes() -> Iterator[str]:
    """Yield the exit codes."""
    yield from _definitions((str(code), meaning) for code, meaning in EXIT_CODES.items())


def program_examples() -> Iterator[str]:
    """Yield the examples of the program without a command."""
    yield from _examples("")


def serve_options() -> Iterator[str]:
    """Yield the options of `serve`."""
    yield from _definitions(_records(shown(sections(COMMANDS["serve"].params)["Options"])))


def config_keys(docs: Mapping[str, KeyDoc]) -> Callable[[], Iterator[str]]:
    """Return a function that yields all keys of a table, each with an example."""
    return lambda: _definitions(
        (key.line(name), f"{key.meaning[0].upper()}{key.meaning[1:]}.") for name, key in docs.items()
    )


def keys() -> Iterator[str]:
    """Yield the keys: those of all lists and views first, then the others of each key context."""
    everywhere = [action for action in ACTIONS if action.contexts >= READING]
    yield from ("### In all lists and views", "", *_definitions(map(_key, everywhere)))
    for context in KeyContext:
        own = [action for action in ACTIONS if context in action.contexts and action not in everywhere]
        yield from (f"### {CONTEXTS[context]}", "", *_definitions(map(_key, own)))


def actions() -> Iterator[str]:
    """Yield the names of the actions that the configuration can change, with their keys: first those of all lists."""
    shared = {action.id for action in ACTIONS if action.contexts >= READING}
    in_lists = [action for action in default_actions_in(KeyContext.RUNS) if action.id in shared]
    yield from _definitions([("In all lists and views", _named_actions(in_lists))])
    for context in KeyContext:
        found = default_actions_in(context)
        own = [action for action in found if context not in READING or action.id not in shared]
        yield from _definitions([(context.config_name, _named_actions(own))])


def _named_actions(listed: Iterable[KeyAction]) -> str:
    keys_by_name: dict[str, list[str]] = {}
    for action in listed:
        if not action.takes_key:
            keys_by_name.setdefault(action.config_name, []).append(action.key_names)
    return ", ".join(f"{name} ({' '.join(shown)})" for name, shown in keys_by_name.items()) + "."


def fields(subject: Subject) -> Callable[[], Iterator[str]]:
    """Return a function that yields the fields of a subject of queries."""

    def records() -> Iterator[tuple[str, str]]:
        for field in subject.fields.values():
            words = f"; {', '.join(field.choices)}" if field.choices else ""
            slow = "; slow" if field.is_dear else ""
            yield field.name, f"{field.meaning[0].upper()}{field.meaning[1:]} ({field.kind}{slow}{words})."

    return lambda: _definitions(records())


def sql_views() -> Iterator[str]:
    """Yield the views of `sql` with their columns."""
    yield from _definitions((name, f"{', '.join(columns)}.") for name, columns in COLUMNS.items())


GENERATED: Mapping[str, Mapping[str, Callable[[], Iterator[str]]]] = {
    "": {
        "commands": command_reference,
        "common options": common_options,
        "exit codes": exit_codes,
        "examples": program_examples,
    },
    "keys": {"keys": keys, "actions": actions},
    "queries": {
        "runs": fields(RUNS),
        "events": fields(EVENTS),
        "checkpoints": fields(CHECKPOINTS),
        "sql": sql_views,
    },
    "config": {"profile": config_keys(KEYS), "ui": config_keys(UI_KEYS), "alert": config_keys(ALERT_KEYS)},
    "serve": {"options": serve_options},
}


def current(topic: str) -> str:
    """Return the text of a page with its generated parts up to date."""
    text = manual.source(topic)
    for mark, make in GENERATED[topic].items():
        begin, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->"
        head, _, rest = text.partition(begin)
        text = f"{head}{begin}{chr(10).join(make()).strip(chr(10))}\n{end}{rest.partition(end)[2]}"
    return text


def write() -> None:
    """Rewrite the generated parts of all pages, and the roff files."""
    for topic, name in manual.PAGES.items():
        text = current(topic)
        (manual.FOLDER / f"{name}.md").write_text(text, encoding="utf-8")
        (manual.FOLDER / name).write_text(roff(name, text), encoding="utf-8")


def _option(param: Any) -> str:
    usage = _records([param])[0][0].rpartition(", ")[2]
    return usage if param.required else f"[{usage}]"


def _records(params: Iterable[Any]) -> list[tuple[str, str]]:
    """Return usage and description of each parameter, as the help shows them."""
    context = GROUP.make_context("scaicore-tui", [], resilient_parsing=True)
    found = (param.get_help_record(context) for param in params)
    return [(re.sub(r" <\w+>", "", usage), text) for usage, text in filter(None, found)]


def _help(command: Any) -> str:
    return inspect.cleandoc(command.help)


def _key(action: KeyAction) -> tuple[str, str]:
    return action.key_names, f"{action.description}{' (writes)' if action.writes else ''}"


def _definitions(records: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, text in records:
        yield from (f"**{term}**", f": {' '.join(text.split())}", "")


def _examples(name: str) -> Iterator[str]:
    for line, description in EXAMPLES[name]:
        yield from (f"{description[0].upper()}{description[1:]}:", "", "```", line, "```", "")
