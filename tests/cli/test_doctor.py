"""The command `doctor` without a configuration, with problems and without. It sends only a few reads."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import textual
from anyio.from_thread import start_blocking_portal
from textual.drivers.linux_driver import LinuxDriver

from scaicore_tui.cli.commands.doctor.local import driver_finding
from tests.support.grid import MANAGER, VIEWER
from tests.support.program import COMMAND, Demo, Program, fast_grid
from tests.support.proxy import answer, grid_server, jwt
from tests.support.terminal import Terminal

NAMES = [
    *("config", "api", "tls", "token", "caller", "view", "manage", "feed", "clock", "limit", "latency"),
    *("journal", "environment", "terminal", "driver"),
]
PAGE = answer(b'{"data": {"events": [], "checkpoints": [], "next_cursor": null}}')


@pytest.fixture
def fresh(tmp_path: Path) -> Program:
    """Return the program with an empty home folder."""
    return Program(tmp_path, {})


def run_doctor(program: Program, *flags: str, code: int = 0) -> dict[str, Any]:
    """Run the command, check its exit code and the shape of its report, and return the checks by name."""
    done = program("doctor", "--json", *flags)
    assert done.returncode == code, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert (report["ok"], report["exit_code"]) == (code == 0, code)
    assert [check["name"] for check in report["checks"]] == NAMES
    for check in report["checks"]:
        assert check["fix"] or check["state"] in ("ok", "unknown")
    return {check["name"]: check for check in report["checks"]}


def test_without_settings_no_api_is_checked_and_no_file_is_written(fresh: Program) -> None:
    checks = run_doctor(fresh, code=2)
    assert "config init" in checks["api"]["fix"]
    done = fresh("doctor")
    assert done.returncode == 2
    assert "no API is set" in done.stdout
    assert "not checked: tls, token, caller" in done.stdout
    assert not list(fresh.home.rglob("*.toml")) + list(fresh.home.rglob("*.journal*"))


def test_a_working_api_passes_every_check(reader: Program, demo: Demo) -> None:
    checks = run_doctor(reader)
    assert {check["state"] for check in checks.values()} == {"ok", "unknown"}
    assert checks["api"]["facts"]["api"] == "scaiflow"
    assert checks["caller"]["facts"] == {"verified": False, "subject": "usr_demo", "tenant_id": "tnt_demo"}
    assert checks["feed"]["facts"]["order"] == "newest first"
    assert checks["limit"]["facts"]["limit"] == 120
    done = reader("doctor")
    # A long path continues on an indented line.
    assert len([line for line in done.stdout.splitlines() if not line.startswith("   ")]) == len(NAMES)
    assert demo.ready["token"] not in done.stdout + json.dumps(checks)


@pytest.mark.parametrize(("token", "allowed"), [(MANAGER, True), (VIEWER, False)])
def test_the_permission_to_write_is_read_from_a_scaigrid(fresh: Program, token: str, allowed: bool) -> None:
    with fast_grid() as grid:
        checks = run_doctor(fresh.with_variables(**grid.settings(token)))
    assert (checks["api"]["facts"]["api"], checks["manage"]["facts"]["allowed"]) == ("scaigrid", allowed)


def test_the_wrong_kind_of_api_is_named_with_the_options_to_use(reader: Program, demo: Demo) -> None:
    grid, proxy = demo.ready["grid_url"], demo.ready["url"].removesuffix("/api/v1")
    checks = run_doctor(reader, "--url", grid, code=3)
    assert checks["api"]["fix"].startswith(f"use --url {grid} --api scaigrid")
    checks = run_doctor(reader, "--url", proxy, "--api", "scaigrid", code=3)
    assert checks["api"]["fix"].startswith(f"use --url {proxy}/api/v1 --api scaiflow")


def test_a_missing_and_an_expired_token_fail_with_4(fresh: Program, demo: Demo) -> None:
    program = fresh.with_variables(SCAICORE_TUI_URL=demo.ready["url"])
    checks = run_doctor(program, code=4)
    assert "checked SCAICORE_TUI_TOKEN" in checks["token"]["words"]
    checks = run_doctor(program.with_variables(SCAICORE_TUI_TOKEN=jwt(sub="usr_1", exp=1_700_000_000)), code=4)
    assert "expired" in checks["token"]["words"]


def test_an_unreachable_api_fails_with_3(fresh: Program) -> None:
    checks = run_doctor(fresh.with_variables(SCAICORE_TUI_URL="http://127.0.0.1:1", SCAICORE_TUI_TOKEN="a.b.c"), code=3)
    assert checks["api"]["words"].startswith("cannot reach 127.0.0.1:1")
    assert checks["feed"]["state"] == "unknown"


def test_only_a_few_reads_are_sent(fresh: Program) -> None:
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(grid_server()) as server:
        for reply, max_requests in ((PAGE, 4), (answer(b"<html>", "404 Not Found"), 6), (answer(b"", "401 No"), 1)):
            server.reply = reply
            fresh.with_variables(SCAICORE_TUI_URL=server.url, SCAICORE_TUI_TOKEN="sgk_key")("doctor")
            assert 0 < len(server.received) <= max_requests
            assert {request.line.split()[0] for request in server.received} == {b"GET"}
            assert all(request.headers["authorization"] == "Bearer sgk_key" for request in server.received)
            server.received.clear()


@pytest.mark.skipif(sys.platform != "linux", reason="XDG folders")
def test_the_configuration_and_the_journal_are_checked_without_an_api(fresh: Program) -> None:
    config = fresh.home / "XDG_CONFIG_HOME" / "scaicore-tui" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[profiles.prod]\nurl = "https://prod.example"\n')
    program = fresh.with_variables(SCAICORE_TUI_URL="http://127.0.0.1:1", SCAICORE_TUI_TOKEN="a.b.c")
    journal = fresh.home / "a.journal"
    journal.write_text("no journal")
    checks = run_doctor(program, "--profile", "prod", "--journal", str(journal), code=3)
    assert checks["config"]["words"] == "SCAICORE_TUI_URL overrides the url of profile prod"
    assert checks["journal"]["state"] == "failed"
    config.write_text('[profiles.prod]\nulr = "https://prod.example"\n')
    checks = run_doctor(program, code=2)
    assert "did you mean url?" in checks["config"]["fix"]


def test_the_terminal_driver_is_named_with_the_version_of_textual(fresh: Program) -> None:
    check = run_doctor(fresh, code=2)["driver"]
    assert check["words"] == f"terminal driver: ours (Textual {textual.__version__})"
    assert check["facts"] == {"own": True, "textual": textual.__version__, "reason": None}


def test_the_reason_for_textuals_own_driver_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(LinuxDriver, "_get_terminal_size")
    monkeypatch.setattr(textual, "__version__", "8.3.0", raising=False)
    finding = driver_finding()
    assert (
        finding.message
        == "terminal driver: Textual's own: `LinuxDriver._get_terminal_size` is missing in Textual 8.3.0"
    )
    assert "textual>=8.2.7,<8.3" in finding.fix


def test_the_report_fits_a_terminal(reader: Program) -> None:
    with Terminal(reader.home, [*COMMAND, "doctor"], size=(70, 40), env=reader.settings) as terminal:
        assert terminal.wait() == 0
        screen = terminal.text
    assert "70×40" in screen
    assert max(map(len, screen.splitlines())) <= 70
    assert [name for name in NAMES if f" {name} " in screen] == NAMES
