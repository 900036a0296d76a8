"""The format `html`: what it shows, that it is a journal, and how large it may be."""

from __future__ import annotations

import zlib
from base64 import b64decode
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from textual.color import Color

from scaicore_tui.analysis.flow_graph import GraphOrigin, build_graph
from scaicore_tui.analysis.flow_inference import infer_graph
from scaicore_tui.analysis.flow_view import view_flow
from scaicore_tui.errors import UsageError
from scaicore_tui.export.exporter import Export, ExportedRun, Redacted
from scaicore_tui.export.report import html_report as module
from scaicore_tui.export.report import html_tables
from scaicore_tui.export.report.flow_picture import MAX_NODES, MAX_PIXELS, picture_flow
from scaicore_tui.export.report.html_report import html_report
from scaicore_tui.export.report.markup import element, own_text
from scaicore_tui.export.report.report_facts import link_of
from scaicore_tui.export.report.report_style import DARK, LIGHT
from scaicore_tui.protocol import decode_event
from scaicore_tui.protocol.flows import FlowDocument, FlowNode
from scaicore_tui.runs import Gap, RunStatus
from scaicore_tui.runs.deep_link import DeepLink, parse_link
from scaicore_tui.store.report_file import read_report
from scaicore_tui.tui.theme_colours import MIN_CONTRAST, contrast
from tests.support.builders import NOON, SECOND, completed, entered, event, exited, read_row, started
from tests.support.exported_runs import export_of, exported, generated
from tests.support.flow_graphs import build, shipped
from tests.support.report_markup import ReportParser, parse_report
from tests.support.scene import INVOICES, REVIEW, completed_triage, failed_batch, running_triage, waiting_expense

SEEDS = range(6)


def parsed(*runs: ExportedRun, **more: Any) -> ReportParser:
    """Return the report of runs, all of whose markup is on the list."""
    report = parse_report("".join(html_report(export_of(*runs, **more))))
    assert report.errors == []
    return report


def text_of(report: ReportParser) -> str:
    return "\n".join(text for text in report.texts if text.strip())


def waiting() -> ExportedRun:
    run = exported(waiting_expense(), checkpoints=[read_row(**REVIEW)], now=NOON)
    run.run.status = RunStatus.WAITING
    return run


def test_a_failed_run_says_first_where_and_why() -> None:
    run = exported(failed_batch(), shipped(INVOICES))
    text = text_of(parsed(run))
    lines = text.split("\n")
    failure = lines.index("pay")
    assert lines[failure - 1 : failure + 3] == [
        "✗ Failed at ",
        "pay",
        " · iteration 3, 680ms after the start",
        "BANK_DOWN: the bank did not answer within 30 s; payment 3 of 3 was not made",
    ]
    assert failure < lines.index("Timeline") < lines.index("Values") < lines.index("Events")
    assert lines[:3] == ["failed · exec_5b0c11 · core_invoice-batch", lines[1], "✗ failed"]
    assert lines[1] == "scaicore-tui · from demo · exported 2026-04-29 12:00:00Z · not redacted"


def test_headings_have_no_gaps_and_tables_say_what_their_cells_are() -> None:
    for runs in ([exported(failed_batch())], [exported(failed_batch()), waiting()]):
        source = "".join(html_report(export_of(*runs)))
        report = parse_report(source)
        levels = [int(name[1]) for name in report.elements if name in ("h1", "h2", "h3")]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
        assert report.elements.count("table") == source.count("<caption>")
        assert source.count("<th ") == source.count('scope="')
        assert '<html lang="en">' in source
        assert report.elements.count("script") == 1


def test_a_report_says_how_to_open_the_run_at_the_step_that_failed() -> None:
    run = exported(failed_batch())
    link = link_of("prod eu", run)
    assert parse_link(link) == DeepLink("exec_5b0c11", "prod eu", "pay", 3)
    assert "scaicore-tui open scai:demo/exec_5b0c11#pay.3" in text_of(parsed(run))
    odd = exported([started(execution="a/b#c.1@2 <d>"), entered("e.f#g", execution="a/b#c.1@2 <d>")])
    assert parse_link(link_of("", odd)) == DeepLink("a/b#c.1@2 <d>")
    assert link_of("", exported([started(execution="x" * 500)])) == ""


def test_failures_that_did_not_end_the_run_are_named() -> None:
    failed = event("block.failed", NOON, node_id="b", block_kind="rigid", error={"code": "X"})
    events = [started(), entered("a"), entered("b"), failed, entered("b"), failed, exited("a"), completed(NOON + 1)]
    text = text_of(parsed(exported(events)))
    assert "2 steps failed; the run completed all the same: \nb\n ×2" in text
    assert "✗ Failed" not in text


def test_a_waiting_run_says_who_is_asked_what_and_until_when() -> None:
    text = text_of(parsed(waiting()))
    for expected in (
        "‖ Waits for a person: ",
        "Review needed",
        "2026-04-29 13:00:00Z (in 1h)",
        "Zoë de Vries claims 1,200 EUR for a hotel. Allowed are 900.",
        "Needs more info",
        "3m59s so far",
    ):
        assert expected in text, expected


def test_what_is_not_complete_is_said_before_the_error() -> None:
    events = failed_batch()[1:]
    gap = Gap(3, 0, events[2].at, events[3].at, "exec_5b0c11", "exec_5b0c11")
    run = exported(events, missing="events may be missing: 11:51 to 11:52Z", gaps=[gap])
    lines = text_of(parsed(run)).split("\n")
    marks = lines.index("Not complete")
    assert lines[marks + 1] == "events may be missing: 11:51 to 11:52Z"
    assert "events lost to retention" in lines[marks + 2]
    assert lines[marks + 3] == "incomplete: this run began before the first event that is known"
    assert marks < lines.index("✗ Failed at ")


def test_values_that_the_api_cut_and_events_that_cannot_be_read_are_counted() -> None:
    cut: Any = {"result_binding": "x", "result_binding_value": [1], "result_binding_truncated": True}
    events = [started(input_truncated=True), entered("a"), exited("a", **cut), completed(timestamp=1)]
    events.append(decode_event(b'{"type": 5, "payload": {"execution_id": "exec_1"}}'))
    run = exported(events)
    run.run.anomalies += [f"odd {number}" for number in range(9)]
    text = text_of(parsed(run))
    for expected in (
        "the API sent 2 values of it cut or not at all",
        "1 event of it cannot be read in full",
        "anomaly: odd 0",
        "more anomalies",
        "Input, not sent in full by the API",
        " · not sent in full by the API",
    ):
        assert expected in text, expected


def test_a_run_that_failed_without_a_step_says_its_error() -> None:
    failed = event("invocation.failed", NOON, error={"code": "NO_FLOW", "message": "the flow is gone"})
    text = text_of(parsed(exported([started(), failed])))
    assert "✗ Failed\nNO_FLOW: the flow is gone\nTimeline\nNo step of this run is known." in text


def test_a_flow_that_is_too_large_or_far_apart_is_a_table() -> None:
    run = exported(failed_batch())
    long = build(*(f"n{number} > n{number + 1}" for number in range(MAX_NODES)))
    text = text_of(parsed(replace(run, flow=view_flow(long, run.run))))
    assert f"It has {MAX_NODES + 1} nodes: too many for a picture." in text
    nodes = (FlowNode("a", x=0), FlowNode("b", x=MAX_PIXELS + 1))
    picture = picture_flow(view_flow(build_graph(FlowDocument(nodes), GraphOrigin.FILE, "f"), run.run))
    assert picture is not None
    assert not picture.is_canvas


def test_every_step_is_in_the_table_beside_the_picture() -> None:
    for seed in SEEDS:
        run = generated(seed)
        source = "".join(html_report(export_of(run)))
        table = source.partition("All steps as a table")[2].partition("</table>")[0]
        assert table.count("<tr>") == len(run.steps.steps) + 1
        assert parse_report(source).errors == []


def test_the_flow_stands_as_on_the_canvas_or_says_that_it_is_no_design() -> None:
    run = exported(failed_batch(), shipped(INVOICES))
    drawn = text_of(parsed(replace(run, flow=view_flow(shipped(INVOICES), run.run))))
    assert "invoice-batch from the file invoice-batch.json · 6 of 7 nodes not reached" in drawn
    graph = infer_graph([run.run])
    assert graph is not None
    inferred = text_of(parsed(replace(run, flow=view_flow(graph, run.run))))
    assert "order seen in 1 run, not the design" in inferred
    assert "The flow as a table" in inferred


def test_the_report_is_a_journal_of_the_same_events(tmp_path: Path) -> None:
    late, early = exported(running_triage()), exported(completed_triage("exec_a", 0))
    path = tmp_path / "report.html"
    path.write_text("".join(html_report(export_of(late, early))), encoding="utf-8")
    assert read_report(path).splitlines() == [event.raw for run in (early, late) for event in run.events]


def test_equal_runs_give_equal_files_and_the_journal_has_no_time() -> None:
    run = exported(failed_batch())
    one, other = ("".join(html_report(export_of(run))) for _ in range(2))
    assert one == other
    packed = b64decode(parse_report(one).journal)
    assert packed[4:8] == b"\0\0\0\0"
    assert zlib.decompress(packed, 31).count(b"\n") == len(run.events)


def test_an_event_that_was_received_in_several_lines_is_one_line() -> None:
    events = completed_triage("exec_a", 0)
    events[0].raw = events[0].raw.replace(b", ", b",\r\n", 1)
    journal = zlib.decompress(b64decode(parsed(exported(events)).journal), 31)
    assert journal.count(b"\n") == len(events)
    assert b"\r" not in journal


def test_what_was_redacted_is_counted_after_all_runs_were_read() -> None:
    counted: list[Redacted] = []

    def runs() -> Any:
        yield exported(failed_batch())
        counted.append(Redacted("token", 3))

    report = parse_report("".join(html_report(Export(runs(), NOON, is_redacted=True, summary=lambda: counted))))
    assert "3 values redacted" in text_of(report)
    assert "3 redacted: token" in text_of(report)


def test_several_runs_have_a_table_with_links_to_each() -> None:
    source = "".join(html_report(export_of(exported(failed_batch()), waiting(), exported(running_triage()))))
    assert parse_report(source).errors == []
    assert "<h1>3 runs</h1><p>1 failed, 1 waiting, 1 running</p>" in source
    assert [source.count(f'href="#run-{number}"') for number in (1, 2, 3, 4)] == [1, 1, 1, 0]
    assert [source.count(f'id="run-{number}"') for number in (1, 2, 3, 4)] == [1, 1, 1, 0]


def test_nothing_is_yielded_of_a_report_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 100_000)
    run = exported(failed_batch())
    left = [run] * 1_000
    report = html_report(Export((left.pop() for _ in range(1_000)), NOON))
    with pytest.raises(UsageError, match=r"more than 0 MB: 0\.1 MB after \d+ runs · nothing was written · .*jsonl"):
        next(report)
    assert len(left) > 980


def test_long_runs_are_cut_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_tables, "MAX_EVENTS", 400)
    count = 320
    events = [started()]
    for number in range(count):
        events += [entered(f"n{number}", NOON + number * SECOND), exited(f"n{number}", NOON + number * SECOND)]
    text = text_of(parsed(exported([*events, completed(NOON + count * SECOND)])))
    assert "Events in the order of the feed: the first 400 of 642." in text
    assert "20 more rows are left out here." in text


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_all_text_is_readable_on_both_grounds(colours: dict[str, str]) -> None:
    for name in ("text", "grey", "accent", "blue", "green", "red", "amber"):
        for ground in ("ground", "panel"):
            found = contrast(Color.parse(colours[name]), Color.parse(colours[ground]))
            assert found >= MIN_CONTRAST, f"{name} on {ground}"


def test_markup_escapes_all_text_and_takes_none_that_it_cannot_escape() -> None:
    made = element("p", "a<b>&\"'\x1b\0", element("br"), class_='"><script>', data_label=None).source
    assert made == '<p class="&quot;&gt;&lt;script&gt;">a&lt;b&gt;&amp;&quot;&#x27;␛␀<br></p>'
    for name in ("script", "style"):
        with pytest.raises(ValueError, match="would not be escaped"):
            element(name, "text")
    with pytest.raises(ValueError, match="could end its element"):
        own_text("</style>")
