"""The format `chrome`: viewers can draw every run, and see each step inside its container."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaicore_tui.export.exporter import Export, ExportedRun, Redacted
from scaicore_tui.export.trace.chrome import export_chrome
from tests.support.builders import MILLISECOND, NOON, SECOND, completed, entered, event, exited, read_row, started
from tests.support.exported_runs import LATER, export_of, exported, generated, hostile_runs
from tests.support.scene import completed_triage, failed_batch, waiting_expense
from tests.support.strategies import EVENTS_OF_TWO_RUNS
from tests.support.trace_events import Event, read_trace, stack_of


def trace_of(*runs: ExportedRun) -> list[Event]:
    return read_trace("".join(export_chrome(export_of(*runs))))


def of_phase(events: list[Event], phase: str) -> list[Event]:
    return [event for event in events if event["ph"] == phase]


def slices_of(events: list[Event]) -> dict[str, Event]:
    return {event["name"]: event for event in of_phase(events, "X")}


def test_generated_runs_nest_as_their_steps_do() -> None:
    nested = 0
    for seed in range(25):
        one = generated(seed)
        slices = of_phase(trace_of(one), "X")
        steps = {step.name: step for step in one.steps.steps if step.is_reached}
        assert len(slices) == 1 + sum(step.is_reached for step in one.steps.steps)
        for _, members in groupby(sorted(slices, key=lambda each: each["tid"]), key=lambda each: each["tid"]):
            for each, around in stack_of(list(members)):
                if around is None or around["cat"] == "run":
                    continue
                parent = steps[each["name"]].parent
                assert parent is not None
                assert one.steps.step(parent).name == around["name"]
                nested += 1
    assert nested > 300


def test_parallel_steps_are_on_threads_of_their_own() -> None:
    events = [
        started(NOON),
        entered("both", NOON + 1 * SECOND, kind="parallel"),
        entered("a", NOON + 2 * SECOND),
        entered("b", NOON + 3 * SECOND),
        exited("a", NOON + 4 * SECOND),
        exited("b", NOON + 5 * SECOND),
        exited("both", NOON + 6 * SECOND, kind="parallel"),
        completed(NOON + 7 * SECOND),
    ]
    trace = trace_of(exported(events))
    found = slices_of(trace)
    assert found["a"]["tid"] == found["both"]["tid"] != found["b"]["tid"]
    assert (found["b"]["ts"], found["b"]["dur"]) == (NOON + 3 * SECOND, 2 * SECOND)
    names = {event["tid"]: event["args"]["name"] for event in of_phase(trace, "M") if event["tid"]}
    assert names == {found["a"]["tid"]: "exec_1", found["b"]["tid"]: "exec_1 (2)"}


def test_steps_within_one_microsecond_stay_apart() -> None:
    """Times of the API may have whole seconds: then all steps of a loop have the same time."""
    inside = [step for _ in range(5) for step in (entered("a"), exited("a"))]
    events = [started(), entered("each", kind="foreach"), *inside, exited("each", kind="foreach"), completed()]
    stack = stack_of(of_phase(trace_of(exported(events)), "X"))
    assert [around and around["name"] for each, around in stack if each["name"] == "a"] == ["each"] * 5


def test_an_open_step_lasts_until_the_run_was_observed_last() -> None:
    found = slices_of(trace_of(exported([started(), entered("a", NOON + SECOND)])))
    assert found["a"]["ts"] + found["a"]["dur"] == LATER
    assert found["a"]["args"] == {"state": "entered", "kind": "rigid", "time": ["still open"]}
    assert found["core_a"]["args"] == {
        "execution_id": "exec_1",
        "state": "running",
        # Of all steps alike, so it is said once.
        "inferred": ["parent", "iteration", "attempt"],
        "time": ["still open"],
    }
    ended = slices_of(trace_of(exported([started(), entered("a", NOON + SECOND), completed(NOON + 2 * SECOND)])))
    assert ended["a"]["dur"] == SECOND
    assert ended["a"]["args"]["time"] == ["still open when the run ended"]


def test_what_is_inferred_of_some_steps_only_is_said_of_these() -> None:
    for one in (generated(12), generated(19)):
        slices = of_phase(trace_of(one), "X")
        assert "inferred" not in slices[0]["args"]
        shown = [each["args"]["inferred"] for each in slices if each["args"].get("inferred")]
        assert shown
        assert len(shown) == sum(bool(step.inferred) for step in one.steps.steps if step.is_reached)


def test_clocks_that_went_back_give_no_negative_duration() -> None:
    events = [started(), entered("a", NOON + 5 * SECOND), exited("a", NOON + 3 * SECOND), completed(NOON + SECOND)]
    found = slices_of(trace_of(exported(events)))
    assert found["a"]["args"]["time"] == ["ended before it began, by the clocks of the servers"]
    assert (found["a"]["ts"], found["a"]["dur"]) == (NOON + 5 * SECOND, 1)


def test_failures_are_instants_and_waits_are_pairs() -> None:
    trace = trace_of(exported(failed_batch()), exported(waiting_expense()), exported(completed_triage("exec_1", 0)))
    failures = of_phase(trace, "i")
    assert [each["name"] for each in failures] == ["failed: pay", "failed: core_invoice-batch"]
    assert failures[0]["args"]["error"].startswith("BANK_DOWN: the bank did not answer")
    (wait,) = of_phase(trace, "b")
    assert (wait["cat"], wait["name"], wait["args"]["time"]) == ("wait for a person", "review", ["still open"])
    names = {each["args"]["name"] for each in of_phase(trace, "M") if each["name"] == "process_name"}
    assert names == {"core_invoice-batch", "core_expense-approval", "core_support-triage"}


def test_a_breakpoint_is_a_wait_of_its_own() -> None:
    row = read_row(identity="ckpt_1", checkpoint_type="debug_breakpoint", node_id="b", created_at=None)
    events = [started(), entered("a", NOON + SECOND), exited("a", NOON + 2 * SECOND)]
    (wait,) = of_phase(trace_of(exported(events, checkpoints=[row, row])), "b")
    assert (wait["name"], wait["args"]["checkpoint"]) == ("b", "ckpt_1")
    review = read_row(identity="ckpt_1", node_id="a")
    waiting = exported([started(), entered("a", NOON + SECOND, kind="checkpoint")], checkpoints=[review])
    assert len(of_phase(trace_of(waiting), "b")) == 1


def test_marks_of_missing_events_and_cut_values_are_kept() -> None:
    events = [entered("a"), exited("a", NOON + SECOND, result_binding="x", result_binding_truncated=True)]
    found = slices_of(trace_of(exported(events, missing="events may be missing: 10:00", replays="exec_0")))
    run = found["core_a"]["args"]
    assert (run["missing"], run["joined_late"], run["replays"]) == ("events may be missing: 10:00", True, "exec_0")
    assert found["a"]["args"]["truncated"] is True


def test_the_file_counts_what_was_replaced() -> None:
    export = Export([], NOON, is_redacted=True, summary=lambda: [Redacted("token", 3)])
    text = "".join(export_chrome(export))
    assert read_trace(text) == []
    assert json.loads(text)["otherData"] == {"exported_at": "2026-04-29T12:00:00Z", "redacted": {"token": 3}}


@settings(max_examples=60, deadline=None)
@given(st.lists(EVENTS_OF_TWO_RUNS, min_size=1, max_size=25))
def test_any_events_give_a_file_that_viewers_can_draw(events: list[Any]) -> None:
    own = [each for each in events if each.execution_id == "exec_1"] or [event("custom.note")]
    trace_of(exported(own))


def test_hostile_text_stays_text() -> None:
    trace_of(*hostile_runs())


def test_many_open_steps_take_little_time() -> None:
    events = [started(), *(entered(f"n{number}", NOON + number * MILLISECOND) for number in range(1_500))]
    assert len(of_phase(trace_of(exported(events)), "X")) == 1_501


SPEEDSCOPE = os.environ.get("SPEEDSCOPE", "")
CHROMIUM = shutil.which("chromium")


@pytest.mark.skipif(
    not SPEEDSCOPE or CHROMIUM is None,
    reason="set SPEEDSCOPE to the folder of an installed npm package speedscope, and install chromium",
)
def test_speedscope_draws_the_file(tmp_path: Path) -> None:
    text = "".join(export_chrome(export_of(*(generated(seed) for seed in range(5)), exported(failed_batch()))))
    content = json.dumps(base64.b64encode(text.encode()).decode())
    script, picture = tmp_path / "load.js", tmp_path / "picture.png"
    script.write_text(f"speedscope.loadFileFromBase64('trace.json', {content})")
    page = (Path(SPEEDSCOPE) / "dist/release/index.html").as_uri()
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--enable-unsafe-swiftshader",
        "--enable-logging=stderr",
        "--virtual-time-budget=15000",
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--screenshot={picture}",
    ]
    command = [CHROMIUM or "", *options, f"{page}#localProfilePath={script}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "Importing as Trace Event Format profile" in done.stderr
    # Its words for events that do not nest, and for steps that it had to end itself.
    assert not [word for word in ("Tried to end", "still open", "Failed to load") if word in done.stderr]
    assert picture.stat().st_size > 10_000
