"""Set-up of every test process, and a search for tokens in everything that the tests write."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from scaicore_tui.api import budget
from tests.support.journals import FileJournals, Journals
from tests.support.token_leaks import LEAKS

if TYPE_CHECKING:
    from tests.support.server_journals import ServerJournals

# Otherwise every worker process compiles all test modules at every run.
sys.dont_write_bytecode = False

# A busy machine may take any time for an example.
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
def default_locale_in_child_processes() -> None:
    """Let child processes use UTF-8, as Python does without a locale: the program is ASCII in the C locale."""
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        os.environ.pop(name, None)


@pytest.fixture(scope="session", autouse=True)
def compiled_modules_in_child_processes() -> None:
    """Let child processes keep compiled modules, as an installed program does: half of a start is compilation."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(scope="session", autouse=True)
def search_files_for_tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Search the files that are left when this process has run its tests."""
    yield
    LEAKS.check_folder(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def server_journals(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerJournals]:
    """Make journals on a PostgreSQL server, which all worker processes share."""
    pytest.importorskip("psycopg")
    from tests.support.server_journals import server_journals_in

    is_worker = hasattr(request.config, "workerinput")
    folder = tmp_path_factory.getbasetemp()
    with server_journals_in(folder.parent if is_worker else folder) as found:
        yield found


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def journals(request: pytest.FixtureRequest) -> Journals:
    """Make journals of either kind: a test with it runs once for each."""
    if request.param == FileJournals.kind:
        return FileJournals()
    found: Journals = request.getfixturevalue("server_journals")
    return found


@pytest.fixture
def no_documented_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lift the limit of clients whose server sends no rate limit headers.

    Otherwise they keep to the limit that the API documents, and a test waits for the next minute.
    """
    monkeypatch.setattr(budget, "DOCUMENTED_REQUESTS_PER_MINUTE", 1_000_000)


def pytest_collection_finish() -> None:
    """Keep the modules and the collected tests out of garbage collections, which take a tenth of the time otherwise."""
    gc.collect()
    gc.freeze()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Search the output and the log of a test."""
    for title, text in report.sections:
        LEAKS.check(f"{report.nodeid}, {title}", text)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send the results of a worker process to the main process, which fails if a token was found."""
    worker_output = getattr(session.config, "workeroutput", None)
    if worker_output is not None:
        worker_output["leaks"] = (dict(LEAKS.checked), LEAKS.found)
    elif LEAKS.found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add the results of a worker process."""
    LEAKS.merge(*getattr(node, "workeroutput", {}).get("leaks", ({}, [])))


def _why_no_server() -> str:
    """Return why no journal on a PostgreSQL server was tested; empty if there is a server."""
    try:
        from tests.support import postgres
    except ImportError as error:
        return f"{error.name} is not installed"
    return postgres.missing()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print if a server was missing, the amount that was searched, and where a token was found."""
    if reason := _why_no_server():
        terminalreporter.write_line(f"journals on a server were NOT tested: {reason}", yellow=True)
    checked = LEAKS.checked
    amount = f"{checked['outputs']:,} outputs, {checked['files']:,} files, {checked['bytes'] / 1e6:,.1f} MB"
    terminalreporter.write_line(f"tokens found in {amount}: {len(LEAKS.found)}", red=bool(LEAKS.found))
    for leak in LEAKS.found[:20]:
        terminalreporter.write_line(leak, red=True)
