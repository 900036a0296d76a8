"""Options that all commands accept, profiles, and the modules that short commands do not import."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import typer.testing

from scaicore_tui import __version__
from scaicore_tui.cli.main import app
from scaicore_tui.cli.options import Common, parse_fast
from tests.support.program import Demo, Program, loaded_modules

HEAVY = {"textual", "httpx", "pydantic", "starlette", "uvicorn"}


def test_the_version_is_printed_without_importing_the_program(program: Program) -> None:
    printed, modules = loaded_modules(program, "--version")
    assert printed == f"scaicore-tui {__version__}\n"
    assert "scaicore_tui" in modules
    assert not modules & {*HEAVY, "typer", "asyncio", "sqlite3"}


def test_a_command_does_not_import_the_app(program: Program) -> None:
    printed, modules = loaded_modules(program, "checkpoints", "--help")
    assert "--backfill" in printed
    assert not modules & {"textual", "starlette", "uvicorn"}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "--url http://h --api scaigrid --interval 2 --backfill 0 --journal a/b --no-journal --read-only --quiet",
        "--log c/d --profile staging --core core_a --ascii --no-color --low-bandwidth --core core_b --offline --notify",
    ],
)
def test_simple_options_are_parsed_as_typer_parses_them(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Common] = []
    monkeypatch.setattr("scaicore_tui.cli.main.open_app", lambda common, flow: opened.append(common))
    typer.testing.CliRunner().invoke(app, line.split())
    assert opened == [parse_fast(line.split())]


@pytest.mark.parametrize(
    "line", ["runs", "url h", "-h", "--url", "--url --ascii", "--url=h", "--interval 0", "--backfill x", "--version"]
)
def test_other_arguments_are_left_to_typer(line: str) -> None:
    assert parse_fast(line.split()) is None


def test_a_flow_is_read_before_the_app_opens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("scaicore_tui.cli.commands.app.require_terminal", lambda: None)
    missing = ["--url", "http://127.0.0.1:1", "--flow", str(tmp_path / "missing.json")]
    found = typer.testing.CliRunner().invoke(app, missing)
    assert found.exit_code == 5
    found = typer.testing.CliRunner().invoke(app, [*missing, "runs"])
    assert found.exit_code == 2
    assert "show takes it after its name" in found.output


def test_the_version_is_printed_among_other_options(program: Program) -> None:
    assert program.lines("--no-color", "--version") == [f"scaicore-tui {__version__}"]


def test_options_are_accepted_before_and_after_the_command(demo: Demo, program: Program) -> None:
    demo_program = program.with_variables(SCAICORE_TUI_TOKEN=demo.ready["token"])
    flags = ("--url", demo.ready["url"], "--core", "core_invoice-batch")
    before = demo_program.json_output(*flags, "runs", "--json")
    assert before
    assert {run["core_id"] for run in before} == {"core_invoice-batch"}
    assert demo_program.json_output("runs", "--json", *flags) == before
    overridden = demo_program.json_output(*flags, "runs", "--json", "--core", "core_expense-approval")
    assert {run["core_id"] for run in overridden} == {"core_expense-approval"}


def test_an_option_of_0_after_the_command_is_not_treated_as_unset() -> None:
    assert Common(backfill=0).merge(Common(backfill=7, quiet=True)) == Common(backfill=0, quiet=True)
    assert Common().merge(Common(backfill=7, interval=1.0)) == Common(backfill=7, interval=1.0)


@pytest.mark.skipif(sys.platform != "linux", reason="XDG folders")
def test_a_profile_names_the_api_and_the_variable_of_its_token(demo: Demo, program: Program, tmp_path: Path) -> None:
    configured = Program(tmp_path, {"STAGING_TOKEN": demo.ready["viewer_token"]})
    file = tmp_path / "XDG_CONFIG_HOME" / "scaicore-tui" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(
        f'default = "staging"\n[profiles.staging]\nurl = "{demo.ready["url"]}"\ntoken_env = "STAGING_TOKEN"\n'
        'core = "core_debug-session"\nread_only = true\n'
    )
    rows = configured.json_output("checkpoints", "--json")
    assert {row["core_id"] for row in rows} == {"core_debug-session"}
    rejected = configured("continue", rows[0]["id"], "--yes")
    assert (rejected.returncode, "this session is read-only" in rejected.stderr) == (2, True)
