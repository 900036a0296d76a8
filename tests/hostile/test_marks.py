"""Text from a flow or a server can always be distinguished from the text of the program.

Each line of a text that imitates the program contains a canary. Wherever the canary is on the screen, a mark of the
program precedes it: the quote bar or an open quote; in a list, the cells of cursor and status, and the column.
"""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from textual.pilot import Pilot

from tests.support.app_stage import SMALL, STANDARD, WIDE, Stage, screen_lines, wait_until
from tests.support.builders import NOON, SECOND, checkpoint, completed, entered, event, started
from tests.support.feed_simulator import FeedSim
from tests.support.hostile.corpus import CORPUS
from tests.support.write_server import AcceptingServer

CANARY = "ZQX"
# Imitations of the program's lines, with the canary at the start and end of each line.
FAKES = [words for name, words in CORPUS.items() if name in (
    "heading", "bar", "bar left", "footer", "footer of a dialog", "verdict", "status bar", "notice on its own line",
    "cursor", "facts", "quote", "columns", "state", "box", "pages", "prompt of the command line", "protected", "click",
)]  # fmt: skip
TEXT = "\n".join(f"{CANARY} {line} {CANARY}" for words in FAKES for line in words.split("\n"))
# Fills the line before the canary, so that wrapping puts it at the start of a line.
NAME = f"x {'w' * 70} · {CANARY}: confirmed · ” {CANARY} · “ › 1 {CANARY}"
SHORT_NAME = f"x · {CANARY}"
SIZES = pytest.mark.parametrize("size", [WIDE, STANDARD, SMALL], ids=lambda size: f"{size[0]}x{size[1]}")
GLYPHS = pytest.mark.parametrize("ascii_only", [False, True], ids=["unicode", "ascii"])


def review(identity: str = "ckpt_1", **fields: Any) -> dict[str, Any]:
    """Return a review in which every field imitates the program."""
    field = {"name": TEXT, "label": TEXT, "value": TEXT}
    return (
        checkpoint(
            identity,
            presentation={
                "title": TEXT,
                "message": TEXT,
                "sections": [{"type": "input", "title": TEXT, "fields": [field]}],
            },
            flow_name=NAME,
            node_id=NAME,
            priority=SHORT_NAME,
            assignee_raw=SHORT_NAME,
            expires_at=SHORT_NAME,
            expiry_action=SHORT_NAME,
            context={TEXT: TEXT, "list": [TEXT]},
            options=[{"id": NAME, "label": NAME}, SHORT_NAME],
        )
        | fields
    )


def feed(*checkpoints: dict[str, Any]) -> FeedSim:
    """Return a run that imitates the program in its error, input, output, nodes and events, and two reviews."""
    log = [
        started(NOON, instance_key=NAME, input={TEXT: TEXT}, entity_id=NAME),
        entered(NAME, NOON + SECOND, kind=SHORT_NAME),
        event("block.exited", NOON + SECOND, node_id=NAME, result_binding=NAME, result_binding_value=TEXT),
        entered("node", NOON + SECOND),
        event("block.failed", NOON + SECOND, node_id="node", error={"code": NAME, "message": TEXT}),
        event("custom.x", NOON + SECOND, note=TEXT),
        event("invocation.failed", NOON + 2 * SECOND, error=TEXT),
        started(NOON, "exec_2", input={"a": 1}),
        completed(NOON + SECOND, "exec_2", output=TEXT),
    ]
    return FeedSim(log, checkpoints=list(checkpoints) or [review()])


def unmarked_lines(lines: list[str], *, ascii_only: bool) -> list[str]:
    """Return the lines on which no mark of the program precedes the canary."""
    bar, quotes = ("|", '"') if ascii_only else ("│", "“")
    found = []
    for line in lines:
        before = line.partition(CANARY)[0]
        closed = before.count('"') % 2 == 0 if ascii_only else before.count("“") == before.count("”")
        if CANARY in line and bar not in before and (closed or quotes not in before):
            found.append(line)
    return found


async def pages(stage: Stage, pilot: Pilot[int], key: str = "pagedown", max_pages: int = 60) -> list[str]:
    """Press `key` up to `max_pages` times; return the lines of all pages."""
    found: list[str] = []
    for _ in range(max_pages):
        lines = screen_lines(stage.app)
        if found[-len(lines) :] == lines:
            break
        found += lines
        await pilot.press(key)
        await pilot.pause()
    assert any(CANARY in line for line in found)
    return found


@SIZES
@GLYPHS
async def test_marks_foreign_text_in_the_run_view(size: tuple[int, int], ascii_only: bool) -> None:
    stage = Stage(feed(), ascii_only=ascii_only)
    async with stage.opened(size) as pilot:
        await pilot.press("g", "enter")
        await pilot.pause()
        facts = re.compile(r"^ (run|Core|instance|.{9}) ")
        lines = [line for line in await pages(stage, pilot) if not facts.match(line) and not is_node(line)]
        assert not unmarked_lines(lines, ascii_only=ascii_only)


def is_node(line: str) -> bool:
    """Return True if `line` is a node's heading: its state precedes its name, which ends on the same line."""
    return re.match(r"^ [✓✗●‖+x*=] ", line) is not None


@SIZES
@GLYPHS
@pytest.mark.parametrize("kind", ["hitl_review", "debug_breakpoint"])
async def test_marks_foreign_text_in_the_answer_dialog(size: tuple[int, int], ascii_only: bool, kind: str) -> None:
    stage = Stage(feed(review(checkpoint_type=kind)), ascii_only=ascii_only)
    async with stage.opened(size) as pilot:
        await pilot.press("i", "a")
        await pilot.pause()
        lines = await pages(stage, pilot)
        await pilot.press("1")
        await pilot.pause()
        lines += screen_lines(stage.app)
        assert any("enter sends" in line for line in lines)
        options = re.compile(r"^ *[›>]? *[12] |^ {5,}")
        assert not unmarked_lines([line for line in lines if not options.match(line)], ascii_only=ascii_only)


@GLYPHS
async def test_a_long_option_does_not_hide_the_target(ascii_only: bool) -> None:
    stage = Stage(feed(review(execution_id="exec_1")), ascii_only=ascii_only)
    async with stage.opened(STANDARD) as pilot:
        await pilot.press("i", "a", "1")
        await pilot.pause()
        dialog_text = " ".join(" ".join(screen_lines(stage.app)).split())
        confirmation = dialog_text.partition("enter sends ")[2]
        assert " staging " in confirmation
        assert " a " in confirmation


@SIZES
@GLYPHS
async def test_marks_foreign_text_in_the_bulk_dialog(size: tuple[int, int], ascii_only: bool) -> None:
    stage = Stage(feed(review(), review("ckpt_2")), ascii_only=ascii_only)
    async with stage.opened(size) as pilot:
        await pilot.press("i", "space", "space", "a", "1")
        await pilot.pause()
        lines = await pages(stage, pilot)
        rows = re.compile(r"^ *[›>]? *[12] |^ {5,}")
        assert not unmarked_lines([line for line in lines if not rows.match(line)], ascii_only=ascii_only)
        target_rows = [line for line in lines if re.match(r"^ +[12] ckpt_[12] ", line)]
        assert target_rows
        assert all(
            re.match(r"^ +[12] ckpt_[12] +“?x .{0,20}…? *[│|] ", line.replace("~", "…")) for line in target_rows
        ), target_rows


@SIZES
@GLYPHS
async def test_marks_foreign_text_in_the_replay_dialog(size: tuple[int, int], ascii_only: bool) -> None:
    stage = Stage(feed(), ascii_only=ascii_only)
    async with stage.opened(size) as pilot:
        await pilot.press("g", "R")
        await pilot.pause()
        lines = [line for line in await pages(stage, pilot) if not line.strip().startswith("entity ")]
        assert not unmarked_lines(lines, ascii_only=ascii_only)


@SIZES
@GLYPHS
async def test_marks_foreign_text_in_lists(size: tuple[int, int], ascii_only: bool) -> None:
    """A row begins with two cells for the cursor and one for the state; a note follows the quote bar."""
    stage = Stage(feed(), ascii_only=ascii_only)
    async with stage.opened(size) as pilot:
        await pilot.press("g")
        await stage.settle(pilot)
        lines = screen_lines(stage.app)
        await pilot.press("tab")
        await stage.settle(pilot)
        lines += screen_lines(stage.app)
        await pilot.press("i")
        await stage.settle(pilot)
        lines += screen_lines(stage.app)
        row = re.compile(r"^[ ›>][ ■@]?[✓✗●‖◆+x*=#] ")
        columns = [
            part for line in lines for part in re.split(r"(?<=.{55})(?=[ ›>] [✓✗●‖◆│+x*=#|] )", line, maxsplit=1)
        ]
        assert any(CANARY in line for line in columns)
        assert not unmarked_lines([line for line in columns if not row.match(line)], ascii_only=ascii_only)


REFUSAL = {"status": "error", "error": {"code": NAME, "message": TEXT}, "meta": {"request_id": NAME}}


@SIZES
@GLYPHS
async def test_marks_error_messages_of_the_server(size: tuple[int, int], ascii_only: bool) -> None:
    stage = Stage(feed(), ascii_only=ascii_only)
    async with stage.opened(size) as pilot:
        stage.fault = lambda _: httpx.Response(500, json=REFUSAL)
        await stage.poll(pilot)
        lines = [line for line in screen_lines(stage.app)[1:5] if CANARY in line]
        assert lines
        assert not unmarked_messages(lines)


@SIZES
@GLYPHS
async def test_marks_the_response_to_an_answer(size: tuple[int, int], ascii_only: bool) -> None:
    stage = Stage(FeedSim(feed().log[-2:], checkpoints=[checkpoint()]), ascii_only=ascii_only)
    server = AcceptingServer(stage, 422)
    server.refusal = REFUSAL
    async with stage.opened(size) as pilot:
        await pilot.press("a", "1")
        stage.clock.advance(1)
        await pilot.press("enter")
        await wait_until(pilot, lambda: server.posts)
        await stage.settle(pilot)
        lines = screen_lines(stage.app)[-6:-1]
        assert any(": refused" in line for line in lines)
        assert not unmarked_messages(lines)


def unmarked_messages(lines: list[str]) -> list[str]:
    """Return canary lines at the position of the program's messages without its own words or a quote before."""
    canary_lines = [line for line in lines if CANARY in line and not line.startswith("   ")]
    return [line for line in canary_lines if not re.match(r"^ (“|\"|events: |answer )", line)]
