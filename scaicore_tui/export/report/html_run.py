"""The report of one run as HTML: what is wrong first, then the timeline, the flow, the values and the events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from scaicore_tui.analysis.flow_view import heading_spans
from scaicore_tui.analysis.steps import Step
from scaicore_tui.export.exporter import ExportedRun
from scaicore_tui.export.report.flow_picture import picture_flow
from scaicore_tui.export.report.html_tables import events_table, flow_table, steps_table
from scaicore_tui.export.report.html_timeline import timeline_table
from scaicore_tui.export.report.markup import Child, Markup, element, join
from scaicore_tui.export.report.report_facts import (
    Wait,
    failure_of,
    handled_failures,
    link_of,
    marks_of,
    status_of,
    step_count_text,
    step_position,
    took_text,
    utc_time,
    waits_of,
)
from scaicore_tui.export.report.svg_flow import LEGEND, draw_flow
from scaicore_tui.export.report.timeline_picture import picture_timeline
from scaicore_tui.runs import NodeVisit, RunStatus
from scaicore_tui.text import json_pretty, one_line

MAX_ID_CELLS = 200
# Values of so many lines are shown at once, longer ones when asked for.
MAX_OPEN_LINES = 15
MAX_RESULTS = 500
# Names of steps that failed without ending the run.
MAX_HANDLED = 5
# Pictures of at most this width are made smaller to fit into wide windows; text in larger ones would be too small.
MAX_FITTED_PIXELS = 1_560


def run_sections(profile: str, exported: ExportedRun, level: int) -> Iterator[Markup]:
    """Yield the parts of a report of one run: its own heading is of `level`, those inside it of the next one."""
    inner = f"h{level + 1}"
    yield from _heading(exported, level)
    yield _facts(profile, exported)
    yield from _marks(exported)
    yield from _failure(exported, inner)
    for wait in waits_of(exported):
        yield _wait(wait, inner)
    yield element(inner, "Timeline")
    yield from _timeline(exported)
    yield from _flow(exported, inner)
    yield element(inner, "Values")
    yield from _values(exported)
    yield element(inner, "Events")
    yield _details(f"{len(exported.events):,} events", events_table(exported))


def _heading(exported: ExportedRun, level: int) -> Iterator[Markup]:
    """Yield the heading of a run: status and id."""
    run, style = exported.run, status_of(exported.run)
    status = element("span", f"{style.glyph} {style.word}", class_=f"status {style.colour}")
    yield element(f"h{level}", status, " ", element("span", one_line(run.execution_id, MAX_ID_CELLS), class_="mono"))


def _facts(profile: str, exported: ExportedRun) -> Markup:
    """Return what is known about a run as pairs of name and value."""
    run = exported.run
    pairs = (
        ("Core", one_line(run.core_id or "", MAX_ID_CELLS)),
        ("started", utc_time(run.started_at)),
        ("took", took_text(exported)),
        ("with", step_count_text(exported)),
        ("replay of", one_line(exported.replays or "", MAX_ID_CELLS)),
        ("instance", one_line(run.instance_key or "", MAX_ID_CELLS)),
        ("open", f"scaicore-tui open {link}" if (link := link_of(profile, exported)) else ""),
        ("seen until", "" if run.is_over else utc_time(exported.now)),
    )
    return _fact_list(pairs)


def _fact_list(pairs: tuple[tuple[str, str], ...]) -> Markup:
    """Return pairs of name and value as a list; those without a value are left out."""
    known = (element("div", element("dt", name), element("dd", value)) for name, value in pairs if value)
    return element("dl", *known, class_="facts")


def _marks(exported: ExportedRun) -> Iterator[Markup]:
    marks = [element("li", one_line(mark, 400)) for mark in marks_of(exported)]
    if marks:
        yield element("div", element("strong", "Not complete"), element("ul", *marks), class_="box mark")


def _failure(exported: ExportedRun, inner: str) -> Iterator[Markup]:
    failure = failure_of(exported)
    if failure is None:
        handled = handled_failures(exported)
        if handled:
            yield _handled(handled, is_over=exported.run.is_over)
        return
    title: list[Child] = ["✗ Failed"]
    if failure.node:
        title += [" at ", element("code", one_line(failure.node, MAX_ID_CELLS)), f" · {failure.position}"]
    yield element("div", element(inner, *title), element("pre", failure.text), class_="box failure")


def _handled(failed: Counter[str], *, is_over: bool) -> Markup:
    """Return which steps failed without ending the run."""
    count = failed.total()
    ended = "completed" if is_over else "went on"
    parts: list[Child] = [f"{count:,} step{'' if count == 1 else 's'} failed; the run {ended} all the same:"]
    for name, times in failed.most_common(MAX_HANDLED):
        parts += [" ", element("code", one_line(name, MAX_ID_CELLS)), f" ×{times}" if times > 1 else ""]
    return element("p", *parts, ", …" if len(failed) > MAX_HANDLED else "")


def _wait(wait: Wait, inner: str) -> Markup:
    row = wait.checkpoint
    pairs = (
        ("waits for", one_line(wait.assignee, MAX_ID_CELLS) or "anybody"),
        ("since", wait.since),
        ("due", wait.due),
        ("if late", one_line(row.expiry_action or "", 80)),
        ("priority", one_line(row.priority or "", 80)),
        ("at", one_line(row.node_id or "", MAX_ID_CELLS)),
        ("checkpoint", one_line(row.id, MAX_ID_CELLS)),
    )
    parts: list[Markup] = [
        element(inner, "‖ Waits for a person: ", one_line(wait.title, MAX_ID_CELLS)),
        _fact_list(pairs),
    ]
    if row.body_text:
        parts.append(element("pre", row.body_text))
    answers = [element("li", element("code", one_line(name, MAX_ID_CELLS))) for name in wait.options]
    parts.append(
        join((element("p", "Answers:"), element("ul", *answers))) if answers else element("p", "Answer: any text.")
    )
    if row.context is not None:
        parts.append(_value("What it is about", row.context))
    return element("div", *parts, class_="box person")


def _timeline(exported: ExportedRun) -> Iterator[Markup]:
    picture = picture_timeline(exported)
    if not picture.rows:
        yield element("p", "No step of this run is known.")
        return
    yield timeline_table(picture)
    if picture.hidden_count:
        yield element("p", f"{picture.hidden_count:,} more rows are left out here.")
    if picture.notes:
        yield element("ul", *(element("li", note) for note in picture.notes))
    yield _details("All steps as a table, with iterations and attempts", steps_table(exported))


def _flow(exported: ExportedRun, inner: str) -> Iterator[Markup]:
    view = exported.flow
    if view is None:
        return
    yield element(inner, "Flow")
    yield element("p", " · ".join(text.strip() for text, _ in heading_spans(view)[1:]))
    picture = picture_flow(view)
    if picture is not None:
        size = {"width": picture.width, "height": picture.height}
        svg = element(
            "svg",
            element("title", "The flow with the way that the run took; the table below it says the same in words."),
            draw_flow(picture),
            **size,
            viewBox=f"0 0 {picture.width:.0f} {picture.height:.0f}",
            role="img",
            class_="flow fit" if picture.width < MAX_FITTED_PIXELS else "flow",
        )
        yield element("div", svg, class_="scroll", tabindex="0", role="group", aria_label="Picture of the flow")
        yield element("p", LEGEND)
    else:
        yield element("p", f"It has {len(view.graph.nodes):,} nodes: too many for a picture.")
    yield _details("The flow as a table", flow_table(view))


def _values(exported: ExportedRun) -> Iterator[Markup]:
    run = exported.run
    yield _value("Input" + (", not sent in full by the API" if run.is_input_truncated else ""), run.input)
    if run.status is RunStatus.COMPLETED:
        yield _value("Output", run.output)
    steps = [(step, step.visit) for step in exported.steps.steps if step.visit is not None and step.visit.has_result]
    shown = [_result(step, visit) for step, visit in steps[:MAX_RESULTS]]
    if shown:
        more = f", of which {MAX_RESULTS} are here" if len(steps) > MAX_RESULTS else ""
        count = f"{len(steps):,} result{'' if len(steps) == 1 else 's'} of steps{more}"
        yield _details(count, join(shown), is_printed=True)


def _result(step: Step, visit: NodeVisit) -> Markup:
    title: list[Child] = [element("code", one_line(step.name, MAX_ID_CELLS))]
    position = step_position(step)
    title.append(f" · {position}" if position else "")
    if visit.result_binding:
        title += [" → ", element("code", one_line(visit.result_binding, MAX_ID_CELLS))]
    if visit.is_truncated:
        title.append(" · not sent in full by the API")
    return _details(join(title), element("pre", json_pretty(visit.result)), is_printed=True)


def _value(title: str, value: Any) -> Markup:
    text = json_pretty(value)
    is_short = text.count("\n") < MAX_OPEN_LINES and len(text) < MAX_OPEN_LINES * 80
    return _details(title, element("pre", text), is_open=is_short, is_printed=True)


def _details(title: Child, content: Markup, *, is_open: bool = False, is_printed: bool = False) -> Markup:
    """Return content that a click shows; `is_printed` content is on paper all the same."""
    state = {"open": ""} if is_open else {}
    return element("details", element("summary", title), content, **state, class_="printed" if is_printed else None)
