"""Nothing is sent without a key press: the real program on a terminal that sends bytes that nobody typed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from scaicore_tui.tui.terminal.input import InputParser
from tests.support.app_stage import Stage, screen_lines, wait_until
from tests.support.app_states import AppProcess
from tests.support.feed_server import feed_server
from tests.support.feed_simulator import FeedSim
from tests.support.inbox_scene import inbox_feed
from tests.support.scene import BREAKPOINT, busy_feed, stopped_debug
from tests.support.terminal import Terminal
from tests.support.write_server import AcceptingServer

DA2 = b"\x1b[>0;276;0c"
UNTYPED_INPUTS = (
    DA2,
    b"\x1b[?62;c\x1b[0nc\x1b[>1u",
    b"\x1b]11;rgb:cccc/aaaa/RRRR\x07\x1bP>|cC\x1b\\\x1b_Gi=c;c\x1b\\",
    b"\x9b>0;276;0c\x1b[99~\x1b[Mccc\x1b[<-1;-1;-1M\x1b[99;1:3u",
    b"\x1b[200~c\x1b[201~c\r\x1b[201~",
)
# Longer than the program waits for the rest of an escape sequence.
PAUSE_S = 0.3


@dataclass
class CountingFeed(FeedSim):
    """A feed with a run at a breakpoint; counts the writes."""

    posts: list[str] = field(default_factory=list)

    def respond(self, request: httpx.Request) -> httpx.Response:
        if request.method != "POST":
            return super().respond(request)
        self.posts.append(request.url.path)
        return httpx.Response(200, json={"data": BREAKPOINT | {"status": "resolved", "resolution": "continue"}})


@pytest.fixture
def feed() -> CountingFeed:
    return CountingFeed(stopped_debug(), checkpoints=[BREAKPOINT])


@pytest.fixture
def terminal(feed: CountingFeed, tmp_path: Path) -> Iterator[Terminal]:
    """Yield the terminal of the program, with the breakpoint under the cursor."""
    with feed_server(feed) as server, AppProcess(tmp_path, server).start() as opened:
        opened.wait_until(lambda: "exec_d3b6f0" in opened.text and "Waiting 1" in opened.text)
        yield opened


def test_only_a_key_continues_a_breakpoint(terminal: Terminal, feed: CountingFeed) -> None:
    for sent in UNTYPED_INPUTS:
        terminal.send(sent)
    for at in (1, 2, len(DA2) - 1):
        terminal.send(DA2[:at])
        terminal.wait_for_silence(PAUSE_S, at_most=PAUSE_S)
        terminal.send(DA2[at:])
        terminal.wait_for_silence(PAUSE_S, at_most=PAUSE_S)
    terminal.send(b"\x1b[I\x1b[Bc")
    terminal.wait_until("c: ignored")
    assert feed.posts == []
    terminal.wait_for_silence(PAUSE_S, at_most=PAUSE_S)
    terminal.press("c")
    terminal.wait_until(lambda: feed.posts)
    assert feed.posts == ["/api/v1/scaicore/checkpoints/ckpt_break/resolve"]


def press(stage: Stage, sent: bytes) -> None:
    """Send `sent` so that it arrives in one read."""
    for message in InputParser().feed(sent.decode(), 0.0):
        stage.app.post_message(message)


async def test_write_key_in_one_read_with_an_escape_sequence_is_refused() -> None:
    stage = Stage(inbox_feed(BREAKPOINT))
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("i")
        stage.clock.advance(1)
        screen = stage.app.screen
        for key in "caRC":
            press(stage, f"{key}\x1b[I".encode())
            await wait_until(pilot, lambda: f"{key}: ignored" in stage.text)  # noqa: B023  (called before the next iteration)
        assert stage.app.screen is screen
        assert not server.posts


async def test_confirmation_in_one_read_with_an_escape_sequence_is_refused() -> None:
    stage = Stage(busy_feed())
    server = AcceptingServer(stage)
    async with stage.opened() as pilot:
        await pilot.press("a", "1")
        stage.clock.advance(1)
        press(stage, b"\x1b[I\r")
        press(stage, b"\x13\x1b[I")
        await wait_until(pilot, lambda: any("ctrl+s: ignored" in line for line in screen_lines(stage.app)))
        assert not server.posts
        await pilot.press("enter")
        await wait_until(pilot, lambda: server.posts)


async def test_text_for_a_field_is_accepted_together_with_an_escape_sequence() -> None:
    stage = Stage(busy_feed())
    async with stage.opened() as pilot:
        await pilot.press("slash")
        press(stage, b"ca\x1b[DR")
        await wait_until(pilot, lambda: "/cRa" in stage.text)
