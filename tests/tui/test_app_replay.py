"""Replaying by keys: as it was or edited, checked and sent once; what is typed survives; the new run is linked."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from scaicore_tui.errors import ConfigError, ScaicoreError
from scaicore_tui.tui.editor import Editor, edit_text, editor_command
from scaicore_tui.tui.screens.base import SessionScreen
from scaicore_tui.tui.screens.replay import ReplayScreen
from scaicore_tui.tui.widgets.json_area import JsonArea
from tests.builders import NOON, SECOND, completed, event, started
from tests.feedsim import FeedSim
from tests.tui.scene import Story, busy
from tests.tui.stage import STANDARD, WIDE, Stage, screen_lines, until

ORIGINAL = "exec_5b0c11"
SCRIPT = """
import os, pathlib, stat, sys
path = pathlib.Path(sys.argv[-1])
pathlib.Path({seen!r}).write_text(f"{{path}} {{stat.S_IMODE(os.stat(path).st_mode):o}}")
pathlib.Path(f"{{path}}~").write_text("a backup")
path.write_bytes({saved!r} if {saved!r} is not None else path.read_bytes())
sys.exit({code})
"""


class Invoking:
    """Takes invocations and answers them as `status` says; the feed goes on beside it."""

    def __init__(self, stage: Stage, status: int = 200) -> None:
        self.bodies: list[bytes] = []
        self._stage, self._status = stage, status
        stage.trouble = self

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method != "POST":
            return self._stage.sim.answer(request)
        self.bodies.append(request.content)
        if self._status != 200:
            error = {"code": "MODEL_UNAVAILABLE", "message": "no model is up"}
            return httpx.Response(self._status, json={"status": "error", "error": error, "meta": {}})
        return httpx.Response(200, json={"data": {"output": None, "request_id": "req_1", "duration_ms": 5}})


def dialog(stage: Stage) -> ReplayScreen:
    screen = stage.app.screen
    assert isinstance(screen, ReplayScreen)
    return screen


def area(stage: Stage) -> JsonArea:
    return dialog(stage).query_one(JsonArea)


def shown(stage: Stage) -> str:
    """The screen as one text, however it wraps."""
    return " ".join(" ".join(screen_lines(stage.app)).split())


def with_start(**payload: Any) -> FeedSim:
    """One run, whose start tells that."""
    return FeedSim([started(execution="exec_1", **payload), completed(NOON + SECOND, "exec_1")])


def editor_script(folder: Path, saved: bytes | None = None, code: int = 0) -> tuple[list[str], Path]:
    """An editor that saves `saved`; and the file that tells what it was given."""
    script, seen = folder / "editor.py", folder / "seen"
    script.write_text(SCRIPT.format(seen=str(seen), saved=saved, code=code))
    return [sys.executable, str(script)], seen


def is_gone(seen: Path) -> bool:
    """Whether nothing is left of what an editor was given."""
    return not Path(seen.read_text().split(" ")[0]).parent.exists()


async def retype(stage: Stage, pilot: Pilot[int], text: str) -> None:
    """Type in place of all that stands in the text."""
    await pilot.press("f7", *({"\n": "enter"}.get(sign, sign) for sign in text))


async def test_what_was_edited_is_sent_exactly_and_once() -> None:
    stage = Stage(busy())
    invoking = Invoking(stage)
    async with stage.opened() as pilot:
        await pilot.press("e", "R", "e")
        await retype(stage, pilot, '{"b":[1.50,"é"],\n"a":null}')
        stage.clock.advance(1)
        await pilot.press("enter", "backspace", "ctrl+s", "ctrl+s", "enter")
        await until(pilot, lambda: invoking.bodies)
        await stage.settle(pilot)
        assert [json.loads(body) for body in invoking.bodies] == [{"input": {"b": [1.5, "é"], "a": None}}]


async def test_what_was_not_edited_is_sent_as_it_was_captured() -> None:
    value = {"b": 1.0, "a": [True, 1, "\u202e\x1b[2J", {"é": None}], "": 12345678901234567890}
    stage = Stage(with_start(input=value))
    invoking = Invoking(stage)
    async with stage.opened() as pilot:
        await pilot.press("R", "e", "x", "backspace", "escape")
        stage.clock.advance(1)
        await pilot.press("enter")
        await until(pilot, lambda: invoking.bodies)
        sent = json.dumps({"input": value}, ensure_ascii=False, separators=(",", ":")).encode()
        assert invoking.bodies == [sent]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1,\n"b" 2}', "line 2, column 5: expecting ':' delimiter"),
        ('{"a": 1,\n "a": 2}', 'line 2, column 2: the key "a" is there twice'),
        ('{"a":\n [NaN]}', "line 2, column 3: NaN is no number in JSON"),
        ("[1e999]", "line 1, column 2: 1e999 is no number in JSON, or too large for one"),
        ('["\\ud83d"]', "line 1, column 2: half a character, a lone surrogate"),
        ("", "line 1, column 1: expecting value"),
    ],
)
async def test_what_is_no_json_is_not_sent_and_says_where(text: str, reason: str) -> None:
    stage = Stage(busy())
    invoking = Invoking(stage)
    async with stage.opened(WIDE) as pilot:
        await pilot.press("e", "R", "e")
        area(stage).put(text)
        stage.clock.advance(1)
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert f"can't be sent: {reason}" in shown(stage)
        await pilot.press("escape", "enter")
        assert f"can't be sent: {reason}" in shown(stage)
        assert not invoking.bodies


async def test_the_difference_is_shown_and_the_captured_input_comes_back() -> None:
    stage = Stage(busy())
    async with stage.opened() as pilot:
        await pilot.press("e", "R", "e")
        await retype(stage, pilot, '{"invoices":[1,4,3]}')
        await pilot.pause()
        assert "changed: 1 line" in shown(stage)
        assert {"-     2,", "+     4,"} <= {line.strip() for line in screen_lines(stage.app)}
        await pilot.press("escape")
        await pilot.pause()
        assert "enter invokes core_invoice-batch · staging · changed: 1 line" in shown(stage)
        await pilot.press("u")
        await pilot.pause()
        assert "· as captured" in shown(stage)
        await pilot.press("e", "ctrl+z")
        await pilot.pause()
        assert "changed: 1 line" in shown(stage)


async def test_what_was_typed_survives_leaving_and_a_refusal() -> None:
    stage = Stage(busy())
    invoking = Invoking(stage, 503)
    async with stage.opened() as pilot:
        await pilot.press("e", "R", "tab", *"acme", "escape", "e")
        await retype(stage, pilot, '{"half')
        await pilot.press("escape", "escape")
        assert stage.app.screen is stage.screen
        await pilot.press("R", "e", "end", *'":1}')
        stage.clock.advance(1)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "no model is up" in stage.text)
        assert invoking.bodies == [b'{"input":{"half":1},"entity_id":"acme"}']
        await pilot.press("R")
        await pilot.pause()
        assert (area(stage).text, dialog(stage).query_one(Input).value) == ('{"half":1}', "acme")


async def test_a_draft_is_over_once_it_was_taken() -> None:
    stage = Stage(busy())
    invoking = Invoking(stage)
    async with stage.opened() as pilot:
        await pilot.press("e", "R", "e")
        await retype(stage, pilot, "[]")
        stage.clock.advance(1)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: invoking.bodies and "accepted" in stage.text)
        assert not stage.screen.desk.replay_drafts


async def test_keys_typed_ahead_are_typed_into_the_text() -> None:
    stage = Stage(busy())
    invoking = Invoking(stage)
    async with stage.opened() as pilot:
        await pilot.press("e")
        stage.burst("R", "e", *"oReu")
        await until(pilot, lambda: isinstance(stage.app.screen, ReplayScreen) and area(stage).text.startswith("oReu"))
        assert not invoking.bodies


async def test_the_entity_of_the_original_is_filled_in_and_sent() -> None:
    stage = Stage(with_start(entity_id="customer-7", instance_key="inst_7"))
    invoking = Invoking(stage)
    async with stage.opened() as pilot:
        await pilot.press("R")
        await pilot.pause()
        assert "not known" not in shown(stage)
        stage.clock.advance(1)
        await pilot.press("tab", "backspace", "8", "enter")
        await until(pilot, lambda: invoking.bodies)
        assert invoking.bodies == [b'{"input":{"n":1},"entity_id":"customer-8"}']


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({}, "Its instance and its entity are not known"),
        ({"instance_key": "inst_7"}, "It ran as instance inst_7; its entity is not known"),
        ({"entity_id": "a\u202eb"}, "Its entity a<U+202E>b can't be filled in as it is"),
        ({"entity_id": {"id": 1}}, "can't be filled in as it is"),
        ({"input_truncated": True}, "what is shown is not all of it"),
    ],
)
async def test_what_is_not_known_is_told(payload: dict[str, Any], words: str) -> None:
    stage = Stage(with_start(**payload))
    async with stage.opened() as pilot:
        await pilot.press("R")
        await pilot.pause()
        assert words in shown(stage)
        assert "model and plugin calls happen again" in shown(stage)
        assert dialog(stage).query_one(Input).value == ""


async def test_an_input_that_was_cut_off_goes_only_edited() -> None:
    stage = Stage(with_start(input_truncated=True))
    invoking = Invoking(stage)
    async with stage.opened() as pilot:
        await pilot.press("R")
        stage.clock.advance(1)
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert "can't be sent: its input was cut off" in shown(stage)
        await retype(stage, pilot, '{"n":2}')
        await pilot.press("ctrl+s")
        await until(pilot, lambda: invoking.bodies)
        assert invoking.bodies == [b'{"input":{"n":2}}']


async def test_without_a_captured_input_one_can_be_written() -> None:
    stage = Stage(FeedSim([event("block.entered", node_id="a", block_kind="rigid")]))
    invoking = Invoking(stage)
    async with stage.opened() as pilot:
        await pilot.press("R")
        await pilot.pause()
        assert "was not captured: the feed began after its start. Write one of your own." in shown(stage)
        assert area(stage).text == "{}"
        stage.clock.advance(1)
        await retype(stage, pilot, '{"own":true}')
        await pilot.press("ctrl+s")
        await until(pilot, lambda: invoking.bodies)
        assert invoking.bodies == [b'{"input":{"own":true}}']


async def test_foreign_text_is_escaped_where_it_is_edited() -> None:
    stage = Stage(with_start(input={"a\u202e": "\x1b]52;c;aGk=\x07 \x9b2J " + "e" + "\u0301" * 9}))
    async with stage.opened() as pilot:
        await pilot.press("R", "e")
        await pilot.pause()
        text = "\n".join(screen_lines(stage.app))
        assert "\\u202e" in text
        area(stage).insert("\x1b[2J\r\n\u2066")
        await pilot.pause()
        assert area(stage).text.isascii() or "\u2066" not in area(stage).text
        text = "\n".join(screen_lines(stage.app))
        assert not any(
            ord(sign) < 32 or 127 <= ord(sign) < 160 or sign in "\u202e\u2066" for sign in text.replace("\n", "")
        )


async def test_the_new_run_is_found_linked_both_ways_and_followed() -> None:
    stage = Stage(busy())
    invoking = Invoking(stage)
    async with stage.opened(WIDE) as pilot:
        await pilot.press("e", "R", "e")
        await retype(stage, pilot, '{"invoices":[7]}')
        stage.clock.advance(1)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: invoking.bodies)
        again = Story("exec_again1", "core_invoice-batch", 95).start(invoices=[7]).enter("load", "model_call")
        stage.sim.log.extend(again.events)
        await stage.poll(pilot)
        assert "replay of exec_5b0c11 (likely)" in stage.text
        assert stage.screen.run_at_hand is stage.session.book.runs["exec_again1"]
        await pilot.press("enter")
        await stage.settle(pilot)
        assert "replay of exec_5b0c11 (likely)" in stage.text
        await pilot.press("escape", "escape", "slash", *ORIGINAL, "enter")
        await stage.settle(pilot)
        assert "replayed as exec_again1 (likely)" in stage.text
        await pilot.press("enter")
        await stage.settle(pilot)
        assert "replayed  as exec_again1 (likely)" in stage.text
        stage.sim.log.extend(again.tell("invocation.completed", output=None, duration_ms=5).events[-1:])
        await stage.poll(pilot)
        await until(pilot, lambda: "replayed  as exec_again1\n" in stage.text)


async def test_without_an_editor_it_says_so_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    stage = Stage(busy())
    async with stage.opened() as pilot:
        await pilot.press("e", "R", "e")
        await retype(stage, pilot, "[1]")
        await pilot.press("ctrl+o")
        await until(pilot, lambda: "no editor is set" in shown(stage))
        assert area(stage).text == "[1]"
        await pilot.press("escape", "escape")
        await stage.settle(pilot)
        assert "no editor is set" in stage.text


async def test_a_terminal_that_can_not_be_left_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "false")
    stage = Stage(busy())
    async with stage.opened() as pilot:
        await pilot.press("e", "R", "o")
        await until(pilot, lambda: "no editor can be opened in this terminal" in shown(stage))
        assert not stage.session.submitter.submissions


async def test_what_was_saved_in_the_editor_is_what_is_edited(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = []

    async def saved(self: Editor, text: str) -> str:
        texts.append(text)
        return '{"saved":\r\n 1}\r\n'

    monkeypatch.setattr(Editor, "_suspended", saved)
    stage = Stage(busy())
    invoking = Invoking(stage)
    async with stage.opened(STANDARD) as pilot:
        await pilot.press("e", "R")
        stage.clock.advance(1)
        await pilot.press("o")
        await until(pilot, lambda: "changed" in shown(stage))
        await pilot.press("enter")
        assert not invoking.bodies
        stage.clock.advance(1)
        await pilot.press("enter")
        await until(pilot, lambda: invoking.bodies)
        assert texts == ['{\n  "invoices": [\n    1,\n    2,\n    3\n  ]\n}']
        assert invoking.bodies == [b'{"input":{"saved":1}}']
        assert isinstance(stage.app.screen, SessionScreen)


async def test_the_file_of_the_editor_is_private_and_removed(tmp_path: Path) -> None:
    command, seen = editor_script(tmp_path, "\ufeff{é}\r\n".encode())
    assert await edit_text("{}", command) == "{é}\r\n"
    assert seen.read_text().endswith(" 600")
    assert is_gone(seen)


async def test_what_is_no_utf_8_stays_visible(tmp_path: Path) -> None:
    command, _ = editor_script(tmp_path, b'"\xff"')
    assert await edit_text("", command) == '"\\xff"'


async def test_an_editor_that_fails_changes_nothing(tmp_path: Path) -> None:
    command, seen = editor_script(tmp_path, b"discarded", code=3)
    with pytest.raises(ScaicoreError, match="ended with code 3"):
        await edit_text("{}", command)
    assert is_gone(seen)
    with pytest.raises(ConfigError, match="can't be run"):
        await edit_text("{}", [str(tmp_path / "nowhere")])


def test_the_editor_is_visual_or_else_editor() -> None:
    assert editor_command({"VISUAL": "code --wait", "EDITOR": "vi"}) == ["code", "--wait"]
    assert editor_command({"VISUAL": " ", "EDITOR": "'my vi' -n"}) == ["my vi", "-n"]
    for environment in ({}, {"EDITOR": "vi 'n"}):
        with pytest.raises(ConfigError):
            editor_command(environment)
