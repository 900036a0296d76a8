"""The format `svg`: one picture without references; and screenshots of the app without theirs."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace
from textual.app import App, ComposeResult
from textual.widgets import Static

from scaicore_tui.analysis.flow_view import view_flow
from scaicore_tui.errors import UsageError
from scaicore_tui.export.exporter import ExportedRun
from scaicore_tui.export.report.flow_picture import BOX_HEIGHT, BOX_WIDTH, picture_flow
from scaicore_tui.export.report.svg_document import standalone_screenshot
from scaicore_tui.export.report.svg_report import MAX_RUNS, svg_report
from scaicore_tui.runs import Gap
from tests.support.builders import NOON, SECOND, entered, exited, started
from tests.support.exported_runs import export_of, exported, generated
from tests.support.flow_graphs import build, shipped
from tests.support.hostile.markup_attacks import MARKUP_ATTACKS
from tests.support.scene import INVOICES, failed_batch, running_triage

SVG = "{http://www.w3.org/2000/svg}"
SEEDS = range(6)
FONTS = ("font of a screenshot", "font of a screenshot, tight")


def parsed(*runs: ExportedRun) -> ElementTree.Element:
    return ElementTree.fromstring("".join(svg_report(export_of(*runs))).encode())  # noqa: S314  (our own)


def texts(root: ElementTree.Element) -> list[str]:
    return ["".join(found.itertext()) for found in root.iter(f"{SVG}text")]


def test_a_run_is_drawn_with_its_error_and_says_the_same_in_words() -> None:
    run = exported(failed_batch(), shipped(INVOICES))
    root = parsed(replace(run, flow=view_flow(shipped(INVOICES), run.run)))
    title, description = root[0].text, root[1].text
    assert title == "✗ failed · exec_5b0c11"
    assert description is not None
    assert "✗ failed at pay, iteration 3, 680ms after the start\nBANK_DOWN: the bank" in description
    shown = texts(root)
    assert shown[:2] == ["✗ failed · exec_5b0c11", description.split("\n")[1]]
    assert {"load", "each ↻3", "iteration 3", "pay", "took", "not reached"} <= set(shown)
    assert "Flow: invoice-batch from the file invoice-batch.json" in shown
    assert shown[-1] == "scaicore-tui · from demo · exported 2026-04-29 12:00:00Z · not redacted"


def test_all_is_inside_the_picture_and_in_order() -> None:
    for seed in SEEDS:
        run = generated(seed)
        root = parsed(run)
        width, height = float(root.attrib["width"]), float(root.attrib["height"])
        bars = [found for found in root.iter(f"{SVG}rect") if found.get("class", "").startswith("bar")]
        assert bars
        for bar in bars:
            assert float(bar.attrib["width"]) > 0
            assert 0 < float(bar.attrib["x"]) + float(bar.attrib["width"]) < width
        tops = [float(found.attrib["transform"].split(" ")[1][:-1]) for found in root.iter(f"{SVG}g") if found.attrib]
        assert tops == sorted(tops)
        assert tops[-1] < height


def test_idle_time_gaps_waits_and_open_steps_have_signs_of_their_own() -> None:
    hour = NOON + 3_600 * SECOND
    events = [
        started(),
        entered("work"),
        exited("work", NOON + SECOND),
        entered("ask", NOON + SECOND, kind="checkpoint"),
    ]
    events += [exited("ask", hour, kind="checkpoint"), entered("reply", hour)]
    gap = Gap(2, 0, NOON + SECOND, hour, "exec_1", "exec_1")
    root = parsed(exported(events, now=hour + 2 * SECOND, gaps=[gap]))
    classes = [found.get("class", "") for found in root.iter()]
    for name in ("idle", "gap", "wait green", "bar green", "bar blue"):
        assert name in classes, name
    shown = texts(root)
    assert "~59m59s" in shown
    assert "▸" in shown
    assert any("events lost to retention" in text for text in shown)


def test_more_runs_than_fit_are_refused() -> None:
    run = exported(running_triage())
    with pytest.raises(UsageError, match="at most 20 runs, and these are more · nothing was written"):
        next(svg_report(export_of(*[run] * (MAX_RUNS + 1))))
    assert parsed(run, run)[0].text == "2 runs"


@pytest.mark.parametrize(
    "core", ["core_research", "core_invoice-batch", "core_support-triage", "core_expense-approval"]
)
def test_the_boxes_of_a_designed_flow_stand_as_on_the_canvas(core: str) -> None:
    graph = shipped(core)
    picture = picture_flow(view_flow(graph, exported(failed_batch()).run))
    assert picture is not None
    assert picture.is_canvas
    moved = {(box.at.x - node.x, box.at.y - node.y) for box, node in zip(picture.boxes, graph.nodes, strict=True)}
    assert len(moved) == 1


@pytest.mark.parametrize(
    "lines",
    [
        ("a > b", "b > c", "a > c", "c > a"),
        ("a > b", "a > c", "a > d", "b > e", "c > e", "d > e", "e > e"),
        ("a > b", "b > a"),
    ],
)
def test_boxes_without_positions_stand_apart_whatever_the_edges(lines: tuple[str, ...]) -> None:
    picture = picture_flow(view_flow(build(*lines), exported(failed_batch()).run))
    assert picture is not None
    assert not picture.is_canvas
    corners = [box.at for box in picture.boxes]
    for index, one in enumerate(corners):
        assert 0 <= one.x <= picture.width - BOX_WIDTH
        assert 0 <= one.y <= picture.height - BOX_HEIGHT
        assert all(abs(one.x - x) >= BOX_WIDTH or abs(one.y - y) >= BOX_HEIGHT for x, y in corners[:index])


class Screen(App[None]):
    """A screen with foreign text that looks like a part of the style sheet."""

    def compose(self) -> ComposeResult:
        for name in FONTS:
            yield Static(MARKUP_ATTACKS[name], markup=False)


async def test_a_screenshot_refers_to_nothing_outside_and_keeps_its_text() -> None:
    app = Screen()
    async with app.run_test(size=(100, 5)) as pilot:
        await pilot.pause()
        drawn = app.export_screenshot(title="run")
    assert "cdnjs.cloudflare.com" in drawn, "Textual's screenshots load fonts: else this module does nothing"
    clean = standalone_screenshot(drawn, "a <title>", "text & more")
    root = ElementTree.fromstring(clean)  # noqa: S314  (our own)
    assert (root[0].tag, root[0].text, root[1].text) == (f"{SVG}title", "a <title>", "text & more")
    style = "".join(found.text or "" for found in root.iter(f"{SVG}style"))
    assert "font-family" in style
    assert "@font-face" not in style
    assert "url(" not in style
    shown = "".join(texts(root)).replace("\u00a0", " ")
    assert all(MARKUP_ATTACKS[name] in shown for name in FONTS)
    referring = {value for found in root.iter() for value in found.attrib.values() if re.search(r"url\(|//", value)}
    assert all(value.startswith("url(#") for value in referring)
