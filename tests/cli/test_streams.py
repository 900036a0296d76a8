"""Closed, full, non-blocking and oddly encoded standard streams never cause an internal error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from scaicore_tui.cli.output.streams import replace_with_ascii
from scaicore_tui.text import cell_width
from tests.support.builders import entered, event, started
from tests.support.core_inputs import APPROVAL, TRIP
from tests.support.program import COMMAND, TIMEOUT_S, FastGrid, Program

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
NEEDS_DEV_FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recording whose events have text that few encodings can print."""
    path = tmp_path_factory.mktemp("recorded") / "events.jsonl"
    failed = event("invocation.failed", execution="exec_1", error="größe ≠ 日本")
    lines = (started().raw, entered("n1").raw, failed.raw)
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def shell(program: Program, arguments: Sequence[str], redirection: str) -> subprocess.CompletedProcess[bytes]:
    """Run the program in a shell with this redirection."""
    script = f'"$@" {redirection}'
    command = ["sh", "-c", script, "sh", *COMMAND, *arguments]
    return subprocess.run(command, env=program.environment, capture_output=True, timeout=TIMEOUT_S, check=False)


@NEEDS_DEV_FULL
@pytest.mark.parametrize("arguments", [["--version"], ["--help"]], ids=str)
def test_a_failed_write_to_standard_output_is_an_error(program: Program, arguments: list[str]) -> None:
    done = shell(program, arguments, ">/dev/full")
    message = "scaicore-tui: cannot write standard output: No space left on device"
    assert (done.returncode, done.stderr.decode().split(" · ")[0]) == (9, message)
    assert done.stderr.count(b"\n") == 1


def test_a_closed_standard_output_is_reported(program: Program) -> None:
    done = shell(program, ["--version"], ">&-")
    assert done.returncode == 9
    assert done.stderr.startswith(b"scaicore-tui: standard output is closed")


def test_a_reader_that_closes_the_pipe_early_is_not_an_error(program: Program) -> None:
    with subprocess.Popen([*COMMAND, "--help"], env=program.environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(TIMEOUT_S) == 0


@pytest.mark.parametrize("redirection", ["2>&-", pytest.param("2>/dev/full", marks=NEEDS_DEV_FULL), ">&- 2>&- <&-"])
def test_without_standard_error_the_exit_code_is_unchanged(program: Program, redirection: str) -> None:
    done = shell(program, ["runs", "--no-such-flag"], redirection)
    assert (done.returncode, done.stderr) == (2, b"")


def test_nothing_is_sent_if_the_output_is_closed(program: Program) -> None:
    settings = {"SCAICORE_TUI_URL": "http://127.0.0.1:9", "SCAICORE_TUI_TOKEN": "token-abcdef"}
    done = shell(program.with_variables(**settings), ["resolve", "ckpt_1", "approve", "--yes"], ">&-")
    assert done.returncode == 9
    assert b"standard output is closed" in done.stderr
    assert b"nothing was sent" in done.stderr


@NEEDS_DEV_FULL
def test_the_outcome_of_a_write_is_reported_if_the_output_is_full(grid: FastGrid, writer: Program) -> None:
    checkpoint_id = grid.waiting_review()
    done = shell(writer, ["resolve", checkpoint_id, "approve", "--yes"], ">/dev/full")
    assert done.returncode == 9
    assert b"No space left on device \xc2\xb7 confirmed: " in done.stderr
    assert grid.checkpoint(checkpoint_id)["resolution"] == "approve"


def test_a_closed_standard_input_is_reported(grid: FastGrid, writer: Program) -> None:
    execution = grid.finish_run(APPROVAL, TRIP)
    done = shell(writer, ["replay", execution, "--input", "-", "--yes"], "<&-")
    assert done.returncode == 2
    assert b"--input -: standard input is closed" in done.stderr


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_input_with_a_byte_order_mark_or_in_utf_16_is_read(
    grid: FastGrid, writer: Program, tmp_path: Path, encoding: str
) -> None:
    execution = grid.finish_run(APPROVAL, TRIP)
    file = tmp_path / "input.json"
    file.write_bytes(json.dumps({**TRIP, "employee": "Björn"}, ensure_ascii=False, indent=1).encode(encoding))
    replayed = writer.json_output("replay", execution, "--input", str(file), "--yes", "--json")
    assert grid.input_of(replayed["execution_id"])["employee"] == "Björn"


@pytest.mark.parametrize(
    "settings",
    [{"PYTHONIOENCODING": "cp1252"}, {"PYTHONIOENCODING": "ascii:strict"}, {"LC_ALL": "C"}, {"LANG": "POSIX"}],
    ids=str,
)
def test_ascii_is_printed_if_the_locale_lacks_the_glyphs(
    program: Program, recording: Path, settings: dict[str, str]
) -> None:
    variables = dict.fromkeys(("LC_ALL", "LC_CTYPE", "LANG", "PYTHONUTF8"), "") | settings
    arguments = ["runs", "--quiet", "--offline", "--journal", str(recording)]
    done = shell(program.with_variables(**variables), arguments, "")
    assert (done.returncode, done.stderr) == (0, b"")
    encoding = "cp1252" if settings.get("PYTHONIOENCODING") == "cp1252" else "ascii"
    row = done.stdout.decode(encoding).splitlines()[1]
    assert row.startswith("x  exec_1  core_a  failed")
    # Each unprintable character is replaced by as many question marks as it has cells.
    assert row.endswith("größe ? ????" if encoding == "cp1252" else "gr??e ? ????")


def test_glyphs_are_printed_in_a_utf_8_locale(program: Program, recording: Path) -> None:
    done = shell(program.with_variables(LC_ALL="C.UTF-8"), ["runs", "--offline", "--journal", str(recording)], "")
    row = done.stdout.decode().splitlines()[1]
    assert row.startswith("✗  exec_1")
    assert row.endswith("größe ≠ 日本")


def test_a_document_is_complete_and_ascii_in_every_locale(program: Program, recording: Path) -> None:
    arguments = ["show", "exec_1", "--json", "--offline", "--journal", str(recording)]
    done = shell(program.with_variables(PYTHONIOENCODING="ascii"), arguments, "")
    assert json.loads(done.stdout.decode("ascii"))["error"] == "größe ≠ 日本"


def test_ascii_replacements_are_as_wide_as_their_glyphs() -> None:
    text = "●✓✗‖◆■┄▍│…·×→“日”\u0301–"
    ascii_text, end = replace_with_ascii(UnicodeEncodeError("ascii", text, 0, len(text), "lacking"))
    assert end == len(text)
    assert ascii_text.isascii()
    assert cell_width(ascii_text) == cell_width(text)


def test_a_full_non_blocking_pipe_is_waited_for(program: Program) -> None:
    """Another program that shares the pipe may have made it non-blocking."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with os.fdopen(reading, "rb") as pipe:
        os.write(writing, b"x" * 65_536)
        with subprocess.Popen([*COMMAND, "--help"], env=program.environment, stdout=writing) as process:
            os.close(writing)
            text = pipe.read()
            assert process.wait(TIMEOUT_S) == 0
    assert b"Exit codes" in text


def test_without_a_home_folder_the_error_names_the_variable_to_set(program: Program) -> None:
    environment = {
        name: value for name, value in program.environment.items() if name != "HOME" and not name.startswith("XDG")
    }
    without_user_entry = (
        "import os, pwd, sys\n"
        "def missing(user): raise KeyError(user)\n"
        "pwd.getpwuid = missing\n"
        "from scaicore_tui.__main__ import main\n"
        "sys.argv[1:] = ['config', 'path']\n"
        "main()\n"
    )
    for home in (None, "relative"):
        variables = environment if home is None else {**environment, "HOME": home}
        command = [sys.executable, "-c", without_user_entry]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        assert done.returncode == 2
        assert "set HOME, or XDG_CONFIG_HOME" in done.stderr
        assert "mistake" not in done.stderr
