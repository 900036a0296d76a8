"""The hostile corpus, and strings made against markup, in every field of runs, flows and checkpoints of each report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from scaicore_tui.export.report.html_report import html_report
from scaicore_tui.export.report.markdown_report import markdown_report
from scaicore_tui.export.report.report_style import page_style
from scaicore_tui.export.report.svg_report import svg_report
from scaicore_tui.text import one_line, sanitize
from tests.support.hostile.hostile_exports import GROUPS, hostile_export, run_exports
from tests.support.report_markup import parse_report

SVG = "{http://www.w3.org/2000/svg}"
SVG_ELEMENTS = {"svg", "title", "desc", "style", "rect", "g", "line", "text", "path"}
SVG_ATTRIBUTES = {
    *("x", "y", "x1", "x2", "y1", "y2", "dx", "rx", "d", "width", "height", "viewBox", "class", "role", "text-anchor"),
    *("transform", "{http://www.w3.org/XML/1998/namespace}space"),
}
SVG_VALUE = re.compile(r"[\w .%()-]*")
MARKDOWN_BLOCKS = {
    *("paragraph_open", "paragraph_close", "inline", "fence", "bullet_list_open", "bullet_list_close"),
    *("list_item_open", "list_item_close", "table_open", "table_close", "thead_open", "thead_close", "tbody_open"),
    *("tbody_close", "tr_open", "tr_close", "th_open", "th_close", "td_open", "td_close"),
}
MARKDOWN_SPANS = {"text", "code_inline", "strong_open", "strong_close", "softbreak"}
# What of a Markdown report is not in code: our own words, and digits.
OWN_TEXT = re.compile(
    r"[✗✓●‖?] (failed|completed|running|waiting|unknown)|\d+ runs?|(: )?(\d+ \w+(, )?)*|[\d:Z. -]*|[ ·,:]*"
    r"|not complete: |failed( at )?(: )?|,( (iteration|attempt) \d+,?)*( [\dhms.]+ after the start)?: "
    r"|waits for (a person: )?|, due [\d:Z -]+ \(in \w+\)|,? ?answers | and [\d,]+ more|[\dhms.]+( so far)?"
    r"|started|took|steps|events|exported|status|run|Core|error|from |, [\d: Z-]+, (not redacted|\d+ values redacted)"
    r"|[\w ,]*· from |, [\d: Z-]+, [\w ]+( · the first 20 of them:)?|: [\w ,]+ · from "
)


@pytest.mark.parametrize("group", GROUPS)
def test_html_has_no_element_attribute_or_value_that_is_not_ours(group: str) -> None:
    report = parse_report("".join(html_report(hostile_export(group))))
    assert report.errors == []
    assert report.style == page_style()
    assert re.fullmatch(r"[A-Za-z0-9+/=\n]+", report.journal)
    assert report.elements.count("script") == 1
    assert report.elements.count("style") == 1
    shown = "".join(report.texts)
    missing = [name for name, text in GROUPS[group].items() if len(text) < 150 and one_line(text, 150) not in shown]
    assert missing == [], "each string is shown as text"


@pytest.mark.parametrize("group", GROUPS)
def test_svg_has_no_element_attribute_or_value_that_is_not_ours(group: str) -> None:
    for export in run_exports(group):
        root = ElementTree.fromstring("".join(svg_report(export)).encode())  # noqa: S314  (our own)
        for found in root.iter():
            assert found.tag.removeprefix(SVG) in SVG_ELEMENTS
            assert set(found.attrib) <= SVG_ATTRIBUTES
            assert all(SVG_VALUE.fullmatch(value) for value in found.attrib.values())
            if found.text is not None and found.tag != f"{SVG}style":
                assert sanitize(found.text) == found.text


@pytest.mark.parametrize("group", GROUPS)
def test_markdown_has_foreign_text_only_in_code(group: str) -> None:
    parser = MarkdownIt("gfm-like", {"html": True})
    for export in [hostile_export(group), *run_exports(group)]:
        source = "".join(markdown_report(export))
        assert sanitize(source) == source
        assert not export.is_one_run or source.count("\n") <= 15
        tokens = parser.parse(source)
        assert {token.type for token in tokens} <= MARKDOWN_BLOCKS
        spans = [span for token in tokens for span in token.children or ()]
        assert {span.type for span in spans} <= MARKDOWN_SPANS
        foreign = [span.content for span in spans if span.type == "text" and not OWN_TEXT.fullmatch(span.content)]
        assert foreign == []
        assert [text for text in coded(tokens, spans) if re.search(r"@(?!\d)|[<!&]@|://|www\.|<!", text)] == []


def coded(tokens: Sequence[Token], spans: Sequence[Token]) -> list[str]:
    """Return the contents of all code spans and blocks."""
    return [
        *(span.content for span in spans if span.type == "code_inline"),
        *(token.content for token in tokens if token.type == "fence"),
    ]
