"""The real program on a terminal: keys, dialogs, the editor, drawing, and the restored terminal."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.terminal import DEBUGGER, Terminal

DEMO = (*DEBUGGER, "demo", "--seed", "7")
AMBER, GREEN = "e6b450", "5fc48b"
# For this time after it opened, a dialog accepts no confirmation. The screen does not show it.
CONFIRM_DELAY_S = 0.4
# The demo is polled every two seconds.
TWO_POLLS_S = 4.5
QUIET_S = 0.4
EDITOR = """
import pathlib, sys
print("EDITING", flush=True)
typed = sys.stdin.readline().strip()
pathlib.Path(sys.argv[1]).write_text('{"typed": "%s"}' % typed)
sys.exit(3 if typed == "fail" else 0)
"""
# Keys that visit panes, pages, dialogs, a filter and another theme.
WALK: tuple[str, ...] = ("j j tab j", "tab j", "G", "g tab e", "enter", "j pagedown", "i", "t", "escape", "escape")
WALK += ("/ tri", "escape", "a escape", "? escape", "k")
PAGE = "\n".join(f"line {number} of a page pasted by mistake: q R a c 1 ?" for number in range(60))


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Terminal]:
    """Yield the demo once its screen shows runs and a pending review."""
    with Terminal(tmp_path, DEMO, warm=True) as terminal:
        terminal.wait_until(runs_are_shown(terminal))
        terminal.wait_until(lambda: re.search(r"Waiting [1-9]", terminal.text))
        yield terminal


def runs_are_shown(terminal: Terminal) -> Callable[[], object]:
    return lambda: (
        re.search(r"Runs  [\d,]+ of [\d,]+", terminal.text) and re.search(r"✓ \d\d:\d\d:\d\d ", terminal.text)
    )


def editing(terminal: Terminal, times: int) -> Callable[[], object]:
    """Return a condition: the editor was opened `times` times. Its earlier output may still be on the screen."""
    return lambda: terminal.output.count(b"EDITING") == times


def node_is(terminal: Terminal, node: str, glyph: str, colour: str) -> Callable[[], bool]:
    """Return a condition: that node of the selected run has this glyph in this colour."""

    def holds() -> bool:
        rows = [(row, re.match(rf"[› ] ({glyph}) {node}\b", line)) for row, line in enumerate(terminal.lines)]
        return any(found and terminal.colour(row, found.start(1)) == colour for row, found in rows)

    return holds


def node_and_run(terminal: Terminal) -> tuple[str, str]:
    """Wait until the dialog shows the node and the run of its checkpoint; return both."""
    found: list[str] = []

    def is_shown() -> bool:
        text = terminal.text
        nodes, runs = (re.findall(rf"(?m)(?:·|^) +{name} (\w+)", text) for name in ("node", "run"))
        found[:] = [*nodes, *runs]
        return len(found) == 2

    terminal.wait_until(is_shown)
    return found[0], found[1]


def test_a_checkpoint_is_answered_and_its_node_turns_green(demo: Terminal, tmp_path: Path) -> None:
    demo.press("a")
    demo.wait_until("nothing is chosen yet")
    node, run = node_and_run(demo)
    demo.press("escape")
    demo.wait_until("Runs  ")
    demo.press("/", run, "enter")
    demo.wait_until("Runs  1 of 1 ")
    demo.wait_until(node_is(demo, node, "‖", AMBER))
    demo.press("a")
    demo.wait_until("nothing is chosen yet")
    demo.press("1")
    demo.wait_until("enter sends")
    demo.wait_for_silence(CONFIRM_DELAY_S)
    demo.press("enter")
    demo.wait_until(": confirmed")
    demo.wait_until(node_is(demo, node, "✓", GREEN))
    quit_app(demo)
    assert not list(tmp_path.iterdir())


def quit_app(terminal: Terminal) -> None:
    """Quit, and check that the terminal is restored and no process is left."""
    terminal.press("q")
    assert terminal.wait() == 0
    _, screen_end, rest = bytes(terminal.output).rpartition(b"\x1b[?1049l")
    assert screen_end
    assert b"\x1b[?25h" in rest
    assert b"\x1b[?25l" not in rest
    assert terminal.has_no_processes


def test_an_input_is_edited_in_the_users_editor(tmp_path: Path) -> None:
    editor = tmp_path / "editor.py"
    editor.write_text(EDITOR)
    with Terminal(tmp_path, DEMO, env={"EDITOR": f"{sys.executable} {editor}"}, warm=True) as terminal:
        terminal.wait_until(runs_are_shown(terminal))
        terminal.press("R")
        terminal.wait_until("enter invokes")
        terminal.press("o")
        terminal.wait_until(editing(terminal, 1))
        terminal.wait_for_silence(TWO_POLLS_S)
        assert b"\x1b" not in bytes(terminal.output).rpartition(b"EDITING")[2]
        terminal.press("fail", "enter")
        terminal.wait_until("exited with code 3")
        terminal.press("o")
        terminal.wait_until(editing(terminal, 2))
        terminal.press("mine", "enter")
        terminal.wait_until("changed")
        terminal.wait_for_silence(QUIET_S)
        # The captured input comes before it, and is longer than the screen.
        terminal.press(*["pagedown"] * 5)
        terminal.wait_until('+   "typed": "mine"')
        terminal.press("escape")
        terminal.wait_until("Runs  ")
        quit_app(terminal)


def test_partial_updates_give_the_same_screen_as_a_full_redraw(demo: Terminal) -> None:
    demo.press("p")
    demo.wait_until("paused")
    for keys in WALK:
        demo.press(*keys.split())
        demo.wait_for_silence(CONFIRM_DELAY_S)
        assert_redraw_changes_nothing(demo)
    demo.resize(120, 40)
    demo.wait_for_silence(CONFIRM_DELAY_S)
    assert_redraw_changes_nothing(demo)
    quit_app(demo)


def assert_redraw_changes_nothing(terminal: Terminal) -> None:
    """Redraw the screen, and check that only the age in the first line has changed."""
    differing: list[int] = []
    for _ in range(3):
        before, written = terminal.cells, len(terminal.output)
        terminal.press("ctrl+l")
        terminal.wait_until(lambda written=written: len(terminal.output) > written + 1000)  # type: ignore[misc]
        terminal.wait_for_silence(CONFIRM_DELAY_S / 4)
        differing = [row for row, (old, new) in enumerate(zip(before, terminal.cells, strict=True)) if old != new]
        if differing in ([], [0]):
            return
    raise AssertionError(f"lines {differing} differ:\n{terminal.text}")


def test_without_configuration_the_screen_says_what_to_set(tmp_path: Path) -> None:
    with Terminal(tmp_path) as terminal:
        terminal.wait_until("SCAICORE_TUI_URL")
        terminal.wait_until("press d: the demo")
        quit_app(terminal)


def test_without_configuration_one_key_starts_the_demo(tmp_path: Path) -> None:
    with Terminal(tmp_path) as terminal:
        terminal.wait_until("start the demo")
        terminal.press("d")
        terminal.wait_until(runs_are_shown(terminal))
        quit_app(terminal)


def test_a_small_screen_a_held_key_and_a_pasted_page_do_no_harm(demo: Terminal) -> None:
    demo.resize(40, 10)
    demo.wait_until(lambda: "Waiting " not in demo.text and "Runs  " in demo.text)
    demo.press("j" * 200)
    demo.wait_until(lambda: re.search(r"Runs  ([1-9]\d*) of \1\b", demo.text))
    demo.resize(80, 24)
    demo.wait_until("Waiting ")
    demo.paste(PAGE)
    demo.press("?")
    demo.wait_until("Keys · runs")
    demo.press("escape")
    demo.wait_until(runs_are_shown(demo))
    quit_app(demo)


def test_a_character_may_arrive_byte_by_byte(demo: Terminal) -> None:
    demo.press("/")
    for byte in "é─x".encode():
        demo.send(bytes([byte]))
        # Each byte must be a separate read. An incomplete character is not drawn, so there is no text to wait for.
        demo.wait_for_silence(CONFIRM_DELAY_S / 4, CONFIRM_DELAY_S)
    demo.wait_until("/é─x")
    demo.press("escape")
    demo.wait_until(runs_are_shown(demo))
    quit_app(demo)


def test_low_bandwidth_mode_uses_few_colours_and_a_slow_tick(tmp_path: Path) -> None:
    with Terminal(tmp_path, (*DEMO, "--rate", "0", "--low-bandwidth"), warm=True) as terminal:
        terminal.wait_until(runs_are_shown(terminal))
        terminal.wait_until(lambda: re.search(r"live <\d+s", terminal.text))
        written = bytes(terminal.output)
        assert not re.search(rb"[34]8;[25];", written)
        assert re.search(rb"\x1b\[[\d;]*3[1-5]m", written)
        assert b"\x1b[?1003h" not in written
        quit_app(terminal)


def test_mouse_and_keys_can_be_changed_in_the_configuration(tmp_path: Path) -> None:
    config = tmp_path / ".config" / "scaicore-tui" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[ui]\nmouse = false\ntheme = "nord"\n[keys]\nquit = "ctrl+g"\n')
    with Terminal(tmp_path, DEBUGGER, warm=True) as terminal:
        terminal.wait_until("ctrl+g quit")
        written = bytes(terminal.output)
        assert b"\x1b[?1003h" not in written
        assert b"\x1b[?1000h" not in written
        terminal.press("q")
        terminal.wait_until("q: quit is on ctrl+g now")
        terminal.send(b"\x07")
        assert terminal.wait() == 0


def test_no_color_disables_all_colours(tmp_path: Path) -> None:
    with Terminal(tmp_path, (*DEMO, "--rate", "0"), env={"NO_COLOR": "1"}, warm=True) as terminal:
        terminal.wait_until(runs_are_shown(terminal))
        assert not re.search(rb"\x1b\[[\d;]*[34][0-8][;m]", bytes(terminal.output))
        quit_app(terminal)
