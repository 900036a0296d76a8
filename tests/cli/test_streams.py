"""Standard input, output and error as a shell, a service or a full disk leave them: never a mistake of the program."""

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

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a shell, and /dev/full")
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is full")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording whose events have text that few encodings can print."""
    path = tmp_path_factory.mktemp("recorded") / "events.jsonl"
    failed = event("invocation.failed", execution="exec_1", error="größe ≠ 日本")
    lines = (started().raw, entered("n1").raw, failed.raw)
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def shell(program: Program, arguments: Sequence[str], redirection: str) -> subprocess.CompletedProcess[bytes]:
    """The program with streams as a shell gives them to it."""
    script = f'"$@" {redirection}'
    command = ["sh", "-c", script, "sh", *COMMAND, *arguments]
    return subprocess.run(command, env=program.environment, capture_output=True, timeout=TIMEOUT_S, check=False)


@FULL
@pytest.mark.parametrize("arguments", [["--version"], ["--help"]], ids=str)
def test_output_that_cannot_be_printed_is_an_error(program: Program, arguments: list[str]) -> None:
    done = shell(program, arguments, ">/dev/full")
    words = "scaicore-tui: cannot write standard output: No space left on device"
    assert (done.returncode, done.stderr.decode().split(" · ")[0]) == (9, words)
    assert done.stderr.count(b"\n") == 1


def test_a_closed_output_is_named(program: Program) -> None:
    done = shell(program, ["--version"], ">&-")
    assert done.returncode == 9
    assert done.stderr.startswith(b"scaicore-tui: standard output is closed")


def test_a_reader_that_left_has_seen_enough(program: Program) -> None:
    with subprocess.Popen([*COMMAND, "--help"], env=program.environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(TIMEOUT_S) == 0


@pytest.mark.parametrize("redirection", ["2>&-", pytest.param("2>/dev/full", marks=FULL), ">&- 2>&- <&-"])
def test_without_standard_error_the_code_tells(program: Program, redirection: str) -> None:
    done = shell(program, ["runs", "--no-such-flag"], redirection)
    assert (done.returncode, done.stderr) == (2, b"")


def test_nothing_is_sent_if_the_output_is_closed(program: Program) -> None:
    settings = {"SCAICORE_TUI_URL": "http://127.0.0.1:9", "SCAICORE_TUI_TOKEN": "token-abcdef"}
    done = shell(program.with_variables(**settings), ["resolve", "ckpt_1", "approve", "--yes"], ">&-")
    assert done.returncode == 9
    assert b"standard output is closed" in done.stderr
    assert b"nothing was sent" in done.stderr


@FULL
def test_the_outcome_of_a_write_is_reported_if_the_output_is_full(grid: FastGrid, writer: Program) -> None:
    waiting = grid.waiting_review()
    done = shell(writer, ["resolve", waiting, "approve", "--yes"], ">/dev/full")
    assert done.returncode == 9
    assert b"No space left on device \xc2\xb7 confirmed: " in done.stderr
    assert grid.checkpoint(waiting)["resolution"] == "approve"


def test_an_input_that_is_closed_is_named(grid: FastGrid, writer: Program) -> None:
    execution = grid.finish_run(APPROVAL, TRIP)
    done = shell(writer, ["replay", execution, "--input", "-", "--yes"], "<&-")
    assert done.returncode == 2
    assert b"--input -: standard input is closed" in done.stderr


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_an_input_that_windows_wrote_is_read(grid: FastGrid, writer: Program, tmp_path: Path, encoding: str) -> None:
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
def test_ascii_is_printed_if_the_locale_lacks_our_glyphs(
    program: Program, recording: Path, settings: dict[str, str]
) -> None:
    known = dict.fromkeys(("LC_ALL", "LC_CTYPE", "LANG", "PYTHONUTF8"), "") | settings
    arguments = ["runs", "--quiet", "--offline", "--journal", str(recording)]
    done = shell(program.with_variables(**known), arguments, "")
    assert (done.returncode, done.stderr) == (0, b"")
    encoding = "cp1252" if settings.get("PYTHONIOENCODING") == "cp1252" else "ascii"
    row = done.stdout.decode(encoding).splitlines()[1]
    assert row.startswith("x  exec_1  core_a  failed")
    # As many cells as the signs have that are missing.
    assert row.endswith("größe ? ????" if encoding == "cp1252" else "gr??e ? ????")


def test_glyphs_are_printed_in_other_locales(program: Program, recording: Path) -> None:
    done = shell(program.with_variables(LC_ALL="C.UTF-8"), ["runs", "--offline", "--journal", str(recording)], "")
    row = done.stdout.decode().splitlines()[1]
    assert row.startswith("✗  exec_1")
    assert row.endswith("größe ≠ 日本")


def test_a_document_is_ascii_and_whole_in_every_locale(program: Program, recording: Path) -> None:
    arguments = ["show", "exec_1", "--json", "--offline", "--journal", str(recording)]
    done = shell(program.with_variables(PYTHONIOENCODING="ascii"), arguments, "")
    assert json.loads(done.stdout.decode("ascii"))["error"] == "größe ≠ 日本"


def test_ascii_replacements_have_the_width_of_their_glyph() -> None:
    text = "●✓✗‖◆■┄▍│…·×→“日”\u0301–"
    plain, end = replace_with_ascii(UnicodeEncodeError("ascii", text, 0, len(text), "lacking"))
    assert end == len(text)
    assert plain.isascii()
    assert cell_width(plain) == cell_width(text)


def test_a_pipe_that_does_not_block_is_waited_for(program: Program) -> None:
    """As another program that shares the pipe may set it."""
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
    env = {name: value for name, value in program.environment.items() if name != "HOME" and not name.startswith("XDG")}
    nobody = (
        "import os, pwd, sys\n"
        "def missing(user): raise KeyError(user)\n"
        "pwd.getpwuid = missing\n"
        "from scaicore_tui.__main__ import main\n"
        "sys.argv[1:] = ['config', 'path']\n"
        "main()\n"
    )
    for home in (None, "relative"):
        variables = env if home is None else {**env, "HOME": home}
        command = [sys.executable, "-c", nobody]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        assert done.returncode == 2
        assert "set HOME, or XDG_CONFIG_HOME" in done.stderr
        assert "mistake" not in done.stderr
