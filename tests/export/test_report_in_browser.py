"""The HTML report in a real browser: with and without JavaScript, wide and narrow, with strings made against it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from scaicore_tui.analysis.flow_view import view_flow
from scaicore_tui.export.exporter import Export
from scaicore_tui.export.report.html_report import html_report
from scaicore_tui.export.report.svg_report import svg_report
from tests.support.builders import NOON
from tests.support.chromium import Browser, needs_chromium, open_browser
from tests.support.exported_runs import export_of, exported
from tests.support.flow_graphs import shipped
from tests.support.hostile.hostile_exports import hostile_export
from tests.support.hostile.markup_attacks import BEACON, MARKUP_ATTACKS, PROPERTY
from tests.support.report_markup import parse_report
from tests.support.scene import INVOICES, failed_batch

pytestmark = needs_chromium
SIDES = "(r => [r.left, r.right])(e.getBoundingClientRect())"
PHONE, WIDE = (400, 800), (1200, 900)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


def write(folder: Path, text: str, name: str = "report.html") -> str:
    """Write a file and return its URL."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path.as_uri()


def attempts(browser: Browser) -> list[Any]:
    """Return what a page tried but to show itself: requests, and messages of the browser about it."""
    requests = [event["request"]["url"] for event in browser.named("Network.requestWillBeSent")]
    messages = [event["entry"]["text"] for event in browser.named("Log.entryAdded")]
    dialogs = browser.named("Page.javascriptDialogOpening") + browser.named("Runtime.consoleAPICalled")
    return [*requests[1:], *messages, *dialogs]


def hostile_report() -> str:
    export = hostile_export("markup")
    runs = list(export.runs)
    # Half of those with a single string, and the one with all of them: they take long to draw.
    return "".join(html_report(replace(export, runs=[*runs[::2], runs[-1]])))


def failed_report() -> Export:
    graph = shipped(INVOICES)
    run = exported(failed_batch(), graph, now=NOON)
    return export_of(replace(run, flow=view_flow(graph, run.run)))


def test_a_page_that_did_execute_a_string_would_be_noticed(browser: Browser, tmp_path: Path) -> None:
    attack = MARKUP_ATTACKS["script"]
    browser.open(write(tmp_path, f"<!doctype html><p>{attack}</p>"))
    assert browser.value(f"window.{PROPERTY}") == 1
    assert any(BEACON in str(found) for found in attempts(browser))
    policy = '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">'
    browser.open(write(tmp_path, f"<!doctype html>{policy}<p>{attack}</p>"))
    assert browser.value(f"window.{PROPERTY}") is None
    assert any("Content Security Policy" in str(found) for found in attempts(browser))


def test_no_string_is_executed_loaded_or_even_tried(browser: Browser, tmp_path: Path) -> None:
    url = write(tmp_path, hostile_report())
    for size in (PHONE, WIDE):
        browser.resize(*size)
        browser.open(url)
        assert browser.value("document.documentElement.scrollWidth") <= size[0]
    assert attempts(browser) == []
    assert browser.value(f"window.{PROPERTY}") is None
    assert browser.value("document.scripts.length") == 1
    assert browser.value("document.title") == f"{browser.value('document.querySelector(`h1`).innerText')}"
    # As the browser understood it, which may differ from how a parser in Python does.
    assert parse_report(browser.source()).errors == []
    browser.open(url, script=False)
    assert attempts(browser) == []
    assert parse_report(browser.source()).errors == []


def test_the_report_is_styled_and_complete_without_javascript(browser: Browser, tmp_path: Path) -> None:
    source = "".join(html_report(failed_report()))
    browser.open(write(tmp_path, source), script=False)
    assert attempts(browser) == []
    assert len(browser.picture()) > 10_000
    shown, written = ("".join("".join(parse_report(text).texts).split()) for text in (browser.source(), source))
    assert shown == written
    browser.open(write(tmp_path, source))
    assert browser.value("getComputedStyle(document.querySelector('.box.failure')).borderLeftWidth") == "6px"


def test_it_is_readable_on_a_phone_and_in_the_dark(browser: Browser, tmp_path: Path) -> None:
    url = write(tmp_path, "".join(html_report(failed_report())))
    for size in (PHONE, (780, 600), WIDE):
        browser.resize(*size)
        browser.open(url)
        assert browser.value("document.documentElement.scrollWidth") <= size[0]
        labels = browser.value(
            f"[...document.querySelectorAll('thead svg text')].map(e => {SIDES}).filter(([a, b]) => b)"
        )
        assert len(labels) >= 3
        assert all(left[1] < right[0] for left, right in pairwise(sorted(labels))), size
        narrowest = "Math.min(...[...document.querySelectorAll('.timeline tbody th')].map(e => e.clientWidth))"
        assert browser.value(narrowest) >= 100
    colours = []
    for scheme in ("light", "dark"):
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        colours.append(browser.value("getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(251, 251, 249)", "rgb(16, 20, 27)"]
    browser.call("Emulation.setEmulatedMedia", media="print", features=[])
    assert browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(251, 251, 249)"
    browser.call("Emulation.setEmulatedMedia", media="")


def test_a_hostile_picture_executes_and_loads_nothing(browser: Browser, tmp_path: Path) -> None:
    run = next(iter(hostile_export("markup").runs))
    busy = list(hostile_export("markup").runs)[-1]
    for one in (run, busy):
        browser.open(write(tmp_path, "".join(svg_report(replace(hostile_export("markup"), runs=[one]))), "report.svg"))
        assert attempts(browser) == []
        assert browser.value(f"window.{PROPERTY}") is None
        assert browser.value("document.documentElement.localName") == "svg"
        assert browser.value("document.querySelectorAll('parsererror, script').length") == 0
