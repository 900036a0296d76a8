"""The format `otlp`, decoded strictly: every run is one trace, with ids that do not depend on who exports it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaicore_tui.export.exporter import Export, ExportedRun, Redacted
from scaicore_tui.export.trace.otlp import export_otlp
from scaicore_tui.export.trace.trace_ids import checkpoint_span_id, run_span_id, step_span_id, trace_id
from tests.support.builders import NOON, SECOND, completed, entered, event, exited, read_row, started
from tests.support.exported_runs import LATER, export_of, exported, generated, hostile_runs
from tests.support.hostile.bodies import TIMESTAMPS
from tests.support.otlp_messages import attributes_of, decode_json, spans_of
from tests.support.scene import completed_triage, failed_batch, waiting_expense
from tests.support.strategies import EVENTS_OF_TWO_RUNS

pytest.importorskip("opentelemetry.proto.trace.v1", reason="needs scaicore-tui[otlp]")

NANOS = 1_000


def sent(*runs: ExportedRun, **more: Any) -> list[Any]:
    text = "".join(export_otlp(export_of(*runs, **more)))
    return spans_of(decode_json(text))


def by_name(spans: list[Any]) -> dict[str, Any]:
    return {span.name: span for span in spans}


def test_generated_runs_have_a_span_for_each_step_in_that_of_its_container() -> None:
    for seed in range(12):
        one = generated(seed)
        steps = [step for step in one.steps.steps if step.is_reached]
        root, *spans = sent(one)
        assert len(spans) == len(steps)
        by_index = dict(zip((step.index for step in steps), spans, strict=True))
        for step in steps:
            span, attributes = by_index[step.index], attributes_of(by_index[step.index])
            around = root if step.parent is None else by_index[step.parent]
            assert span.parent_span_id == around.span_id
            assert attributes["scaicore.node.id"] == step.node_id
            assert (span.status.code == 2) is step.has_failed
            assert attributes.get("scaicore.step.iteration") == step.iteration
            assert attributes.get("scaicore.step.attempt") == step.attempt
            assert (span.start_time_unix_nano, span.end_time_unix_nano) == (
                (step.entered_at or step.ended_at or 0) * NANOS,
                (step.ended_at or 0) * NANOS,
            )


def test_a_failed_run_has_the_code_as_its_type_and_the_message() -> None:
    spans = by_name(sent(exported(failed_batch())))
    root, pay = spans["invoke_workflow core_invoice-batch"], spans["core_call pay"]
    for span in (root, pay):
        assert span.status.message.startswith("BANK_DOWN: the bank did not answer")
        assert attributes_of(span)["error.type"] == "BANK_DOWN"
        assert attributes_of(span.events[0])["exception.message"] == span.status.message
    assert attributes_of(root) == {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.provider.name": "scaicore",
        "gen_ai.agent.name": "core_invoice-batch",
        "scaicore.core.id": "core_invoice-batch",
        "scaicore.run.id": "exec_5b0c11",
        "scaicore.run.status": "failed",
        "scaicore.run.event_count": 11,
        "scaicore.run.anomalies": ["ended inside a node"],
        "error.type": "BANK_DOWN",
    }
    assert spans["foreach each"].status.code == 0


def test_an_error_without_a_code_has_the_type_for_all_others() -> None:
    events = [started(), event("invocation.failed", NOON + SECOND, error="it broke")]
    (root,) = sent(exported(events))
    assert (attributes_of(root)["error.type"], root.status.message) == ("_OTHER", "it broke")


def test_ids_only_depend_on_what_they_stand_for() -> None:
    first = {span.span_id for span in sent(exported(completed_triage("exec_1", 0)))}
    again = sent(
        exported(completed_triage("exec_1", 0), now=LATER + 5, missing="x", replays="exec_0"), is_redacted=True
    )
    assert {span.span_id for span in again} == first
    other = sent(exported(completed_triage("exec_2", 0)))
    assert not {span.span_id for span in other} & first
    # These never change: receivers would show runs that were sent before as other ones.
    trace = trace_id("core_a", "exec_1")
    assert trace.hex() == "606e8e6ca08ceca81e2695e8b4447e5b"
    assert run_span_id(trace).hex() == "0a2c517c5b8eb34c"
    assert step_span_id(trace, ("pay", None), 2).hex() == "51026ecf58d761b7"
    assert step_span_id(trace, (None, "pay"), 2).hex() == "9737b166fe09c5c3"
    assert checkpoint_span_id(trace, "ckpt_1").hex() == "4d19b7a9b8429464"


def test_parts_of_an_id_are_not_mixed_up() -> None:
    assert len({trace_id("ab", "c"), trace_id("a", "bc"), trace_id(None, "abc"), trace_id("", "\ud800abc")}) == 4


def test_payloads_are_only_in_it_if_asked_for() -> None:
    runs = exported(completed_triage("exec_1", 0)), exported(failed_batch())
    without = "".join(export_otlp(export_of(*runs)))
    assert "4711" not in without
    assert "refund" not in without
    spans = by_name(sent(*runs, has_payloads=True))
    root, order = spans["invoke_workflow core_support-triage"], spans["core_call find_order"]
    assert json.loads(attributes_of(root)["scaicore.run.input"])["message"].startswith("My parcel never arrived")
    assert attributes_of(root)["scaicore.run.output"] == '{"sent":true}'
    assert attributes_of(order)["scaicore.result.value"] == '{"id":4711,"status":"lost"}'
    assert "scaicore.run.output" not in attributes_of(spans["invoke_workflow core_invoice-batch"])


def test_an_unfinished_run_is_marked_and_waits_are_spans() -> None:
    spans = by_name(sent(exported(waiting_expense())))
    wait, root = spans["wait_for_person review"], spans["invoke_workflow core_expense-approval"]
    assert attributes_of(root)["scaicore.run.unfinished"] is True
    assert attributes_of(wait)["scaicore.step.waits_for_person"] is True
    for span in (wait, root):
        assert attributes_of(span)["scaicore.time.notes"] == ["still open"]
        assert span.end_time_unix_nano == LATER * NANOS


def test_a_breakpoint_has_a_span_of_its_own() -> None:
    row = read_row(identity="ckpt_1", checkpoint_type="debug_breakpoint", node_id="b")
    root, step, wait = sent(exported([started(), entered("a", NOON + SECOND)], checkpoints=[row]))
    assert (step.name, wait.name, wait.parent_span_id) == ("rigid a", "wait_for_person b", root.span_id)
    assert attributes_of(wait)["scaicore.checkpoint.id"] == "ckpt_1"


def test_a_replay_links_to_the_run_that_it_repeats() -> None:
    original, replay = sent(exported([started()]), exported([started(execution="exec_2")], replays="exec_1"))
    (link,) = replay.links
    assert (link.trace_id, link.span_id) == (original.trace_id, original.span_id)
    assert attributes_of(link) == {"scaicore.link": "replay of"}


def test_tokens_that_a_result_reports_have_the_names_of_the_convention() -> None:
    result = {"text": "hi", "usage": {"prompt_tokens": 12, "completion_tokens": 3}}
    events = [started(), entered("a"), exited("a", NOON + SECOND, result_binding_value=result), completed()]
    spans = by_name(sent(exported(events)))
    attributes = attributes_of(spans["rigid a"])
    assert (attributes["gen_ai.usage.input_tokens"], attributes["gen_ai.usage.output_tokens"]) == (12, 3)


def test_marks_of_missing_events_and_cut_values_are_kept() -> None:
    events = [entered("a"), exited("a", NOON + SECOND, result_binding="x", result_binding_truncated=True)]
    root, step = sent(exported(events, missing="events may be missing: 10:00"))
    assert attributes_of(root)["scaicore.run.missing"] == "events may be missing: 10:00"
    assert attributes_of(root)["scaicore.run.joined_late"] is True
    assert attributes_of(step)["scaicore.result.truncated"] is True


@pytest.mark.parametrize("stamp", TIMESTAMPS, ids=repr)
def test_any_time_fits(stamp: Any) -> None:
    from scaicore_tui.protocol import decode_event

    events = []
    for source in (started(), entered("a"), exited("a"), completed()):
        value = json.loads(source.raw)
        events.append(decode_event(json.dumps(value | {"timestamp": stamp}).encode()))
    sent(exported(events, now=0))


@settings(max_examples=60, deadline=None)
@given(st.lists(EVENTS_OF_TWO_RUNS, min_size=1, max_size=25))
def test_any_events_give_valid_spans(events: list[Any]) -> None:
    own = [each for each in events if each.execution_id == "exec_1"] or [event("custom.note")]
    sent(exported(own), has_payloads=True)


def test_hostile_text_stays_text() -> None:
    sent(*hostile_runs(), has_payloads=True)


def test_the_file_says_where_it_is_from_and_what_was_replaced() -> None:
    export = Export([exported([started()])], NOON, "prod", is_redacted=True, summary=lambda: [Redacted("token", 3)])
    message = decode_json("".join(export_otlp(export)))
    spans_of(message)
    first, last = (attributes_of(each.resource) for each in message.resource_spans)
    assert first == {"service.name": "scaicore", "scaicore.source": "prod", "scaicore.redacted": True}
    assert last == first | {"scaicore.redacted.token": 3}
    assert not decode_json("".join(export_otlp(Export([], NOON)))).resource_spans
