"""Pasting: clipboard text is only inserted as text. It chooses nothing, sends nothing and cannot drive the terminal."""

from __future__ import annotations

import json

import pytest
from textual.widgets import Input

from tests.support.app_stage import SMALL, Stage, screen_lines, wait_until
from tests.support.inbox_scene import WITH_FORM, inbox_feed
from tests.support.scene import busy_feed
from tests.support.write_server import AcceptingServer, answer_dialog

HOSTILE = "\x1b[2Jred\x1b]52;c;aGk=\x07 \x9b2J \u202eright\u200b"
PAGE = "approve\r\n1\renter\n\nq\n" * 40


def is_harmless(text: str) -> bool:
    """Return True if `text` contains no control and no invisible characters."""
    return not any(ord(char) < 32 or 127 <= ord(char) < 160 or char in "\u202e\u200b" for char in text)


@pytest.mark.parametrize("pressed", [("a", "1"), ("a", "1", "tab")], ids=["options", "comment"])
async def test_pasted_page_sends_nothing_and_chooses_nothing(pressed: tuple[str, ...]) -> None:
    stage = Stage(busy_feed())
    server = AcceptingServer(stage)
    async with stage.opened(SMALL) as pilot:
        await pilot.press(*pressed)
        stage.clock.advance(1)
        await stage.paste(pilot, PAGE)
        assert answer_dialog(stage).resolution == "approve"
        assert not server.posts


async def test_text_pasted_into_a_comment_is_sent_as_shown() -> None:
    stage = Stage(busy_feed())
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("a", "2", "tab")
        await stage.paste(pilot, f"one\r\ntwo\r{HOSTILE}")
        assert is_harmless("".join(screen_lines(stage.app)))
        stage.clock.advance(1)
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: server.posts)
        comment = json.loads(server.posts[0][1])["comment"]
        assert comment == "one\ntwo\n␛[2Jred␛]52;c;aGk=␇ <9B>2J <U+202E>right<U+200B>"


@pytest.mark.parametrize(
    "pressed",
    [
        pytest.param(("i", "a"), id="free answer"),
        pytest.param(("e", "R", "tab"), id="entity"),
        pytest.param(("slash",), id="filter"),
        pytest.param(("i", "slash"), id="filter of the inbox"),
    ],
)
async def test_text_pasted_into_a_line_is_sanitized(pressed: tuple[str, ...]) -> None:
    stage = Stage(inbox_feed(WITH_FORM | {"options": []}))
    async with stage.opened() as pilot:
        await pilot.press(*pressed)
        await stage.paste(pilot, HOSTILE)
        line = stage.app.focused
        assert isinstance(line, Input)
        assert line.value == "␛[2Jred␛]52;c;aGk=␇ <9B>2J <U+202E>right<U+200B>"
        assert line.cursor_position == len(line.value)
        assert is_harmless("".join(screen_lines(stage.app)))
