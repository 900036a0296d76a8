"""An HTML report is a journal too: its events are read from it; what is no report, or was made to harm, is refused."""

from __future__ import annotations

import gzip
from base64 import b64encode
from pathlib import Path

import pytest

from scaicore_tui.errors import ConfigError
from scaicore_tui.store import report_file
from scaicore_tui.store.recordings import is_event_file, open_recording
from scaicore_tui.store.report_file import read_report
from tests.support.scene import completed_triage, failed_batch

BEGIN = '<script type="application/x-scaicore-journal" data-encoding="gzip+base64">'
LINES = b"".join(
    event.raw + b"\n" for run in (completed_triage("exec_a", 0), failed_batch("exec_d", 9)) for event in run
)


def report(tmp_path: Path, packed: bytes, before: str = "") -> Path:
    path = tmp_path / "report.html"
    encoded = b64encode(packed).decode()
    path.write_text(
        f"<!DOCTYPE html>\n<html><body>{before}{BEGIN}\n{encoded[:50]}\n{encoded[50:]}\n</script></body></html>"
    )
    return path


def test_the_runs_of_a_report_are_those_of_its_events(tmp_path: Path) -> None:
    path = report(tmp_path, gzip.compress(LINES))
    assert is_event_file(path)
    with open_recording(path) as recorded:
        assert [row.execution_id for row in recorded.summaries()] == ["exec_d", "exec_a"]
        assert b"".join(event.raw + b"\n" for event in recorded.events()) == LINES
        assert recorded.run(recorded.find_one("exec_d")).error is not None


@pytest.mark.parametrize(
    "packed",
    [b"", b"no gzip", gzip.compress(LINES)[:-9], gzip.compress(LINES)[:40]],
    ids=["empty", "not compressed", "without its end", "only its begin"],
)
def test_damaged_events_are_refused(tmp_path: Path, packed: bytes) -> None:
    with pytest.raises(ConfigError, match="damaged or incomplete · nothing was changed"):
        read_report(report(tmp_path, packed))


def test_other_html_and_events_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "page.html"
    other.write_text("<html><p>hello</p></html>")
    with pytest.raises(ConfigError, match="is HTML without the events of runs"):
        read_report(other)
    monkeypatch.setattr(report_file, "MAX_EVENTS_BYTES", 1_000)
    with pytest.raises(ConfigError, match="damaged or incomplete"):
        read_report(report(tmp_path, gzip.compress(b"{}\n" * 100_000)))
