"""`w` writes the run to a file: the format, the name, secrets, and a message that says where it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scaicore_tui.export.formats import Format
from scaicore_tui.protocol import decode_event
from tests.support.app_stage import STANDARD, Stage, wait_until
from tests.support.feed_simulator import FeedSim
from tests.support.scene import completed_triage, failed_batch

RUN = "exec_5c1d"


def stage() -> Stage:
    """Return a failed run whose error quotes an API key."""
    raws = (event.raw.replace(b'"message"', b'"api_key": "sgk_abcdefgh1", "message"') for event in failed_batch(RUN, 0))
    return Stage(FeedSim(list(map(decode_event, raws))))


def number(one: Format) -> str:
    return str(list(Format).index(one) + 1)


async def test_a_run_is_written_and_replaced_only_by_another_press(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one = stage()
    async with one.app.run_test(size=STANDARD) as pilot:
        await one.poll(pilot)
        await pilot.press("w", number(Format.JSONL))
        await pilot.pause()
        path = tmp_path / f"invoice-batch-{RUN}.jsonl"
        assert "enter writes" in one.text
        await pilot.press("enter")
        await wait_until(pilot, path.exists)
        await one.settle(pilot)
        assert "written" in one.text
        assert json.loads(path.read_text().splitlines()[0])["payload"]["execution_id"] == RUN
        assert "sgk_abcdefgh1" in path.read_text()
        await pilot.press("w", number(Format.JSONL), "r", "enter")
        await wait_until(pilot, lambda: "enter replaces it" in one.text)
        assert "sgk_abcdefgh1" in path.read_text()
        await pilot.press("enter")
        await wait_until(pilot, lambda: "secret" in one.text and "replaced" in one.text and "written" in one.text)
        assert "sgk_abcdefgh1" not in path.read_text()


async def test_a_name_can_be_typed_and_a_failure_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    one = stage()
    async with one.app.run_test(size=STANDARD) as pilot:
        await one.poll(pilot)
        await pilot.press("w", "tab", "ctrl+a", "ctrl+k", *"no", "slash", *"run.jsonl", "enter")
        await wait_until(pilot, lambda: "not written: can't write" in one.text)
        await pilot.press("ctrl+a", "ctrl+k", *"run.jsonl", "enter")
        await wait_until(pilot, (tmp_path / "run.jsonl").exists)
        await one.settle(pilot)
        assert "written" in one.text
        await pilot.press("w", number(Format.SVG), "enter")
        picture = tmp_path / f"invoice-batch-{RUN}.svg"
        await wait_until(pilot, picture.exists)
        assert "<title>scaicore-tui</title>" in picture.read_text()
        assert "@font-face" not in picture.read_text()
        picture.unlink()
        await one.settle(pilot)
        await pilot.press("w", "escape")
        await one.settle(pilot)
    assert [path.name for path in tmp_path.iterdir()] == ["run.jsonl"]  # noqa: ASYNC240


async def test_marked_runs_are_written_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    one = Stage(FeedSim([*completed_triage("exec_a", 0), *failed_batch("exec_b", 60)]))
    async with one.app.run_test(size=STANDARD) as pilot:
        await one.poll(pilot)
        await pilot.press("space", "space", "w", number(Format.JSONL))
        assert "Write 2 marked runs to a file" in one.text
        await pilot.press("enter")
        path = tmp_path / "2-runs-exec_b.jsonl"
        await wait_until(pilot, path.exists)
        await one.settle(pilot)
    events = [json.loads(line)["payload"]["execution_id"] for line in path.read_text().splitlines()]
    assert set(events) == {"exec_a", "exec_b"}
