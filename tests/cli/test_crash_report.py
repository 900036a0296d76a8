"""Reports of internal errors contain the complete trace and no data of a flow."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import stat
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from scaicore_tui.cli.output import crash
from scaicore_tui.cli.output.stderr import report_error
from scaicore_tui.cli.runner import RedactedFormatter
from scaicore_tui.errors import RequestRejected, Unreachable
from tests.support.waiting import yield_once

PAYLOAD = "data-of-a-flow"


def caught(act: Callable[[], object]) -> Exception:
    """Return the exception that `act` raises."""
    with pytest.raises(Exception) as error:  # noqa: PT011  (any exception)
        act()
    return error.value


def chained() -> None:
    """Raise a KeyError whose cause is a ValueError."""
    try:
        int(PAYLOAD)
    except ValueError as error:
        raise KeyError(PAYLOAD) from error


def trace_of(error: BaseException) -> str:
    return "\n".join(crash.format_trace(error))


def test_a_chain_starts_with_its_cause_and_has_no_messages() -> None:
    text = trace_of(caught(chained))
    assert PAYLOAD not in text
    assert text.index("ValueError") < text.index("and then") < text.index("KeyError")
    assert "    raise KeyError(PAYLOAD) from error" in text
    assert str(Path.home()) not in text


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (RequestRejected(PAYLOAD, status=500, request_id="req_\x1b1"), "RequestRejected: 500 req_␛1"),
        (AttributeError("'NoneType' object has no attribute 'x'"), "AttributeError: 'NoneType' object has no"),
        (FileNotFoundError(2, "No such file", PAYLOAD), "FileNotFoundError: No such file"),
        (UnicodeDecodeError("utf-8", PAYLOAD.encode(), 0, 1, PAYLOAD), "UnicodeDecodeError"),
        (sqlite3.OperationalError(PAYLOAD), "OperationalError"),
        (TypeError(PAYLOAD), "TypeError"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_messages_without_values_are_printed(error: Exception, name: str) -> None:
    assert trace_of(error).startswith(name)
    assert PAYLOAD not in trace_of(error)


def test_sqlite_errors_are_printed_as_their_error_name() -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        error = caught(lambda: database.execute("SELECT 'said' FROM nowhere"))
    assert trace_of(error).startswith("OperationalError: SQLITE_ERROR")


def test_an_exception_group_is_printed_with_its_members_and_classified_by_its_internal_error() -> None:
    group = ExceptionGroup(PAYLOAD, [Unreachable("away"), ExceptionGroup("", [caught(chained)])])
    assert "  |   | KeyError" in trace_of(group)
    assert PAYLOAD not in trace_of(group)
    assert isinstance(crash.root_cause(group), KeyError)
    assert isinstance(crash.root_cause(ExceptionGroup("", [Unreachable("away")])), Unreachable)


def test_both_ends_of_a_deep_recursion_are_printed() -> None:
    def deep() -> None:
        deep()

    lines = trace_of(caught(deep)).splitlines()
    assert len(lines) < 5 * crash.MAX_END_FRAMES
    assert any("more …" in line for line in lines)


def test_a_circular_chain_is_printed_once() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert trace_of(first).count("Error") == 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX file modes")
def test_only_the_newest_reports_are_kept_and_only_their_owner_can_read_them(tmp_path: Path) -> None:
    paths = [crash.write_report(KeyError(), tmp_path / "state", 1_800_000_000 + day * 86_400) for day in range(9)]
    assert sorted((tmp_path / "state").iterdir()) == paths[-crash.MAX_REPORTS :]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths[-crash.MAX_REPORTS :]} == {0o600}
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_a_failure_to_save_the_report_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("scaicore_tui.config.paths.state_dir", lambda: tmp_path / "file")
    assert report_error(caught(chained)) == 70
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("no report could be saved: File exists")
    assert PAYLOAD not in line


def test_an_expected_error_in_a_group_is_not_an_internal_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert report_error(ExceptionGroup("", [Unreachable("away", hint="come back")])) == 3
    assert capsys.readouterr().err == "scaicore-tui: away · come back\n"


def test_log_records_of_libraries_contain_no_values() -> None:
    error = caught(chained)
    message = f"Task exception was never retrieved\nfuture: <Task {PAYLOAD}>"
    record = logging.LogRecord("asyncio", logging.ERROR, "", 0, message, (), (type(error), error, None))
    line, *frames = RedactedFormatter().format(record).splitlines()
    assert line == "asyncio: Task exception was never retrieved"
    assert "KeyError" in frames
    assert PAYLOAD not in RedactedFormatter().format(record)
    slow = logging.LogRecord("asyncio", logging.WARNING, "", 0, "Executing %s took 1 s", (f"<Handle {PAYLOAD}>",), None)
    assert RedactedFormatter().format(slow) == "asyncio: Executing <…> took 1 s"


def test_log_records_of_asyncio_debug_mode_contain_no_values(caplog: pytest.LogCaptureFixture) -> None:
    async def slow() -> None:
        asyncio.get_running_loop().slow_callback_duration = 0.0
        asyncio.get_running_loop().call_soon(str, PAYLOAD)
        await yield_once()

    with caplog.at_level(logging.WARNING, "asyncio"), asyncio.Runner(debug=True) as runner:
        runner.run(slow())
    lines = [RedactedFormatter().format(record) for record in caplog.records]
    assert lines
    assert PAYLOAD not in "".join(lines)
