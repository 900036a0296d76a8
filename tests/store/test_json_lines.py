"""A recording as JSON lines shows the same runs as the feed, without a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaicore_tui.errors import ConfigError, NotFound
from scaicore_tui.export.documents import run_document
from scaicore_tui.protocol import decode_event
from scaicore_tui.store import Journal
from scaicore_tui.store.recordings import JsonlRecording, is_event_file
from tests.bench.traffic import sources
from tests.support import stored
from tests.support.builders import NOON, completed, entered, started
from tests.support.memory_index import MemoryIndex


def test_json_lines_make_the_same_runs_as_the_feed(tmp_path: Path) -> None:
    path, events = tmp_path / "events.jsonl", list(sources(6_000))
    path.write_bytes(b"\n\n".join(events))
    expected = MemoryIndex()
    expected.add_newer([decode_event(source) for source in events])
    recording = JsonlRecording(path)
    assert stored.summaries(recording) == stored.summaries(expected)
    newest = stored.summaries(recording)[-1].execution_id
    assert run_document(stored.run(recording, newest)) == run_document(expected.runs[newest])


def test_a_run_with_late_events_keeps_its_position(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    events = [
        step.raw
        for n in range(3_000)
        for step in (started(NOON + n, f"exec_{n:04}"), completed(NOON + n, f"exec_{n:04}"))
    ]
    path.write_bytes(b"\n".join([*events, entered("late", NOON, "exec_0003").raw]))
    recording = JsonlRecording(path)
    assert stored.ids(recording) == [f"exec_{n:04}" for n in range(3_000)]
    assert recording.find_one("exec_0003").event_count == 3


def test_a_line_that_is_not_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"type": "a"}\n{"type"\n')
    with pytest.raises(ConfigError, match="line 2: not JSON"):
        list(JsonlRecording(path).summaries())
    with pytest.raises(NotFound):
        JsonlRecording(tmp_path / "none")


def test_a_journal_is_not_a_file_of_json_lines(tmp_path: Path) -> None:
    Journal.open(tmp_path / "j").close()
    (tmp_path / "l").write_bytes(b' {"type": "a"}\n')
    assert [is_event_file(tmp_path / name) for name in ("j", "l", "none")] == [False, True, False]
