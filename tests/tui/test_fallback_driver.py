"""The fallback to Textual's own driver, used if Textual lacks a private attribute: its output is filtered too."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from rich.segment import Segment
from rich.style import Style
from textual._compositor import Compositor
from textual.app import App
from textual.color import Color
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver

from scaicore_tui.tui.terminal import capabilities
from scaicore_tui.tui.terminal.app import DiffRenderingApp
from scaicore_tui.tui.terminal.capabilities import choose_driver, explain_choice, find_missing
from scaicore_tui.tui.terminal.driver import DiffDriver
from scaicore_tui.tui.terminal.escape_filter import filter_escapes
from scaicore_tui.tui.terminal.fallback import ControlFilter, filtered
from tests.support.app_states import STATES, TOKEN, AppProcess
from tests.support.hostile.corpus import CORPUS
from tests.support.hostile.hostile_feed import HostileFeed
from tests.support.hostile.output_grammar import COPY, invisible_characters, own_sequences, unexpected_sequences
from tests.support.hostile.walkthrough import walking
from tests.support.terminal_modes import changed_modes, output_after_screen

# Textual itself imports this table before the deletion, and still works.
WITHOUT_A_TABLE = """
import sys
import textual.drivers.linux_driver, textual._keyboard_protocol
del textual._keyboard_protocol.FUNCTIONAL_KEYS
{more}
from scaicore_tui.__main__ import main
main()
"""
FAILS = f"""
def fail(*_):
    token = "{TOKEN}"
    raise KeyError(token)
from scaicore_tui.tui.state import AppState
AppState.apply = fail
"""


def without_a_table(more: str = "") -> tuple[str, ...]:
    """Return the command that runs the program with a Textual that lacks a private part."""
    return (sys.executable, "-c", WITHOUT_A_TABLE.replace("{more}", more))


def test_this_release_of_textual_has_all_needed_attributes() -> None:
    assert find_missing() is None
    assert choose_driver(LinuxDriver) is DiffDriver
    assert explain_choice().is_own


@pytest.mark.parametrize(
    ("owner", "name", "missing"),
    [
        (App, "_display", "App._display"),
        (LinuxDriver, "_get_terminal_size", "LinuxDriver._get_terminal_size"),
        (Compositor, "render_full_update", "Compositor.render_full_update"),
        (sys.modules["textual._keyboard_protocol"], "FUNCTIONAL_KEYS", "textual._keyboard_protocol.FUNCTIONAL_KEYS"),
        (sys.modules["textual._compositor"], "ChopsUpdate", "textual._compositor.ChopsUpdate"),
    ],
)
def test_a_missing_part_is_named_and_textuals_driver_is_used(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, missing: str
) -> None:
    monkeypatch.delattr(owner, name)
    assert find_missing() == missing
    assert not explain_choice().is_own
    assert f"`{missing}` is missing in Textual" in explain_choice().reason
    driver = choose_driver(LinuxDriver)
    assert issubclass(driver, LinuxDriver)
    assert not issubclass(driver, DiffDriver)


def test_a_missing_module_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textual._keyboard_protocol", None)
    assert find_missing() == "textual._keyboard_protocol"


def test_a_missing_attribute_is_not_reported_as_present() -> None:
    assert not capabilities._has(LinuxDriver, "no_such_attribute")
    assert not capabilities._has(sys.modules["textual.constants"], "no_such_constant")


def test_with_the_fallback_every_line_passes_the_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(sys.modules["textual._keyboard_protocol"], "FUNCTIONAL_KEYS")
    assert isinstance(DiffRenderingApp[None]().get_line_filters()[-1], ControlFilter)
    monkeypatch.undo()
    assert not any(isinstance(each, ControlFilter) for each in DiffRenderingApp[None]().get_line_filters())


@pytest.mark.parametrize("name", CORPUS)
def test_a_line_keeps_no_control_character_and_no_link(name: str) -> None:
    style = Style.parse("bold red link https://example.com/\x1b]52;c;aGk=\x07")
    segments = [Segment(CORPUS[name], style), Segment("\x1b[2J", None, [(1,)])]  # type: ignore[list-item]
    safe = ControlFilter().apply(segments, Color(0, 0, 0))
    written = "".join(segment.text for segment in safe)
    assert len(safe) == 1
    assert filter_escapes(written) == written
    assert "\x1b" not in written
    assert safe[0].style is not None
    assert safe[0].style.link is None


def test_the_filter_works_with_any_driver() -> None:
    written: list[str] = []

    class Plain(Driver):
        def __init__(self) -> None:
            """Needs no app."""

        def write(self, data: str) -> None:
            written.append(data)

        def start_application_mode(self) -> None: ...
        def disable_input(self) -> None: ...
        def stop_application_mode(self) -> None: ...

    driver = filtered(Plain)()  # type: ignore[call-arg]
    driver.write("a\x1b]0;title\x07b")
    driver.stop_application_mode()
    assert written == ["a]0;titleb", "\x1b[m"]


def test_the_app_accepts_keys_stops_continues_and_restores_the_terminal(scene: AppProcess) -> None:
    scene.program, scene.in_shell = without_a_table(), True
    with STATES["dialog"].start(scene) as terminal:
        terminal.press("escape")
        # While the dialog is drawn again its last line may be missing: only the list proves that the key was processed.
        # On a busy machine Textual reads an escape key and the next key as one.
        terminal.wait_until("exec_8f21c4  running")
        terminal.press("\x1a")
        terminal.wait_until(lambda: b"Stopped" in terminal.output or b"Suspended" in terminal.output)
        assert changed_modes(bytes(terminal.output)) == {}
        written = len(terminal.output)
        terminal.press("fg", "enter")
        terminal.wait_until(lambda: b"\x1b[?1049h" in terminal.output[written:])
        terminal.wait_until("exec_8f21c4  running")
        written = len(terminal.output)
        terminal.press("q")
        scene.wait_for_prompt(terminal, written)
        terminal.press("exit", "enter")
        terminal.wait()
        assert changed_modes(bytes(terminal.output)) == {}


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_app_and_the_terminal_is_restored(scene: AppProcess, ending: signal.Signals) -> None:
    scene.program = without_a_table()
    with STATES["main screen"].start(scene) as terminal:
        terminal.signal(ending)
        assert terminal.wait() == 128 + ending
        scene.assert_clean(terminal)


def test_a_crash_restores_the_terminal_and_prints_no_data(scene: AppProcess) -> None:
    scene.program = without_a_table(FAILS)
    with scene.start() as terminal:
        assert terminal.wait() == 70
        scene.assert_restored(terminal)
        assert b"attach it to a bug report" in output_after_screen(bytes(terminal.output))
        assert TOKEN.encode() not in terminal.output


def test_hostile_text_in_the_feed_cannot_drive_the_terminal(tmp_path: Path) -> None:
    """No escape key is pressed: on a busy machine Textual's parser reads it and the next key as a key with Alt."""
    feed = HostileFeed(list(CORPUS.values())[::3])
    with walking(tmp_path, feed, (80, 24), program=without_a_table()) as walk:
        walk.press("G", "g", "y")
        walk.pages(4)
        walk.press("tab")
        walk.pages(4)
        walk.press("i")
        walk.pages(4)
        walk.press("g", "enter", "pagedown", "pagedown")
        walk.terminal.signal(signal.SIGTERM)
        assert walk.terminal.wait() == 128 + signal.SIGTERM
        written = bytes(walk.terminal.output)
        assert unexpected_sequences(written, *own_sequences(COPY), r"\r\n") == []
        assert invisible_characters(written) == set()
