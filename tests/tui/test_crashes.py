"""A mistake of the program ends it with one line, a report without any data, and the terminal as it was."""

from __future__ import annotations

import re
import stat
import sys
from pathlib import Path

import pytest

from tests.support.app_states import STATES, TOKEN, AppProcess
from tests.support.terminal_modes import changed_modes, output_after_screen

FAILED = 70
# What fails has the token at hand, and tells it with a payload: in local variables, in its words, in what it was given.
PROGRAM = f"""
import asyncio, os, sys
def boom(*given, **named):
    token = {{"Authorization": "Bearer {TOKEN}"}}
    raise KeyError("my-payload {TOKEN}", token)
async def late_boom(*given, **named):
    boom(*given)
def fails(place, work=boom):
    import importlib
    module, _, names = place.partition(":")
    owner, name = importlib.import_module(module), names
    if "." in names:
        owner, name = getattr(owner, names.split(".")[0]), names.split(".")[1]
    setattr(owner, name, work)
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
    "composing": 'fails("scaicore_tui.tui.screens.main:MainScreen.compose_body")',
    "painting": 'fails("scaicore_tui.tui.widgets.line_view:LineView.render_line")',
    "reading keys": 'fails("scaicore_tui.tui.terminal.driver:RestoringDriver.process_message")',
    "taking the terminal": 'fails("scaicore_tui.tui.terminal.driver:RestoringDriver._disable_line_wrap")',
    "import of a screen": 'sys.modules["scaicore_tui.tui.dialogs.replay"] = None',
    "import of the app": 'sys.modules["scaicore_tui.tui.state"] = None',
    "recursion": "from scaicore_tui.tui.state import AppState\ndef again(*_): again()\nAppState.apply = again",
}


def failing(fault: str, *flags: str) -> tuple[str, ...]:
    """The program with that fault."""
    return (sys.executable, *flags, "-c", PROGRAM.replace("{fault}", fault))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_mistake_is_told_in_one_line_and_reported_without_data(scene: AppProcess, fault: str) -> None:
    scene.program = failing(FAULTS[fault])
    with scene.start() as terminal:
        assert terminal.wait() == FAILED
        assert_told(bytes(terminal.output), only_report(scene))
        scene.assert_clean(terminal)


def assert_told(output: bytes, report: Path) -> None:
    """What failed is said on one line, behind the screen where there was one; and reported, to its owner alone. Nobody
    says what it failed with."""
    lines = (output_after_screen(output) if b"\x1b" in output else output).decode().splitlines()
    (said,) = (line for line in lines if not line.startswith("asyncio: Executing <…> took "))
    # What the terminal answers late, once it echoes again, stands in front.
    said = re.sub(r"\^\[\[\?[\d;]+\$y", "", said)
    assert re.match(r"scaicore-tui: internal error: \w+Error( in .*, line \d+)? · ", said)
    assert f"report saved to {report}; attach it to a bug report (it contains no data)" in said
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


def test_what_fails_beside_the_app_is_told_when_it_ends(scene: AppProcess) -> None:
    scene.program = failing('fails("scaicore_tui.tui.terminal.job_control:JobControl.stop")')
    with STATES["main screen"].start(scene) as terminal:
        terminal.press("\x1a", "q")
        assert terminal.wait() == 0
        assert_told(bytes(terminal.output), only_report(scene))
        scene.assert_clean(terminal)


@pytest.mark.parametrize("fault", ["handler", "worker", "the journal's thread"])
def test_nor_does_the_interpreter_tell_more_when_it_is_asked_to(scene: AppProcess, fault: str) -> None:
    scene.program = failing(FAULTS[fault], "-X", "dev")
    with scene.start() as terminal:
        assert terminal.wait() == FAILED
        assert_told(bytes(terminal.output), only_report(scene))
        assert changed_modes(bytes(terminal.output)) == {}
