"""The commands `config path`, `show`, `check` and `init`."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from scaicore_tui.config.profiles import read_profiles
from tests.support.program import COMMAND, Program
from tests.support.terminal import Terminal

SECRET = "sgk_do_not_print_me"
PROFILES = """
default = "staging"
[profiles.staging]
url = "https://staging.example"
color = "amber"
token_env = "STAGING"
[profiles.prod]
url = "https://prod.example"
token_command = ["sh", "-c", "touch executed; echo a.b.c"]
protected = true
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="XDG folders")


@pytest.fixture
def fresh(tmp_path: Path) -> Program:
    """Return the program with an empty home folder."""
    return Program(tmp_path, {})


def config_path(program: Program) -> Path:
    """Return the path of the configuration file, as `config path` prints it."""
    return Path(program("config", "path").stdout.strip())


@pytest.fixture
def configured(fresh: Program) -> Program:
    """Return the program with `PROFILES` as its configuration file."""
    path = config_path(fresh)
    path.parent.mkdir(parents=True)
    path.write_text(PROFILES)
    return fresh


def settings_of(program: Program, *flags: str) -> dict[str, tuple[object, str]]:
    """Return the value and the source of each setting."""
    settings = program.json_output("config", "show", "--json", *flags)["settings"]
    return {name: (setting["value"], setting["source"]) for name, setting in settings.items()}


def test_the_path_is_printed_before_the_file_exists(fresh: Program) -> None:
    path = config_path(fresh)
    assert path == fresh.home / "XDG_CONFIG_HOME" / "scaicore-tui" / "config.toml"
    assert not path.exists()
    assert fresh("config", "check").returncode == 0
    assert settings_of(fresh)["url"] == (None, "default")


def test_every_value_names_its_source(configured: Program) -> None:
    file = config_path(configured)
    program = configured.with_variables(SCAICORE_TUI_URL="https://env.example", STAGING=SECRET)
    shown = settings_of(program, "--core", "core_x")
    assert shown["profile"] == ("staging", f"default in {file}")
    assert shown["url"] == ("https://env.example", "SCAICORE_TUI_URL")
    assert shown["core"] == ("core_x", "--core")
    assert shown["color"] == ("amber", f"profile staging in {file}")
    assert shown["interval"] == (5.0, "default")
    assert shown["token"] == ("…", "STAGING")
    assert settings_of(configured, "--profile", "prod")["profile"] == ("prod", "--profile")
    lines = program.lines("config", "show")
    assert any(line.split() == ["url", "https://env.example", "SCAICORE_TUI_URL"] for line in lines)


def test_no_secret_is_printed_and_no_command_is_run(configured: Program) -> None:
    hidden = configured.with_variables(SCAICORE_TUI_TOKEN=SECRET, SCAICORE_TUI_URL=f"https://me:{SECRET}@h.example")
    for arguments in (("config", "show"), ("config", "show", "--json"), ("config", "check", "--json")):
        done = hidden(*arguments)
        assert done.returncode == 2
        assert SECRET not in done.stdout + done.stderr
    assert settings_of(configured, "--profile", "prod")["token"] == ("…", "token_command of profile prod")
    assert not Path("executed").exists()


def test_problems_are_listed_with_their_fixes(configured: Program) -> None:
    file = config_path(configured)
    assert configured.lines("config", "check") == [f"{file}: no problems found"]
    file.write_text(PROFILES + f'intervall = 3\nkeep_mb = "many"\n[profiles.old]\ntoken_env = "{SECRET}"\n')
    done = configured("config", "check")
    assert done.returncode == 2
    assert done.stdout.splitlines()[:3] == [
        f"{file}: 2 problems",
        "  unknown key profiles.prod.intervall",
        "    → did you mean interval?",
    ]
    done = configured("runs")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean interval?; and 1 more: scaicore-tui config check" in done.stderr


def test_looks_and_keys_of_the_app_are_shown_and_checked(configured: Program) -> None:
    file = config_path(configured)
    looks = '[profiles.prod.ui]\ntheme = "nord"\n[ui]\nview = "failed"\nmouse = false\n'
    file.write_text(f'{PROFILES}{looks}[keys]\nreplay = "ctrl+r"\n[keys.inbox]\nmine = ["m", "f5"]\n')
    assert configured.lines("config", "check") == [f"{file}: no problems found"]
    shown = settings_of(configured, "--profile", "prod")
    assert shown["theme"] == ("nord", f"profile prod in {file}")
    assert (shown["view"], shown["mouse"]) == (("failed", f"[ui] in {file}"), (False, f"[ui] in {file}"))
    assert (shown["sort"], settings_of(configured)["theme"]) == ((None, "default"), (None, "default"))
    document = configured.json_output("config", "show", "--json")
    assert document["keys"] == {"replay": ["ctrl+r"], "inbox.mine": ["m", "f5"]}
    assert any(line.split()[:3] == ["keys.inbox.mine", "m", "f5"] for line in configured.lines("config", "show"))

    looks = '[profiles.prod.ui]\ntheme = "nrod"\n[ui]\nview = "faild"\n'
    file.write_text(f'{PROFILES}{looks}[keys]\nrepaly = "ctrl+r"\ncontinue = "j"\nmine = "x"\n')
    done = configured("config", "check", "--json")
    assert done.returncode == 2
    problems = json.loads(done.stdout)["problems"]
    assert [(problem["place"], problem["fix"]) for problem in problems[:3]] == [
        ("ui.view", "did you mean failed?"),
        ("profiles.prod.ui.theme", "did you mean nord?"),
        ("keys.repaly", "did you mean replay?"),
    ]
    assert {problem["place"] for problem in problems[3:]} == {"keys.continue", "keys.mine"}
    # Commands without a screen do not need what only the app uses.
    assert settings_of(configured)["view"][0] == "faild"
    in_terminal = configured.home / ".config" / "scaicore-tui" / "config.toml"
    in_terminal.parent.mkdir(parents=True)
    in_terminal.write_text(file.read_text())
    with Terminal(configured.home, [*COMMAND], size=(220, 24), env=configured.settings) as terminal:
        assert terminal.wait() == 2
        shown_error = " ".join(terminal.text.split())
    assert "ui.view: no view is named 'faild'" in shown_error
    assert "the app was not opened" in shown_error


def test_unusable_values_are_problems(configured: Program) -> None:
    file = config_path(configured)
    file.write_text(
        f'default = "gone"\n[profiles.a]\nurl = "http://far.example"\ntoken_command = ["no-such-program"]\n'
        f'[profiles.b]\ntoken_env = "{SECRET}"\n[profiles.c]\ntoken_file = "{file}"\n'
    )
    done = configured("config", "check", "--json")
    assert (done.returncode, SECRET in done.stdout) == (2, False)
    problems = json.loads(done.stdout)["problems"]
    assert [problem["place"] for problem in problems] == [
        *("default", "profiles.a.token_command", "profiles.a.url"),
        *("profiles.b.token_env", "profiles.c.token_file"),
    ]
    assert all(problem["fix"] for problem in problems)


def test_variables_are_checked_too(configured: Program) -> None:
    done = configured.with_variables(SCAICORE_TUI_API="soap")("config", "check")
    assert done.returncode == 2
    assert "unknown API 'soap' (SCAICORE_TUI_API)" in done.stdout


def test_config_init_writes_the_values_of_its_options(fresh: Program) -> None:
    flags = ("--profile", "my prod", "--url", "https://h.example", "--token-command", "scaikey token 'x y'")
    done = fresh("config", "init", *flags, "--color", "red", "--protected", "--core", 'core_"ü"')
    assert done.returncode == 0, done.stderr
    path = config_path(fresh)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    content = read_profiles(path)
    assert content.default == "my prod"
    profile = content.profiles["my prod"]
    assert (profile.url, profile.token_command) == ("https://h.example", ("scaikey", "token", "x y"))
    assert (profile.core, profile.color, profile.protected) == ('core_"ü"', "red", True)
    assert settings_of(fresh)["url"][0] == "https://h.example"


def test_an_existing_file_is_never_changed(configured: Program) -> None:
    done = configured("config", "init", "--url", "https://h.example")
    assert done.returncode == 2
    assert "already exists · the file was not changed" in done.stderr
    assert config_path(configured).read_text() == PROFILES


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ((), "give --url"),
        (("--url", "http://far.example"), "never sent unencrypted"),
        (("--url", "https://h", "--token-env", SECRET), "not the name of a variable"),
        (("--url", "https://h", "--color", "pink"), "color"),
        (("--url", "https://h", "--token-env", "A", "--token-file", "b"), "only one of them"),
    ],
)
def test_a_file_with_invalid_values_is_not_written(fresh: Program, flags: tuple[str, ...], words: str) -> None:
    done = fresh("config", "init", *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert SECRET not in done.stderr
    assert not config_path(fresh).exists()


def test_config_init_asks_for_the_values_on_a_terminal(fresh: Program) -> None:
    with Terminal(fresh.home, [*COMMAND, "config", "init"], size=(120, 24), env=fresh.settings) as terminal:
        terminal.wait_until("Name of the profile [default]:")
        terminal.press("enter")
        terminal.wait_until("The API's address")
        terminal.press("http://far.example", "enter")
        terminal.wait_until("never sent unencrypted")
        terminal.press("scaiflow.example.com", "enter")
        terminal.wait_until("Where is the token?")
        terminal.press("1", "enter")
        terminal.wait_until("Name of the variable [SCAICORE_TUI_TOKEN]:")
        terminal.press(SECRET, "enter")
        terminal.wait_until("the token itself is never written")
        terminal.press("MY_TOKEN", "enter")
        assert terminal.wait() == 0
    profile = read_profiles(fresh.home / ".config" / "scaicore-tui" / "config.toml").profiles["default"]
    assert (profile.url, profile.token_env) == ("https://scaiflow.example.com", "MY_TOKEN")
