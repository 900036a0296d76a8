"""Ctrl-C, confirmations on a real terminal, colours, and readers that close the pipe early."""

from __future__ import annotations

import json
import signal
import sys

import pytest
from anyio.from_thread import start_blocking_portal

from tests.support.core_inputs import GOOD, INVOICES, SPOILED
from tests.support.grid import MANAGER
from tests.support.program import COMMAND, TIMEOUT_S, FastGrid, Program, fast_grid
from tests.support.proxy import answer, grid_server
from tests.support.terminal import Terminal

CTRL_C, CTRL_D = "\x03", "\x04"


def in_terminal(program: Program, *arguments: str) -> Terminal:
    """Start the program on a pseudo-terminal."""
    return Terminal(program.home, [*COMMAND, *arguments], size=(140, 24), env=program.settings, warm=True)


def test_ctrl_c_during_a_write_exits_with_130(program: Program) -> None:
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
    ("keys", "code", "text"), [(CTRL_C, 130, ""), (CTRL_D, 130, ""), ("n\r", 2, "not confirmed · nothing was sent")]
)
def test_nothing_is_sent_unless_the_confirmation_is_yes(
    grid: FastGrid, writer: Program, keys: str, code: int, text: str
) -> None:
    checkpoint_id = grid.waiting_review()
    with in_terminal(writer, "resolve", checkpoint_id, "approve") as terminal:
        terminal.wait_until("[y/N]")
        terminal.press(keys)
        assert terminal.wait() == code
        assert text in terminal.text
        assert "Traceback" not in terminal.text
    assert grid.pending() == [checkpoint_id]


def test_nothing_is_sent_if_an_empty_option_is_not_confirmed(grid: FastGrid, writer: Program) -> None:
    checkpoint_id = grid.waiting_review()
    with in_terminal(writer, "resolve", checkpoint_id, "") as terminal:
        terminal.wait_until("[y/N]")
        terminal.press("n", "enter")
        assert terminal.wait() == 2
        assert "not confirmed · nothing was sent" in terminal.text
    assert grid.pending() == [checkpoint_id]


def test_the_confirmation_names_the_checkpoint_and_yes_sends_the_answer(grid: FastGrid, writer: Program) -> None:
    checkpoint_id = grid.waiting_review()
    with in_terminal(writer, "resolve", checkpoint_id, "approve") as terminal:
        terminal.wait_until("[y/N]")
        question = "".join(terminal.text.split("\n"))
        assert "Answer approve to “Review needed” (core_expense-approval, exec_" in question
        assert f", review, {checkpoint_id}, 127.0.0.1:" in question
        terminal.press("y", "enter")
        assert terminal.wait() == 0
        assert "confirmed: the run has continued" in terminal.text
    assert grid.checkpoint(checkpoint_id)["resolution"] == "approve"


def test_several_replays_are_confirmed_once_and_the_question_names_target_count_and_cores(
    grid: FastGrid, writer: Program
) -> None:
    failed = [grid.finish_run(INVOICES, SPOILED) for _ in range(2)]
    grid.finish_run(INVOICES, GOOD)
    with in_terminal(writer, "replay", "--where", "core:invoice", "--max", "2") as terminal:
        terminal.wait_until("[y/N]")
        question = " ".join(terminal.text.split())
        assert "3 runs match: the newest 2 are selected (--max)" in question
        assert "Replay 2 runs on 127.0.0.1:" in question
        assert "one by one (core_invoice-batch 2)? Models and plugins are called again for each." in question
        terminal.press("y", "enter")
        assert terminal.wait() == 1
        assert "2 replays: 1 alike, 1 same error" in terminal.text
    assert len(grid.statuses()) == len(failed) + 3


@pytest.mark.skipif(sys.platform != "linux", reason="XDG folders")
@pytest.mark.parametrize(("typed", "code", "status"), [("yes", 2, "pending"), ("approve", 0, "resolved")])
def test_a_protected_profile_requires_the_option_to_be_typed(
    grid: FastGrid, writer: Program, typed: str, code: int, status: str
) -> None:
    config = writer.home / ".config" / "scaicore-tui" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[profiles.default]\nprotected = true\n")
    checkpoint_id = grid.waiting_review()
    with in_terminal(writer, "resolve", checkpoint_id, "approve", "--yes") as terminal:
        terminal.wait_until("type approve")
        terminal.press(typed, "enter")
        assert terminal.wait() == code
    assert grid.checkpoint(checkpoint_id)["status"] == status


def test_the_ledger_lists_writes_without_a_server(grid: FastGrid, writer: Program) -> None:
    checkpoint_id = grid.waiting_review()
    assert writer.json_output("ledger", "--json") == []
    writer.json_output("resolve", checkpoint_id, "approve", "--comment", "fine", "--yes", "--json")
    assert writer("resolve", checkpoint_id, "reject", "--yes").returncode == 6
    (entry,) = writer.json_output("ledger", "--json")
    assert [state["progress"] for state in entry["states"]] == ["sending", "accepted", "confirmed"]
    assert (entry["target_id"], entry["resolution"], entry["comment"]) == (checkpoint_id, "approve", "fine")
    assert MANAGER not in "".join(path.read_text() for path in writer.home.rglob("ledger.jsonl"))
    assert any("confirmed" in line and checkpoint_id in line for line in writer.lines("ledger"))


@pytest.mark.parametrize("arguments", [("events", "--json"), ("events",), ("runs", "--json")], ids=" ".join)
def test_a_reader_that_closes_the_pipe_early_causes_no_error_message(
    reader: Program, arguments: tuple[str, ...]
) -> None:
    with reader.started(*arguments) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert (process.wait(TIMEOUT_S), process.stderr.read()) == (0, "")


def test_no_byte_of_an_event_controls_the_terminal(program: Program) -> None:
    """In a pipe the bytes of the event are printed; on a terminal, JSON with the same values."""
    text = "\x1b]0;owned\x07 \x9b2J \u202e \x7f ö"
    event = f'{{"type": "x", "timestamp": "2026-04-29T12:00:00Z", "payload": {{"note": "{text}"}}}}'.encode()
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(grid_server()) as server:
        server.reply = answer(b'{"data": {"events": [' + event + b'], "checkpoints": []}}')
        client = program.with_variables(SCAIGRID_BASE_URL=server.url, SCAIGRID_API_KEY="sgk_1")
        assert client.lines("events", "--json") == [event.decode()]
        with in_terminal(client, "events", "--json") as terminal:
            assert terminal.wait() == 0
    shown = terminal.output.decode().strip()
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\x7f"} & set(shown)
    assert json.loads(shown)["payload"]["note"] == text


@pytest.mark.parametrize(
    ("flags", "settings", "coloured"),
    [((), {}, True), (("--no-color",), {}, False), ((), {"NO_COLOR": "1"}, False), ((), {"TERM": "dumb"}, False)],
)
def test_a_table_is_coloured_only_on_a_terminal_with_colours(
    reader: Program, flags: tuple[str, ...], settings: dict[str, str], coloured: bool
) -> None:
    with in_terminal(reader.with_variables(**settings), "runs", "--failed", *flags) as terminal:
        assert terminal.wait() == 0
    assert (b"\x1b[31m" in terminal.output) == coloured
    assert "failed" in terminal.text
    assert "\x1b" not in "".join(reader.with_variables(**settings).lines("runs", "--failed", *flags))


def test_a_table_fits_the_terminal_and_keeps_its_error_column(reader: Program) -> None:
    with Terminal(
        reader.home, [*COMMAND, "runs", "--failed"], size=(80, 24), env=reader.settings, warm=True
    ) as terminal:
        assert terminal.wait() == 0
        head, *rows = terminal.lines
    assert head.split() == ["RUN", "CORE", "STATUS", "AGE", "TOOK", "ERROR"]
    assert all(row.endswith("…") and "  failed  " in row for row in rows if row)
