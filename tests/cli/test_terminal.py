"""Ctrl-C, questions on a real terminal, and readers that have seen enough."""

from __future__ import annotations

import json
import signal
import sys

import pytest
from anyio.from_thread import start_blocking_portal

from tests.support.grid import MANAGER
from tests.support.program import COMMAND, TIMEOUT_S, FastGrid, Program, fast_grid
from tests.support.proxy import answer, grid_server
from tests.support.terminal import Terminal

CTRL_C, CTRL_D = "\x03", "\x04"


def asked(program: Program, *arguments: str) -> Terminal:
    """The program on a terminal of its own."""
    return Terminal(program.home, [*COMMAND, *arguments], size=(140, 24), env=program.settings)


def test_ctrl_c_while_a_write_is_under_way_gives_130(program: Program) -> None:
    with fast_grid(speed=0.1) as grid:
        first = grid.start_run("core_fact-check", {"claim": "one", "question": "two"})
        with program.with_variables(**grid.settings(MANAGER)).started("replay", first, "--yes") as process:
            grid.wait_for_runs(2)
            process.send_signal(signal.SIGINT)
            output, messages = process.communicate(timeout=TIMEOUT_S)
            assert (output, messages.count("\n")) == ("", 1)
            assert "interrupted: the write was already sent" in messages
            assert process.returncode == 130
        assert len(grid.statuses()) == 2


@pytest.mark.parametrize(
    ("keys", "code", "words"), [(CTRL_C, 130, ""), (CTRL_D, 130, ""), ("n\r", 2, "not confirmed · nothing was sent")]
)
def test_a_question_that_is_not_answered_with_yes(
    grid: FastGrid, writer: Program, keys: str, code: int, words: str
) -> None:
    waiting = grid.waiting_review()
    with asked(writer, "resolve", waiting, "approve") as terminal:
        terminal.wait_until("[y/N]")
        terminal.press(keys)
        assert terminal.wait() == code
        assert words in terminal.text
        assert "Traceback" not in terminal.text
    assert grid.pending() == [waiting]


def test_no_confirmation_sends_nothing_if_no_word_is_required(grid: FastGrid, writer: Program) -> None:
    waiting = grid.waiting_review()
    with asked(writer, "resolve", waiting, "") as terminal:
        terminal.wait_until("[y/N]")
        terminal.press("n", "enter")
        assert terminal.wait() == 2
        assert "not confirmed · nothing was sent" in terminal.text
    assert grid.pending() == [waiting]


def test_a_question_answered_with_yes(grid: FastGrid, writer: Program) -> None:
    waiting = grid.waiting_review()
    with asked(writer, "resolve", waiting, "approve") as terminal:
        terminal.wait_until("[y/N]")
        asks = "".join(terminal.text.split("\n"))
        assert "Answer approve to “Review needed” (core_expense-approval, exec_" in asks
        assert f", review, {waiting}, 127.0.0.1:" in asks
        terminal.press("y", "enter")
        assert terminal.wait() == 0
        assert "confirmed: the run has continued" in terminal.text
    assert grid.checkpoint(waiting)["resolution"] == "approve"


@pytest.mark.skipif(sys.platform != "linux", reason="XDG folders")
@pytest.mark.parametrize(("typed", "code", "left"), [("yes", 2, "pending"), ("approve", 0, "resolved")])
def test_a_protected_profile_wants_the_option_typed_out(
    grid: FastGrid, writer: Program, typed: str, code: int, left: str
) -> None:
    config = writer.home / ".config" / "scaicore-tui" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[profiles.default]\nprotected = true\n")
    waiting = grid.waiting_review()
    with asked(writer, "resolve", waiting, "approve", "--yes") as terminal:
        terminal.wait_until("type approve")
        terminal.press(typed, "enter")
        assert terminal.wait() == code
    assert grid.checkpoint(waiting)["status"] == left


def test_the_ledger_lists_writes_without_a_server(grid: FastGrid, writer: Program) -> None:
    waiting = grid.waiting_review()
    assert writer.json_output("ledger", "--json") == []
    writer.json_output("resolve", waiting, "approve", "--comment", "fine", "--yes", "--json")
    assert writer("resolve", waiting, "reject", "--yes").returncode == 6
    (entry,) = writer.json_output("ledger", "--json")
    assert [state["progress"] for state in entry["states"]] == ["sending", "accepted", "confirmed"]
    assert (entry["target_id"], entry["resolution"], entry["comment"]) == (waiting, "approve", "fine")
    assert MANAGER not in "".join(path.read_text() for path in writer.home.rglob("ledger.jsonl"))
    assert any("confirmed" in line and waiting in line for line in writer.lines("ledger"))


@pytest.mark.parametrize("arguments", [("events", "--json"), ("events",), ("runs", "--json")], ids=" ".join)
def test_a_reader_that_has_seen_enough_gets_no_complaint(reader: Program, arguments: tuple[str, ...]) -> None:
    with reader.started(*arguments) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert (process.wait(TIMEOUT_S), process.stderr.read()) == (0, "")


def test_no_byte_of_an_event_drives_the_terminal(program: Program) -> None:
    """In a pipe it is what came, byte for byte; on a terminal it means the same to a reader of JSON."""
    text = "\x1b]0;owned\x07 \x9b2J \u202e \x7f ö"
    event = f'{{"type": "x", "timestamp": "2026-04-29T12:00:00Z", "payload": {{"note": "{text}"}}}}'.encode()
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(grid_server()) as server:
        server.reply = answer(b'{"data": {"events": [' + event + b'], "checkpoints": []}}')
        client = program.with_variables(SCAIGRID_BASE_URL=server.url, SCAIGRID_API_KEY="sgk_1")
        assert client.lines("events", "--json") == [event.decode()]
        with asked(client, "events", "--json") as terminal:
            assert terminal.wait() == 0
    shown = terminal.output.decode().strip()
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\x7f"} & set(shown)
    assert json.loads(shown)["payload"]["note"] == text


@pytest.mark.parametrize(
    ("flags", "settings", "coloured"),
    [((), {}, True), (("--no-color",), {}, False), ((), {"NO_COLOR": "1"}, False), ((), {"TERM": "dumb"}, False)],
)
def test_a_table_is_coloured_on_a_colour_terminal_only(
    reader: Program, flags: tuple[str, ...], settings: dict[str, str], coloured: bool
) -> None:
    with asked(reader.with_variables(**settings), "runs", "--failed", *flags) as terminal:
        assert terminal.wait() == 0
    assert (b"\x1b[31m" in terminal.output) == coloured
    assert "failed" in terminal.text
    assert "\x1b" not in "".join(reader.with_variables(**settings).lines("runs", "--failed", *flags))


def test_a_table_is_cut_to_the_terminal_and_has_room_for_errors(reader: Program) -> None:
    with Terminal(reader.home, [*COMMAND, "runs", "--failed"], size=(80, 24), env=reader.settings) as terminal:
        assert terminal.wait() == 0
        head, *rows = terminal.lines
    assert head.split() == ["RUN", "CORE", "STATUS", "AGE", "TOOK", "ERROR"]
    assert all(row.endswith("…") and "  failed  " in row for row in rows if row)
