"""Copying with `y`, `Y` and `ctrl+y` in each key context, and the message about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.app_stage import Stage, screen_lines
from tests.support.builders import checkpoint
from tests.support.clipboard import Copied
from tests.support.inbox_scene import WITH_FORM, inbox_feed
from tests.support.invoke_server import replace_text, unwrapped_text
from tests.support.scene import busy_feed


@pytest.mark.parametrize(
    ("pressed", "copied"),
    [
        (("y",), "exec_8f21c4"),
        (("e", "enter", "ctrl+y"), "exec_5b0c11"),
        (("tab", "tab", "y"), "ckpt_form"),
        (("i", "y"), "ckpt_form"),
    ],
)
async def test_copy_id(pressed: tuple[str, ...], copied: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(inbox_feed(WITH_FORM))
    found = Copied(stage, monkeypatch)
    async with stage.opened() as pilot:
        await pilot.press(*pressed)
        await stage.settle(pilot)
        assert found == [copied]
        assert f"id {copied}" in stage.text


@pytest.mark.parametrize(
    ("pressed", "name", "value"),
    [
        (("Y",), "execution_id", "exec_8f21c4"),
        (("e", "enter", "Y"), "execution_id", "exec_5b0c11"),
        (("i", "Y"), "id", "ckpt_form"),
        (("i", "a", "ctrl+y"), "id", "ckpt_form"),
        (("e", "R", "y"), "invoices", [1, 2, 3]),
    ],
)
async def test_copy_as_json(pressed: tuple[str, ...], name: str, value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(inbox_feed(WITH_FORM))
    found = Copied(stage, monkeypatch)
    async with stage.opened() as pilot:
        await pilot.press(*pressed)
        await pilot.pause()
        assert [json.loads(copied)[name] for copied in found] == [value]
        assert "clipboard: the " in "\n".join(screen_lines(stage.app))


async def test_copy_of_a_step_is_its_error_or_its_result(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(busy_feed())
    found = Copied(stage, monkeypatch)
    async with stage.opened() as pilot:
        await pilot.press("e", "enter", "y", "g", "y")
        await stage.settle(pilot)
        error, result = found
        assert error.startswith("BANK_DOWN: the bank did not answer")
        assert json.loads(result) == [1, 2, 3]
        assert "clipboard: result of load" in stage.text
        await pilot.press("j", "y")
        assert "y: no value in this row; ctrl+y copies the id of the run" in stage.text


async def test_copy_input_of_a_replay_verbatim(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(busy_feed())
    found = Copied(stage, monkeypatch)
    async with stage.opened() as pilot:
        await pilot.press("e", "R", "e")
        await replace_text(stage, pilot, '{"invoices":[4]}')
        await pilot.press("escape", "y")
        await pilot.pause()
        assert [json.loads(text) for text in found] == [{"invoices": [4]}]
        assert "clipboard: the input" in unwrapped_text(stage)


async def test_id_with_invisible_characters_is_copied_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    identity = "ckpt\nrm -rf ~\n\x1b[2J\u202e"
    stage = Stage(inbox_feed(checkpoint(identity)))
    found = Copied(stage, monkeypatch)
    async with stage.opened() as pilot:
        await pilot.press("i", "y")
        await stage.settle(pilot)
        assert found == [r'"ckpt\nrm -rf ~\n\u001b[2J\u202e"']
        assert json.loads(found[0]) == identity
        assert "clipboard: checkpoint id “ckpt rm -rf ~ ␛[2J<U+202E>”" in stage.text


async def test_copy_selected_text_of_a_comment(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(inbox_feed(WITH_FORM))
    found = Copied(stage, monkeypatch)
    async with stage.opened() as pilot:
        await pilot.press("i", "a", "tab", *"one", "enter", *"two", "f7", "ctrl+c")
        await pilot.pause()
        assert found == ["one\ntwo"]
        assert "clipboard: the selection" in "\n".join(screen_lines(stage.app))


async def test_without_a_selection_the_clipboard_is_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(inbox_feed(WITH_FORM))
    found = Copied(stage, monkeypatch)
    async with stage.opened() as pilot:
        await pilot.press("/", *"ab", "ctrl+x", "ctrl+c")
        await stage.settle(pilot)
        assert not found
        assert "copied" not in stage.text


async def test_text_too_long_for_the_clipboard_is_written_to_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    stage = Stage(inbox_feed(WITH_FORM | {"context": "x" * 80_000}))
    found = Copied(stage, monkeypatch)
    async with stage.opened((120, 40)) as pilot:
        await pilot.press("i", "a", "ctrl+y")
        await pilot.pause()
        assert not found
        shown = "".join("".join(screen_lines(stage.app)).split())
        assert "bytesaretoomanyforaterminal'sclipboard" in shown
        await pilot.press("escape")
        await stage.settle(pilot)
        assert "clipboard" in stage.text
    assert json.loads((tmp_path / "scaicore-tui" / "copied.txt").read_text())["id"] == "ckpt_form"
