"""What holds for all tests: nothing that any of them makes anybody write tells a token."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from scaicore_tui.api import budget
from tests.support.token_leaks import LEAKS

# How long an example takes is the machine's business, which may have more to do.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


# Python ignores these itself, and restores them in the processes that it starts.
IGNORED_BY_PYTHON = {signal.SIGPIPE, signal.SIGXFSZ}


@pytest.fixture(scope="session", autouse=True)
def default_signals_in_child_processes() -> None:
    """Give child processes the default action of each signal that this process was started to ignore.

    `nohup` ignores SIGHUP and a script's `&` ignores SIGINT. An ignored signal stays ignored in a child process, a
    handled one does not. So this process handles it by doing nothing.
    """
    for number in signal.valid_signals() - IGNORED_BY_PYTHON:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


@pytest.fixture(scope="session", autouse=True)
def compiled_modules_in_child_processes() -> None:
    """Let child processes keep compiled modules, as an installed program does: half of a start is compilation."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(scope="session", autouse=True)
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Look at all files that are left when this process has run its tests."""
    yield
    LEAKS.check_folder(tmp_path_factory.getbasetemp())


@pytest.fixture
def no_documented_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients of a server that tells no limit send as much as they like.

    Without this, a client keeps to the limit that the API documents, and a test would wait for the next minute.
    """
    monkeypatch.setattr(budget, "DOCUMENTED_REQUESTS_PER_MINUTE", 1_000_000)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Look at what a test printed and logged."""
    for title, text in report.sections:
        LEAKS.check(f"{report.nodeid}, {title}", text)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of several processes tells the first one what it saw; and that fails where a token was found."""
    told = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["leaks"] = (dict(LEAKS.checked), LEAKS.found)
    elif LEAKS.found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What one of them told."""
    LEAKS.merge(*getattr(node, "workeroutput", {}).get("leaks", ({}, [])))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was looked at, and where a token was found."""
    looked = LEAKS.checked
    said = f"{looked['outputs']:,} outputs, {looked['files']:,} files, {looked['bytes'] / 1e6:,.1f} MB"
    terminalreporter.write_line(f"tokens found in {said}: {len(LEAKS.found)}", red=bool(LEAKS.found))
    for place in LEAKS.found[:20]:
        terminalreporter.write_line(place, red=True)
