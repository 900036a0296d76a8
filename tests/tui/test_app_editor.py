"""Editing the input of a replay in the user's own editor: a private file, nothing lost, nothing sent."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scaicore_tui.errors import ConfigError, ScaicoreError
from scaicore_tui.tui.editor import Editor, edit_text, editor_command
from scaicore_tui.tui.screens.base import SessionScreen
from tests.support.app_stage import STANDARD, Stage, wait_until
from tests.support.invoke_server import InvokeServer, json_editor, replace_text, unwrapped_text
from tests.support.scene import busy_feed

SCRIPT = """
import os, pathlib, stat, sys
path = pathlib.Path(sys.argv[-1])
pathlib.Path({record!r}).write_text(f"{{path}} {{stat.S_IMODE(os.stat(path).st_mode):o}}")
pathlib.Path(f"{{path}}~").write_text("a backup")
path.write_bytes({saved!r} if {saved!r} is not None else path.read_bytes())
sys.exit({code})
"""


def editor_script(folder: Path, saved: bytes | None = None, code: int = 0) -> tuple[list[str], Path]:
    """Return the command of an editor that saves `saved`, and the file in which it records its argument."""
    script, record = folder / "editor.py", folder / "record"
    script.write_text(SCRIPT.format(record=str(record), saved=saved, code=code))
    return [sys.executable, str(script)], record


def is_removed(record: Path) -> bool:
    """Return True if the folder of the edited file is removed."""
    return not Path(record.read_text().split(" ")[0]).parent.exists()


async def test_reports_a_missing_editor_and_keeps_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    stage = Stage(busy_feed())
    async with stage.opened() as pilot:
        await pilot.press("e", "R", "e")
        await replace_text(stage, pilot, "[1]")
        await pilot.press("ctrl+o")
        await wait_until(pilot, lambda: "no editor is set" in unwrapped_text(stage))
        assert json_editor(stage).text == "[1]"
        await pilot.press("escape", "escape")
        await stage.settle(pilot)
        assert "no editor is set" in stage.text


async def test_reports_a_terminal_that_cannot_be_suspended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "false")
    stage = Stage(busy_feed())
    async with stage.opened() as pilot:
        await pilot.press("e", "R", "o")
        await wait_until(pilot, lambda: "cannot open an editor in this terminal" in unwrapped_text(stage))
        assert not stage.session.submitter.submissions


async def test_replays_with_the_text_saved_in_the_editor(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = []

    async def saved(self: Editor, text: str) -> str:
        texts.append(text)
        return '{"saved":\r\n 1}\r\n'

    monkeypatch.setattr(Editor, "_edit_suspended", saved)
    stage = Stage(busy_feed())
    server = InvokeServer(stage)
    async with stage.opened(STANDARD) as pilot:
        await pilot.press("e", "R")
        stage.clock.advance(1)
        await pilot.press("o")
        await wait_until(pilot, lambda: "changed" in unwrapped_text(stage))
        await pilot.press("enter")
        assert not server.bodies
        stage.clock.advance(1)
        await pilot.press("enter")
        await wait_until(pilot, lambda: server.bodies)
        assert texts == ['{\n  "invoices": [\n    1,\n    2,\n    3\n  ]\n}']
        assert server.bodies == [b'{"input":{"saved":\n 1}}']
        assert isinstance(stage.app.screen, SessionScreen)


async def test_the_edited_file_is_private_and_removed(tmp_path: Path) -> None:
    command, record = editor_script(tmp_path, "\ufeff{é}\r\n".encode())
    assert await edit_text("{}", command) == "{é}\r\n"
    assert record.read_text().endswith(" 600")
    assert is_removed(record)


async def test_shows_bytes_that_are_not_utf_8(tmp_path: Path) -> None:
    command, _ = editor_script(tmp_path, b'"\xff"')
    assert await edit_text("", command) == '"\\xff"'


async def test_a_failing_editor_raises(tmp_path: Path) -> None:
    command, record = editor_script(tmp_path, b"discarded", code=3)
    with pytest.raises(ScaicoreError, match="exited with code 3"):
        await edit_text("{}", command)
    assert is_removed(record)
    with pytest.raises(ConfigError, match="cannot run the editor"):
        await edit_text("{}", [str(tmp_path / "nowhere")])


def test_prefers_visual_over_editor() -> None:
    assert editor_command({"VISUAL": "code --wait", "EDITOR": "vi"}) == ["code", "--wait"]
    assert editor_command({"VISUAL": " ", "EDITOR": "'my vi' -n"}) == ["my vi", "-n"]
    for environment in ({}, {"EDITOR": "vi 'n"}):
        with pytest.raises(ConfigError):
            editor_command(environment)
