"""The manual pages are up to date and complete, and their roff is valid."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from scaicore_tui import errors
from scaicore_tui.cli import manual
from scaicore_tui.cli.help import EXIT_CODES, sections
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output.stderr import EXIT_INTERNAL_ERROR
from scaicore_tui.cli.runner import ENDING_SIGNALS
from scaicore_tui.config.profile_docs import KEYS
from scaicore_tui.runs.status_style import BREAKPOINT, GAP, NODE_STYLES, REVIEW, RUN_STYLES, StatusStyle
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import ACTIONS
from tests.docs.reference import CONTEXTS, GENERATED, GROUP, current, section, shown, synopsis
from tests.docs.roff import roff

HINT = "python -m tests.docs brings the pages up to date"


@pytest.mark.parametrize("topic", manual.PAGES)
def test_generated_parts_are_up_to_date(topic: str) -> None:
    assert manual.source(topic) == current(topic), HINT


@pytest.mark.parametrize("topic", manual.PAGES)
def test_roff_files_are_up_to_date(topic: str) -> None:
    name = manual.PAGES[topic]
    assert (manual.FOLDER / name).read_text(encoding="utf-8") == roff(name, manual.source(topic)), HINT


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
@pytest.mark.parametrize("topic", manual.PAGES)
def test_roff_has_no_warnings_and_the_same_text(topic: str) -> None:
    page = manual.FOLDER / manual.PAGES[topic]
    done = subprocess.run(
        ["groff", "-man", "-Kutf8", "-Tutf8", "-ww", "-P-c", str(page)],
        capture_output=True,
        encoding="utf-8",
        check=True,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert done.stderr == ""
    printed = "".join(re.sub(".\b", "", done.stdout).split())
    expected = manual.render(manual.source(topic), 80)
    missing = [line for line in expected.splitlines() if "".join(line.split()).removeprefix("-") not in printed]
    assert not missing


def test_every_command_and_option_is_in_the_manual() -> None:
    page = manual.source("")
    for name, command in GROUP.commands.items():
        assert f"### {name}" in page
        if name != "config":
            assert all(param.opts[0] in synopsis(name) for param in shown(sections(command.params)["Options"]))
    options = "\n".join(section(page, "common options"))
    assert not [name for name in Common.__struct_fields__ if f"**--{name.replace('_', '-')}" not in options]


def test_no_generated_part_is_empty() -> None:
    assert all(section(manual.source(topic), mark) for topic, parts in GENERATED.items() for mark in parts)


def test_every_key_action_is_in_the_manual() -> None:
    assert set(CONTEXTS) == set(KeyContext)
    shown_keys = "\n".join(section(manual.source("keys"), "keys"))
    assert not [action for action in ACTIONS if f"**{action.key_names}**\n: {action.description}" not in shown_keys]


@pytest.mark.parametrize("name", KEYS)
def test_every_key_of_a_profile_is_in_the_manual(name: str) -> None:
    assert f"**{KEYS[name].line(name)}**" in manual.source("config")


@pytest.mark.parametrize(
    "style", [*RUN_STYLES.values(), *NODE_STYLES.values(), BREAKPOINT, REVIEW, GAP], ids=lambda style: style.word
)
def test_every_status_glyph_is_in_the_manual(style: StatusStyle) -> None:
    assert f"**{style.glyph} ({style.ascii}) {style.colour}**" in manual.source("keys")


def test_exit_codes_match_those_of_errors_and_signals() -> None:
    kinds = [error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, Exception)]
    codes = {kind.exit_code for kind in kinds}  # type: ignore[attr-defined]
    assert codes | {0, EXIT_INTERNAL_ERROR} | {128 + number for number in ENDING_SIGNALS} == set(EXIT_CODES)


def test_text_is_wrapped_at_the_width_and_option_names_are_not_broken() -> None:
    text = (
        "# A\n\nSome words and `--a-long-option-name` in a row.\n\n- one\n- two\n\n**a term that is long**\n: its text"
    )
    assert manual.render(text, 30).splitlines() == [
        "A",
        "",
        "    Some words and",
        "    --a-long-option-name in a",
        "    row.",
        "",
        "    - one",
        "    - two",
        "",
        "    a term that is long",
        "        its text",
    ]


def test_headings_and_terms_can_be_bold() -> None:
    shown_page = manual.render("# A\n\n**x**\n: its text\n", 40, bold=True)
    assert shown_page == "\x1b[1mA\x1b[22m\n\n    \x1b[1mx\x1b[22m             its text\n"
