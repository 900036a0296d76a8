"""An internal error ends the program with one line, a report without data, and a restored terminal."""

from __future__ import annotations

import re
import stat
import sys
from pathlib import Path

import pytest

from tests.support.app_states import STATES, TOKEN, AppProcess
from tests.support.terminal_modes import changed_modes, output_after_screen

INTERNAL_ERROR_EXIT_CODE = 70
# The failing function has a token and a payload in its local variables, arguments and error message.
PROGRAM = f"""
import asyncio, os, sys
def boom(*args, **kwargs):
    token = {{"Authorization": "Bearer {TOKEN}"}}
    raise KeyError("my-payload {TOKEN}", token)
async def late_boom(*args, **kwargs):
    boom(*args)
def fails(location, function=boom):
    import importlib
    module, _, names = location.partition(":")
    owner, name = importlib.import_module(module), names
    if "." in names:
        owner, name = getattr(owner, names.split(".")[0]), names.split(".")[1]
    setattr(owner, name, function)
{{fault}}
from scaicore_tui.__main__ import main
main()
"""
FAULTS = {
    "handler": 'fails("scaicore_tui.tui.state:AppState.apply")',
    "timer": 'fails("scaicore_tui.tui.screens.base:SessionScreen.tick")',
    "worker": 'fails("scaicore_tui.session.session:Session.run", late_boom)',
    "worker in a thread": 'fails("scaicore_tui.tui.app:preload")',
    "task of the session": 'fails("scaicore_tui.session.tasks:BackgroundTasks._look_up", late_boom)',
    "the journal's thread": 'fails("scaicore_tui.store.writer:JournalWriter.append_new")',
    "composing a screen": 'fails("scaicore_tui.tui.screens.main:MainScreen.compose_body")',
    "drawing a line": 'fails("scaicore_tui.tui.widgets.line_view:LineView.render_line")',
    "reading keys": 'fails("scaicore_tui.tui.terminal.driver:RestoringDriver.process_message")',
    "setting up the terminal": 'fails("scaicore_tui.tui.terminal.driver:RestoringDriver._disable_line_wrap")',
    "import of a screen": 'sys.modules["scaicore_tui.tui.dialogs.replay"] = None',
    "import of the app": 'sys.modules["scaicore_tui.tui.state"] = None',
    "recursion": "from scaicore_tui.tui.state import AppState\ndef again(*_): again()\nAppState.apply = again",
}


def failing(fault: str, *flags: str) -> tuple[str, ...]:
    """Return the command of the program with that fault."""
    return (sys.executable, *flags, "-c", PROGRAM.replace("{fault}", fault))


@pytest.mark.parametrize("fault", FAULTS)
def test_an_internal_error_prints_one_line_and_writes_a_report_without_data(scene: AppProcess, fault: str) -> None:
    scene.program = failing(FAULTS[fault])
    with scene.start() as terminal:
        assert terminal.wait() == INTERNAL_ERROR_EXIT_CODE
        assert_reported(bytes(terminal.output), only_report(scene))
        scene.assert_clean(terminal)


def assert_reported(output: bytes, report: Path) -> None:
    """Check that one line names the error, that the report is private, and that neither contains data."""
    lines = (output_after_screen(output) if b"\x1b" in output else output).decode().splitlines()
    (message,) = (line for line in lines if not line.startswith("asyncio: Executing <…> took "))
    # A late reply of the terminal is echoed before the line.
    message = re.sub(r"\^\[\[\?[\d;]+\$y", "", message)
    assert re.match(r"scaicore-tui: internal error: \w+Error( in .*, line \d+)? · ", message)
    assert f"report saved to {report}; attach it to a bug report (it contains no data)" in message
    text = report.read_text()
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert re.search(r"^  \S+, line \d+, in \w+$", text, re.MULTILINE)
    for secret in (TOKEN, "my-payload", "Bearer", str(Path.home())):
        assert secret not in text
        assert secret.encode() not in output
    report.unlink()


def only_report(scene: AppProcess) -> Path:
    (report,) = scene.state_folder.glob("crash-*.txt")
    return report


def test_an_error_outside_the_app_is_printed_when_the_app_ends(scene: AppProcess) -> None:
    scene.program = failing('fails("scaicore_tui.tui.terminal.job_control:JobControl.stop")')
    with STATES["main screen"].start(scene) as terminal:
        terminal.press("\x1a", "q")
        assert terminal.wait() == 0
        assert_reported(bytes(terminal.output), only_report(scene))
        scene.assert_clean(terminal)


@pytest.mark.parametrize("fault", ["handler", "worker", "the journal's thread"])
def test_development_mode_of_python_prints_no_more(scene: AppProcess, fault: str) -> None:
    scene.program = failing(FAULTS[fault], "-X", "dev")
    with scene.start() as terminal:
        assert terminal.wait() == INTERNAL_ERROR_EXIT_CODE
        assert_reported(bytes(terminal.output), only_report(scene))
        assert changed_modes(bytes(terminal.output)) == {}
