"""The program itself, on a terminal: from the first key to what it leaves behind."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.terminal import DEBUGGER, Terminal

DEMO = (*DEBUGGER, "demo", "--seed", "7")
AMBER, GREEN = "e6b450", "5fc48b"
# A dialog takes no confirmation for a moment after it opened; on the screen that shows nowhere.
HASTE = 0.4
# The demo is polled every two seconds.
TWO_POLLS = 4.5
EDITOR = """
import pathlib, sys
print("EDITING", flush=True)
said = sys.stdin.readline().strip()
pathlib.Path(sys.argv[1]).write_text('{"typed": "%s"}' % said)
sys.exit(3 if said == "fail" else 0)
"""
# Through panes, pages, dialogs that come and go, a filter, another theme.
WALK: tuple[str, ...] = ("j j tab j", "tab j", "G", "g tab e", "enter", "j pagedown", "i", "t", "escape", "escape")
WALK += ("/ tri", "escape", "a escape", "? escape", "k")
PAGE = "\n".join(f"line {number} of a page that nobody asked for: q R a c 1 ?" for number in range(60))


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Terminal]:
    """The demo, with runs on the screen and a review that waits."""
    with Terminal(tmp_path, DEMO) as terminal:
        terminal.until(runs_are_shown(terminal))
        terminal.until(lambda: re.search(r"Waiting for you · [1-9].*\n(.*\n)*.*‖ ", terminal.text))
        yield terminal


def runs_are_shown(terminal: Terminal) -> Callable[[], object]:
    return lambda: re.search(r"Runs  [\d,]+ of [\d,]+", terminal.text) and "✓ exec_" in terminal.text


def editing(terminal: Terminal, times: int) -> Callable[[], object]:
    """Whether the editor was opened so often: what it wrote the last time may still be on the screen."""
    return lambda: terminal.output.count(b"EDITING") == times


def node_is(terminal: Terminal, node: str, sign: str, colour: str) -> Callable[[], bool]:
    """Whether the selected run's node of that name has that sign, in that colour."""

    def holds() -> bool:
        rows = [(row, re.match(rf"[› ] ({sign}) {node}\b", line)) for row, line in enumerate(terminal.lines)]
        return any(found and terminal.colour(row, found.start(1)) == colour for row, found in rows)

    return holds


def question_of(terminal: Terminal) -> tuple[str, str]:
    """The node and the run of the checkpoint that the dialog is about, once it tells them."""
    found: list[str] = []

    def told() -> bool:
        said = terminal.text
        nodes, runs = (re.findall(rf"(?m)(?:·|^) +{name} (\w+)", said) for name in ("node", "run"))
        found[:] = [*nodes, *runs]
        return len(found) == 2

    terminal.until(told)
    return found[0], found[1]


def test_a_checkpoint_is_answered_and_its_node_turns_green(demo: Terminal, tmp_path: Path) -> None:
    demo.press("a")
    demo.until("nothing is chosen yet")
    node, run = question_of(demo)
    demo.press("escape")
    demo.until("Runs  ")
    demo.press("/", run, "enter")
    demo.until("Runs  1 of 1 ")
    demo.until(node_is(demo, node, "‖", AMBER))
    demo.press("a")
    demo.until("nothing is chosen yet")
    demo.press("1")
    demo.until("enter sends")
    demo.quiet(HASTE)
    demo.press("enter")
    demo.until(": confirmed")
    demo.until(node_is(demo, node, "✓", GREEN))
    leave(demo)
    assert not list(tmp_path.iterdir())


def leave(terminal: Terminal) -> None:
    """Quit, and look at what is left."""
    terminal.press("q")
    assert terminal.wait() == 0
    left = bytes(terminal.output).rpartition(b"\x1b[?1049l")
    assert left[1]
    assert b"\x1b[?25h" in left[2]
    assert b"\x1b[?25l" not in left[2]
    assert terminal.is_empty


def test_an_input_is_edited_in_the_editor_of_ones_own(tmp_path: Path) -> None:
    editor = tmp_path / "editor.py"
    editor.write_text(EDITOR)
    with Terminal(tmp_path, DEMO, env={"EDITOR": f"{sys.executable} {editor}"}) as terminal:
        terminal.until(runs_are_shown(terminal))
        terminal.press("R")
        terminal.until("enter invokes")
        terminal.press("o")
        terminal.until(editing(terminal, 1))
        terminal.quiet(TWO_POLLS)
        assert b"\x1b" not in bytes(terminal.output).rpartition(b"EDITING")[2]
        terminal.press("fail", "enter")
        terminal.until("exited with code 3")
        terminal.press("o")
        terminal.until(editing(terminal, 2))
        terminal.press("mine", "enter")
        terminal.until('+   "typed": "mine"')
        terminal.press("escape")
        terminal.until("Runs  ")
        leave(terminal)


def test_what_was_painted_bit_by_bit_is_what_is_painted_whole(demo: Terminal) -> None:
    demo.press("p")
    demo.until("paused")
    for keys in WALK:
        demo.press(*keys.split())
        demo.quiet(HASTE)
        assert_painted_right(demo)
    demo.resize(120, 40)
    demo.quiet(HASTE)
    assert_painted_right(demo)
    leave(demo)


def assert_painted_right(terminal: Terminal) -> None:
    """Painting all of it changes nothing, but an age that grows meanwhile."""
    differing: list[int] = []
    for _ in range(3):
        before, written = terminal.painted, len(terminal.output)
        terminal.press("ctrl+l")
        terminal.until(lambda written=written: len(terminal.output) > written + 1000)  # type: ignore[misc]
        terminal.quiet(HASTE / 4)
        differing = [row for row, (old, new) in enumerate(zip(before, terminal.painted, strict=True)) if old != new]
        if differing in ([], [0]):
            return
    raise AssertionError(f"lines {differing} differ:\n{terminal.text}")


def test_without_configuration_it_says_what_to_set_and_leaves(tmp_path: Path) -> None:
    with Terminal(tmp_path) as terminal:
        terminal.until("SCAICORE_TUI_URL")
        terminal.until("press d: the demo")
        leave(terminal)


def test_without_configuration_the_demo_is_one_key_away(tmp_path: Path) -> None:
    with Terminal(tmp_path) as terminal:
        terminal.until("start the demo")
        terminal.press("d")
        terminal.until(runs_are_shown(terminal))
        leave(terminal)


def test_a_tiny_screen_a_held_key_and_a_pasted_page_do_no_harm(demo: Terminal) -> None:
    demo.resize(40, 10)
    demo.until(lambda: "Waiting for you" not in demo.text and "Runs  " in demo.text)
    demo.press("j" * 200)
    demo.until(lambda: re.search(r"Runs  ([1-9]\d*) of \1\b", demo.text))
    demo.resize(80, 24)
    demo.until("Waiting for you")
    demo.paste(PAGE)
    demo.press("?")
    demo.until("Keys · runs")
    demo.press("escape")
    demo.until(runs_are_shown(demo))
    leave(demo)


def test_a_sign_may_come_byte_by_byte(demo: Terminal) -> None:
    demo.press("/")
    for byte in "é─x".encode():
        demo.send(bytes([byte]))
        # The next one is another read then: half a sign shows nothing to wait for.
        demo.quiet(HASTE / 4, HASTE)
    demo.until("/é─x")
    demo.press("escape")
    demo.until(runs_are_shown(demo))
    leave(demo)


def test_over_a_bad_link_colours_are_few_and_ticks_rare(tmp_path: Path) -> None:
    with Terminal(tmp_path, (*DEMO, "--rate", "0", "--low-bandwidth")) as terminal:
        terminal.until(runs_are_shown(terminal))
        terminal.until(lambda: re.search(r"live <\d+s", terminal.text))
        written = bytes(terminal.output)
        assert not re.search(rb"[34]8;[25];", written)
        assert re.search(rb"\x1b\[[\d;]*3[1-5]m", written)
        assert b"\x1b[?1003h" not in written
        leave(terminal)


def test_without_colours_there_are_none(tmp_path: Path) -> None:
    with Terminal(tmp_path, (*DEMO, "--rate", "0"), env={"NO_COLOR": "1"}) as terminal:
        terminal.until(runs_are_shown(terminal))
        assert not re.search(rb"\x1b\[[\d;]*[34][0-8][;m]", bytes(terminal.output))
        leave(terminal)
