"""The README is short, and the files, commands, keys and exit codes that it names exist."""

from __future__ import annotations

import re
import shlex
from itertools import takewhile

import pytest
import typer.testing

from scaicore_tui.cli.help import EXIT_CODES
from scaicore_tui.cli.main import app
from scaicore_tui.tui.key_contexts import LISTS, KeyContext
from scaicore_tui.tui.keymap import ACTIONS
from tests.docs.reference import README, ROOT

TEXT = README.read_text(encoding="utf-8")
MAX_LINES = 200
SHELL_OPERATORS = {"|", ">", "&&", "#"}


def chapter(title: str) -> str:
    """Return the text under a heading."""
    return TEXT.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_readme_is_short() -> None:
    assert len(TEXT.splitlines()) <= MAX_LINES


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(test_\w+\.py)`", TEXT))))
def test_each_test_that_proves_a_promise_exists_once(name: str) -> None:
    assert len([*(ROOT / "tests").rglob(name)]) == 1


def test_each_promise_names_a_test() -> None:
    rows = re.findall(r"^\| \*\*.*$", chapter("Promises"), re.MULTILINE)
    assert len(rows) >= 5
    assert all(re.search(r"`test_\w+\.py`", row) for row in rows)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([a-z_]+/[a-z_/.]*)`", chapter("How it is built")))))
def test_each_path_of_the_program_exists(path: str) -> None:
    """Paths in the description of the program are relative to the package."""
    assert path == "scaicore_tui/" or (ROOT / "scaicore_tui" / path).exists()


@pytest.mark.parametrize("path", re.findall(r"\]\(([^):]+)\)", TEXT))
def test_each_picture_exists(path: str) -> None:
    assert (ROOT / path).is_file()


def test_the_keys_of_the_table_exist() -> None:
    """Each key of the table is a key of the lists or of the inbox."""
    shown = [action for action in ACTIONS if action.contexts & (LISTS | {KeyContext.INBOX})]
    known = {key for action in shown for key in (*action.keys, *action.key_names.split())}
    rows = re.findall(r"^\| (`.+?) \|", chapter("The most important keys"), re.MULTILINE)
    keys = [key for row in rows for key in re.findall(r"`(.+?)`", row)]
    assert len(keys) >= 12
    assert set(keys) <= known


def test_the_five_keys_work_in_the_view_where_they_are_pressed() -> None:
    """The first two are pressed in the list of runs, the others in the view of a run."""
    keys = re.findall(r"^\d\. `(.+?)`", chapter("Find out why a run failed, in five keys"), re.MULTILINE)
    contexts = [KeyContext.RUNS, KeyContext.RUNS, KeyContext.DETAIL, KeyContext.DETAIL, KeyContext.DETAIL]
    for key, context in zip(keys, contexts, strict=True):
        assert [action for action in ACTIONS if context in action.contexts and key in action.key_names.split()]


@pytest.mark.parametrize(
    "line", re.findall(r"^(?:\.venv/bin/)?(scaicore-tui .*)$", TEXT, re.MULTILINE), ids=lambda line: line[:30]
)
def test_each_command_is_a_valid_command_line(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parse the command without running it."""
    monkeypatch.setattr("scaicore_tui.cli.output.stderr.run_guarded", lambda command: 0)
    words = [*takewhile(lambda word: word not in SHELL_OPERATORS, shlex.split(line))][1:]
    done = typer.testing.CliRunner().invoke(app, words)
    assert (done.exit_code, done.output) == (0, "")


def test_the_exit_codes_match_those_of_the_manual() -> None:
    named = {int(code) for code in re.findall(r"(?:Exit codes: |· )(\d+) ", " ".join(chapter("Scripting").split()))}
    assert named - {128} == {code for code in EXIT_CODES if code < 128}


def test_the_commands_for_demo_and_tests_are_marked() -> None:
    """The continuous integration runs the command under this mark."""
    for mark, text in (("demo", "scaicore-tui demo"), ("tests", "-m pytest")):
        command = TEXT.partition(f"<!-- {mark} -->\n```sh\n")[2].partition("\n```")[0]
        assert text in command
        assert "\n" not in command
