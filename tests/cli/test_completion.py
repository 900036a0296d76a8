"""Shell completion: from the journal, without a server, with few imports, and silent on any error."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from scaicore_tui.protocol.checkpoints import read_checkpoint
from scaicore_tui.store import Journal, JournalWriter
from tests.support.builders import NOON, checkpoint, completed, started
from tests.support.program import COMMAND, TIMEOUT_S, Program, loaded_modules

COMPLETE_VARIABLE = "_SCAICORE_TUI_COMPLETE"
HOSTILE = "exec_$(touch owned)"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Return a journal with an ended run, a waiting run, a run whose id is a shell command, and two checkpoints."""
    import json

    path = tmp_path / "j"
    rows = [
        checkpoint("ckpt_review", execution_id="exec_b", options=[{"id": "approve", "label": "Yes"}, "reject"]),
        checkpoint("ckpt_break", checkpoint_type="debug_breakpoint", options=[]),
    ]
    with Journal.open(path) as opened:
        writer = JournalWriter(opened)
        writer.prepare()
        writer.append_new([started(NOON, name) for name in ("exec_a", "exec_b", HOSTILE)])
        writer.append_new([completed(NOON + 1, "exec_a")])
        writer.save_pending([read_checkpoint(json.dumps(row).encode()) for row in rows])
    return path


def completion_output(shell: str, program: Program, line: str) -> list[str]:
    """Return the completions of `line`, in the output format of `shell`."""
    words = line.split(" ")
    variables = {
        "bash": {COMPLETE_VARIABLE: "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
        "zsh": {COMPLETE_VARIABLE: "complete_zsh", "_TYPER_COMPLETE_ARGS": line},
        "fish": {
            COMPLETE_VARIABLE: "complete_fish",
            "_TYPER_COMPLETE_ARGS": line,
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        },
    }
    done = program.with_variables(**variables[shell])()
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def offered(program: Program, line: str) -> set[str]:
    """Return the completions of `line` without their descriptions."""
    return {row.split("\t")[0] for row in completion_output("fish", program, line) if row}


def test_runs_and_checkpoints_come_from_the_journal(program: Program, journal: Path) -> None:
    flags = f"--journal {journal}"
    assert offered(program, f"scaicore-tui show {flags} ") == {"@latest", "@failed", "exec_a", "exec_b"}
    assert offered(program, f"scaicore-tui {flags} watch exec_b") == {"exec_b"}
    assert offered(program, f"scaicore-tui events {flags} --execution ") == {"@latest", "@failed", "exec_a", "exec_b"}
    assert offered(program, f"scaicore-tui resolve {flags} ") == {"ckpt_review", "ckpt_break"}
    assert offered(program, f"scaicore-tui resolve {flags} ckpt_review ") == {"approve", "reject"}
    assert offered(program, f"scaicore-tui continue {flags} ") == {"ckpt_break"}
    assert offered(program, f"scaicore-tui runs {flags} --core ") == {"core_a"}
    assert offered(program, f"scaicore-tui runs {flags} --where st") == {"status:", "started:"}
    assert offered(program, f"scaicore-tui runs {flags} --where core:") == {"core:core_a"}
    assert offered(program, f"scaicore-tui watch {flags} --where status:c") == {"status:completed"}
    assert offered(program, f"scaicore-tui checkpoints {flags} --where is:d") == {"is:due"}
    assert "payload:" in offered(program, f"scaicore-tui events {flags} --where p")


@pytest.mark.parametrize(
    ("shell", "lines"),
    [
        ("bash", ["exec_a"]),
        ("zsh", ['_arguments \'*: :(("exec_a":"completed core_a"))\'']),
        ("fish", ["exec_a\tcompleted core_a"]),
    ],
)
def test_each_shell_gets_its_own_format(program: Program, journal: Path, shell: str, lines: list[str]) -> None:
    assert completion_output(shell, program, f"scaicore-tui show --journal {journal} exec_a") == lines


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_runs_and_executes_no_id(program: Program, journal: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "scaicore-tui").write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
    (tmp_path / "bin" / "scaicore-tui").chmod(0o755)
    line = f"scaicore-tui --journal {journal} show "
    script = f"""
        PATH={tmp_path / "bin"}:$PATH
        eval "$(scaicore-tui --show-completion bash)"
        COMP_WORDS=({line} '') COMP_CWORD=4 COMP_LINE='{line}'
        _scaicore_tui_completion scaicore-tui
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env=program.environment | {"SHELL": "/bin/bash"},
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=False,
    )
    assert (set(done.stdout.split()), done.stderr) == ({"@latest", "@failed", "exec_a", "exec_b"}, "")
    assert not (tmp_path / "owned").exists()


def test_fixed_words_and_profiles_are_offered(program: Program, tmp_path: Path) -> None:
    config = tmp_path / "XDG_CONFIG_HOME" / "scaicore-tui" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[profiles.staging]\nurl = "https://staging.example.com"\n[profiles.production]\n')
    configured = Program(tmp_path, {})
    assert offered(configured, "scaicore-tui runs --profile ") == {"staging", "production"}
    assert offered(configured, "scaicore-tui watch --until ") == {"waiting", "completed", "failed", "any"}
    assert offered(configured, "scaicore-tui schema re") == {"record", "replay", "replay-where", "resolve"}
    assert "checkpoints" in offered(configured, "scaicore-tui ")
    assert offered(configured, "scaicore-tui runs --fa") == {"--failed"}


@pytest.mark.parametrize("line", ["show ", "resolve ", "runs --core ", "show --journal /no/such/file "])
def test_completion_is_silent_without_a_journal_and_with_a_broken_configuration(
    program: Program, tmp_path: Path, line: str
) -> None:
    assert offered(program, f"scaicore-tui {line}") <= {"@latest", "@failed"}
    (tmp_path / "config").mkdir()
    broken = tmp_path / "XDG_CONFIG_HOME" / "scaicore-tui" / "config.toml"
    broken.parent.mkdir(parents=True)
    broken.write_text("profiles = 1 = 2")
    assert offered(Program(tmp_path, {}), f"scaicore-tui {line}") <= {"@latest", "@failed"}
    assert offered(Program(tmp_path, {}), f"scaicore-tui {line}--journal {__file__} ") <= {"@latest", "@failed"}


def test_completion_imports_no_network_and_no_screen_library(program: Program, journal: Path) -> None:
    variables = {COMPLETE_VARIABLE: "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    line = {"_TYPER_COMPLETE_ARGS": f"scaicore-tui show --journal {journal} "}
    printed, modules = loaded_modules(program.with_variables(**variables, **line))
    assert "exec_a" in printed
    assert not modules & {"httpx", "textual", "starlette", "uvicorn"}
