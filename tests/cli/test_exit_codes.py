"""Each kind of error has its exit code and a message with a hint."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial

import pytest

from scaicore_tui.cli.help import EXIT_CODES
from scaicore_tui.cli.runner import ENDING_SIGNALS
from scaicore_tui.servers.proxy import ProxyConfig
from tests.support.core_inputs import SPOILED, TRIP
from tests.support.fault_injector import Fault, faulty_proxy
from tests.support.grid import MANAGER
from tests.support.program import TIMEOUT_S, Demo, FastGrid, Program, fast_grid
from tests.support.proxy import proxy_server

LOOPBACK = "http://127.0.0.1:1"


def test_without_a_configuration_the_demo_is_suggested(program: Program) -> None:
    done = program("runs")
    assert (done.returncode, done.stdout) == (2, "")
    assert "set SCAICORE_TUI_URL, or --url, or try: scaicore-tui demo" in done.stderr


def test_a_missing_token_lists_the_sources_that_were_tried(program: Program) -> None:
    done = program("runs", "--url", LOOPBACK)
    assert (done.returncode, done.stdout) == (4, "")
    assert "no credential for 127.0.0.1:1: checked SCAICORE_TUI_TOKEN" in done.stderr


def test_a_token_that_the_server_rejects_fails_with_4(reader: Program) -> None:
    done = reader.with_variables(SCAICORE_TUI_TOKEN="sgk_unknown")("checkpoints", "--json")
    assert (done.returncode, done.stdout) == (4, "")
    assert "AUTH_TOKEN_INVALID" in done.stderr
    assert "req_" in done.stderr
    assert "sgk_unknown" not in done.stderr


def test_a_closed_port_fails_with_3(program: Program) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{bound.getsockname()[1]}"
        settings = {"SCAICORE_TUI_URL": f"http://{host}", "SCAICORE_TUI_TOKEN": "a.b.c"}
        done = program.with_variables(**settings)("resolve", "ckpt_1", "approve", "--yes")
    assert (done.returncode, done.stdout) == (3, "")
    assert f"cannot reach {host}" in done.stderr


def test_a_server_without_the_api_fails_with_5_and_one_line(reader: Program, demo: Demo) -> None:
    done = reader("runs", "--url", f"{demo.ready['grid_url']}/elsewhere")
    assert (done.returncode, done.stdout) == (5, "")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["runs", "--url", "http://scaiflow.example.com"], "never sent unencrypted to scaiflow.example.com"),
        (["runs", "--url", LOOPBACK, "--api", "soap"], "unknown API 'soap'"),
        (["runs", "--profile", "missing"], "no profile 'missing'"),
        (["runs", "--interval", "0"], "--interval"),
        (["runs", "--nonsense"], "--nonsense"),
        (["resolve", "ckpt_1"], "OPTION"),
        (["events", "--journal", __file__], "is not a journal"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_invalid_arguments_are_rejected_without_a_traceback(program: Program, arguments: list[str], text: str) -> None:
    done = program.with_variables(SCAICORE_TUI_TOKEN="a.b.c")(*arguments)
    assert (done.returncode, done.stdout) == (9 if text == "is not a journal" else 2, "")
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_journal_fails_with_5(program: Program) -> None:
    done = program("events", "--journal", "no/such.journal")
    assert (done.returncode, done.stdout) == (5, "")
    assert "no journal no/such.journal" in done.stderr


def test_a_replay_whose_response_was_lost_fails_with_7_and_is_not_repeated(program: Program) -> None:
    with fast_grid(speed=4.0) as grid:
        first = grid.start_run("core_fact-check", {"claim": "one", "question": "two"})
        short_timeout_proxy = proxy_server(ProxyConfig(grid.served.url, invoke_timeout=0.2))
        with grid.portal.wrap_async_context_manager(short_timeout_proxy) as url:
            settings = {"SCAICORE_TUI_URL": f"{url}/v1", "SCAICORE_TUI_TOKEN": MANAGER}
            done = program.with_variables(**settings)("replay", first, "--yes")
        (_, second) = grid.statuses()
    assert (done.returncode, done.stdout) == (7, "")
    assert f"the response was lost; {second} (likely: found by its input)" in done.stderr


def reading_succeeds(grid: FastGrid, writer: Program) -> int:
    return writer("runs").returncode


def the_run_failed(grid: FastGrid, writer: Program) -> int:
    return writer("watch", grid.finish_run("core_invoice-batch", SPOILED), "--exit-status").returncode


def an_option_is_invalid(grid: FastGrid, writer: Program) -> int:
    return writer("runs", "--interval", "0").returncode


def the_server_is_unreachable(grid: FastGrid, writer: Program) -> int:
    return writer.with_variables(SCAIGRID_BASE_URL=LOOPBACK)("checkpoints").returncode


def the_token_is_rejected(grid: FastGrid, writer: Program) -> int:
    return writer.with_variables(SCAIGRID_API_KEY="sgk_unknown")("runs").returncode


def the_run_is_unknown(grid: FastGrid, writer: Program) -> int:
    return writer("show", "exec_unknown").returncode


def the_checkpoint_is_already_answered(grid: FastGrid, writer: Program) -> int:
    checkpoint_id = grid.waiting_review()
    assert writer("resolve", checkpoint_id, "approve", "--yes").returncode == 0
    return writer("resolve", checkpoint_id, "reject", "--yes").returncode


def the_response_is_lost(grid: FastGrid, writer: Program) -> int:
    first = grid.finish_run("core_expense-approval", TRIP)
    with grid.portal.wrap_async_context_manager(faulty_proxy(grid.served.url)) as proxy:
        proxy.fault = Fault.DROP_AFTER
        code = writer.with_variables(SCAIGRID_BASE_URL=proxy.url)("replay", first, "--yes").returncode
    assert (len(proxy.posts), len(grid.statuses())) == (1, 2)
    return code


def the_timeout_expires(grid: FastGrid, writer: Program) -> int:
    grid.finish_run("core_expense-approval", TRIP)
    return writer("watch", "@latest", "--timeout", "1").returncode


def an_internal_error_occurs(grid: FastGrid, writer: Program) -> int:
    """Run the program with a module of it missing."""
    broken = "import sys; sys.modules['scaicore_tui.session'] = None; from scaicore_tui.__main__ import main; main()"
    command = [sys.executable, "-c", broken, "runs"]
    done = subprocess.run(command, env=writer.environment, capture_output=True, text=True, check=False)
    assert "internal error" in done.stderr
    return done.returncode


def a_signal_arrives(number: signal.Signals, grid: FastGrid, writer: Program) -> int:
    with writer.started("watch") as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("watching ")
        process.send_signal(number)
        return process.wait(TIMEOUT_S)


def the_journal_is_a_folder(_: FastGrid, program: Program) -> int:
    return program("record", "--for", "1", "--journal", str(program.home)).returncode


CAUSES_BY_CODE: dict[int, Callable[[FastGrid, Program], int]] = {
    0: reading_succeeds,
    1: the_run_failed,
    2: an_option_is_invalid,
    3: the_server_is_unreachable,
    4: the_token_is_rejected,
    5: the_run_is_unknown,
    6: the_checkpoint_is_already_answered,
    7: the_response_is_lost,
    8: the_timeout_expires,
    9: the_journal_is_a_folder,
    70: an_internal_error_occurs,
    **{128 + number: partial(a_signal_arrives, number) for number in ENDING_SIGNALS},
}


@pytest.mark.parametrize("code", CAUSES_BY_CODE)
def test_each_exit_code_is_returned_for_its_cause(grid: FastGrid, writer: Program, code: int) -> None:
    assert CAUSES_BY_CODE[code](grid, writer) == code


def test_every_documented_exit_code_is_tested() -> None:
    assert CAUSES_BY_CODE.keys() == EXIT_CODES.keys()
