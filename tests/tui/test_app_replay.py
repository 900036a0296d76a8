"""The replay dialog: captured or edited input, validation, drafts, one POST, and the link to the new run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from textual.widgets import Input

from scaicore_tui.tui.dialogs.replay import ReplayScreen
from scaicore_tui.tui.state import ReplayDraft
from tests.support.app_stage import WIDE, Stage, screen_lines, wait_until
from tests.support.builders import NOON, SECOND, completed, event, started_with_raw_input
from tests.support.feed_simulator import FeedSim
from tests.support.invoke_server import (
    InvokeServer,
    feed_started_with,
    json_editor,
    replace_text,
    replay_dialog,
    unwrapped_text,
)
from tests.support.scene import RunEvents, busy_feed

ORIGINAL = "exec_5b0c11"


async def test_edited_input_is_sent_verbatim_and_once() -> None:
    stage = Stage(busy_feed())
    server = InvokeServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("e", "R", "e")
        await replace_text(stage, pilot, '{"b":[1.50,"é"],\n"a":null}')
        stage.clock.advance(1)
        await pilot.press("enter", "backspace", "ctrl+s", "ctrl+s", "enter")
        await wait_until(pilot, lambda: server.bodies)
        await stage.settle(pilot)
        assert [json.loads(body) for body in server.bodies] == [{"input": {"b": [1.5, "é"], "a": None}}]
        assert b"1.50" in server.bodies[0]


async def test_unedited_input_is_sent_as_captured() -> None:
    value = {"b": 1.0, "a": [True, 1, "\u202e\x1b[2J", {"é": None}], "": 12345678901234567890}
    stage = Stage(feed_started_with(input=value))
    server = InvokeServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("R", "e", "x", "backspace", "escape")
        stage.clock.advance(1)
        await pilot.press("enter")
        await wait_until(pilot, lambda: server.bodies)
        sent = b'{"input":%s}' % json.dumps(value).encode()
        assert server.bodies == [sent]


async def test_long_numbers_and_duplicate_keys_are_kept() -> None:
    source = b'{"a":1.10,"a":2,"b":1e400,"c":"\\u00e9"}'
    stage = Stage(FeedSim([started_with_raw_input(source), completed(NOON + SECOND, "exec_1")]))
    server = InvokeServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("R", "e")
        assert json_editor(stage).text == '{\n  "a": 1.10,\n  "a": 2,\n  "b": 1e400,\n  "c": "é"\n}'
        assert "as captured" in unwrapped_text(stage)
        await replace_text(stage, pilot, '{"a":1.1,"a":2,"b":1e400}')
        stage.clock.advance(1)
        await pilot.press("escape")
        await pilot.pause()
        assert 'duplicate key "a"' in unwrapped_text(stage)
        await pilot.press("u", "enter")
        await wait_until(pilot, lambda: server.bodies)
        assert server.bodies == [b'{"input":%s}' % source]


async def test_edited_text_is_sent_verbatim() -> None:
    stage = Stage(FeedSim([started_with_raw_input(b'{"a":1.10}'), completed(NOON + SECOND, "exec_1")]))
    server = InvokeServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("R", "e")
        await replace_text(stage, pilot, '{"a":1.1,"a":2e0 }')
        stage.clock.advance(1)
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: server.bodies)
        assert server.bodies == [b'{"input":{"a":1.1,"a":2e0 }}']


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1,\n"b" 2}', "line 2, column 5: expecting ':' delimiter"),
        ('{"a":\n [NaN]}', "line 2, column 3: NaN is not a valid JSON number"),
        ("", "line 1, column 1: expecting value"),
    ],
)
async def test_invalid_json_is_not_sent_and_the_error_is_located(text: str, reason: str) -> None:
    stage = Stage(busy_feed())
    server = InvokeServer(stage)
    async with stage.opened(WIDE) as pilot:
        await pilot.press("e", "R", "e")
        json_editor(stage).set_text(text)
        stage.clock.advance(1)
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert f"can't send: {reason}" in unwrapped_text(stage)
        await pilot.press("escape", "enter")
        assert f"can't send: {reason}" in unwrapped_text(stage)
        assert not server.bodies


async def test_diff_is_shown_and_the_captured_input_can_be_restored() -> None:
    stage = Stage(busy_feed())
    async with stage.opened() as pilot:
        await pilot.press("e", "R", "e")
        await replace_text(stage, pilot, '{"invoices":[1,4,3]}')
        await pilot.pause()
        assert "1 line changed" in unwrapped_text(stage)
        assert {"│ -     2,", "│ +     4,"} <= {line.strip() for line in screen_lines(stage.app)}
        await pilot.press("escape")
        await pilot.pause()
        assert "enter invokes core_invoice-batch · staging · 1 line changed" in unwrapped_text(stage)
        await pilot.press("u")
        await pilot.pause()
        assert "· as captured" in unwrapped_text(stage)
        await pilot.press("e", "ctrl+z")
        await pilot.pause()
        assert "1 line changed" in unwrapped_text(stage)


async def test_draft_answer_survives_closing_and_rejection() -> None:
    stage = Stage(busy_feed())
    server = InvokeServer(stage, 422)
    async with stage.opened() as pilot:
        await pilot.press("e", "R", "tab", *"acme", "escape", "e")
        await replace_text(stage, pilot, '{"half')
        await pilot.press("escape", "escape")
        assert stage.app.screen is stage.screen
        await pilot.press("R", "e", "end", *'":1}')
        stage.clock.advance(1)
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: "no model is up" in stage.text)
        assert server.bodies == [b'{"input":{"half":1},"entity_id":"acme"}']
        await pilot.press("R")
        await pilot.pause()
        assert (json_editor(stage).text, replay_dialog(stage).query_one(Input).value) == ('{"half":1}', "acme")


async def test_draft_is_discarded_once_accepted() -> None:
    stage = Stage(busy_feed())
    server = InvokeServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("e", "R", "e")
        await replace_text(stage, pilot, "[]")
        stage.clock.advance(1)
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: server.bodies and "accepted" in stage.text)
        assert stage.screen.state.drafts.replay(ORIGINAL) == ReplayDraft()


async def test_keys_typed_ahead_go_into_the_editor() -> None:
    stage = Stage(busy_feed())
    server = InvokeServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("e")
        stage.press_fast("R", "e", *"oReu")
        await wait_until(
            pilot, lambda: isinstance(stage.app.screen, ReplayScreen) and json_editor(stage).text.startswith("oReu")
        )
        assert not server.bodies


async def test_entity_of_the_source_run_is_filled_in_and_sent() -> None:
    stage = Stage(feed_started_with(entity_id="customer-7", instance_key="inst_7"))
    server = InvokeServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("R")
        await pilot.pause()
        assert "not known" not in unwrapped_text(stage)
        stage.clock.advance(1)
        await pilot.press("tab", "backspace", "8", "enter")
        await wait_until(pilot, lambda: server.bodies)
        assert server.bodies == [b'{"input":{"n": 1},"entity_id":"customer-8"}']


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({}, "Instance and entity are unknown"),
        ({"instance_key": "inst_7"}, "instance is inst_7, its entity is unknown"),
        ({"entity_id": "a\u202eb"}, "The entity “a<U+202E>b” cannot be filled in"),
        ({"entity_id": {"id": 1}}, "cannot be filled in"),
        ({"input_truncated": True}, "the API cut it off"),
    ],
)
async def test_unknown_input_or_entity_is_stated(payload: dict[str, Any], text: str) -> None:
    stage = Stage(feed_started_with(**payload))
    async with stage.opened() as pilot:
        await pilot.press("R")
        await pilot.pause()
        assert text in unwrapped_text(stage)
        assert "plugins are called again" in unwrapped_text(stage)
        assert replay_dialog(stage).query_one(Input).value == ""


async def test_truncated_input_is_sent_only_after_editing() -> None:
    stage = Stage(feed_started_with(input_truncated=True))
    server = InvokeServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("R")
        stage.clock.advance(1)
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert "can't send: the API truncated the input of this run" in unwrapped_text(stage)
        await replace_text(stage, pilot, '{"n":2}')
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: server.bodies)
        assert server.bodies == [b'{"input":{"n":2}}']


async def test_input_can_be_written_if_none_was_captured() -> None:
    stage = Stage(FeedSim([event("block.entered", node_id="a", block_kind="rigid")]))
    server = InvokeServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("R")
        await pilot.pause()
        assert "was not captured: the run began before our first event. Enter one." in unwrapped_text(stage)
        assert json_editor(stage).text == "{}"
        stage.clock.advance(1)
        await replace_text(stage, pilot, '{"own":true}')
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: server.bodies)
        assert server.bodies == [b'{"input":{"own":true}}']


async def test_untrusted_text_is_escaped_in_the_editor() -> None:
    stage = Stage(feed_started_with(input={"a\u202e": "\x1b]52;c;aGk=\x07 \x9b2J " + "e" + "\u0301" * 9}))
    async with stage.opened() as pilot:
        await pilot.press("R", "e")
        await pilot.pause()
        text = "\n".join(screen_lines(stage.app))
        assert "\\u202e" in text
        json_editor(stage).insert("\x1b[2J\r\n\u2066")
        await pilot.pause()
        assert json_editor(stage).text.isascii() or "\u2066" not in json_editor(stage).text
        text = "\n".join(screen_lines(stage.app))
        assert not any(
            ord(char) < 32 or 127 <= ord(char) < 160 or char in "\u202e\u2066" for char in text.replace("\n", "")
        )


async def test_new_run_is_linked_both_ways_and_selected() -> None:
    stage = Stage(busy_feed())
    server = InvokeServer(stage)
    async with stage.opened(WIDE) as pilot:
        await pilot.press("e", "R", "e")
        await replace_text(stage, pilot, '{"invoices":[7]}')
        stage.clock.advance(1)
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: server.bodies)
        again = RunEvents("exec_again1", "core_invoice-batch", 95).start(invoices=[7]).enter("load", "model_call")
        stage.sim.log.extend(again.events)
        await stage.poll(pilot)
        assert "replay of exec_5b0c11 (likely)" in stage.text
        assert stage.screen.current_run is stage.session.index.runs["exec_again1"]
        await pilot.press("enter")
        await stage.settle(pilot)
        assert "replay of exec_5b0c11 (likely)" in stage.text
        await pilot.press("escape", "escape", "slash", *ORIGINAL, "enter")
        await stage.settle(pilot)
        assert "replayed as exec_again1 (likely)" in stage.text
        await pilot.press("enter")
        await stage.settle(pilot)
        assert "replayed as exec_again1 (likely)" in stage.text
        stage.sim.log.extend(again.add("invocation.completed", output=None, duration_ms=5).events[-1:])
        await stage.poll(pilot)
        await wait_until(pilot, lambda: "replayed as exec_again1  " in stage.text)
