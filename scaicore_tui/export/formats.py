"""The formats of `export`: names, file endings, and what each of them gets."""

from __future__ import annotations

from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from scaicore_tui.export.exporter import Exporter


class Format(StrEnum):
    """A format of exported runs."""

    HTML = "html"
    MARKDOWN = "markdown"
    SVG = "svg"
    JSONL = "jsonl"
    JSON = "json"
    CHROME = "chrome"
    OTLP = "otlp"
    TEST = "test"


class FormatInfo(NamedTuple):
    """The properties of one format.

    Attributes:
        function: the module and name of its `Exporter`, loaded when it is used.
        is_redacted: secrets are replaced unless a person asks for them.
        shows_flow: it shows the run in its flow.
        is_text: it is written for people, who may read it on a terminal.
    """

    ending: str
    title: str
    function: str
    is_redacted: bool = False
    shows_flow: bool = False
    is_text: bool = True

    def load(self) -> Exporter:
        """Return the function that writes this format."""
        module, _, name = self.function.partition(":")
        exporter: Exporter = getattr(import_module(module), name)
        return exporter


_EXPORT = "scaicore_tui.export"
_REPORT, _TRACE = f"{_EXPORT}.report", f"{_EXPORT}.trace"
FORMATS = {
    Format.HTML: FormatInfo(
        "html",
        "a report for a browser, which is a journal too",
        f"{_REPORT}.html_report:html_report",
        is_redacted=True,
        shows_flow=True,
        is_text=False,
    ),
    Format.MARKDOWN: FormatInfo(
        "md",
        "15 lines for the channel of an incident",
        f"{_REPORT}.markdown_report:markdown_report",
        is_redacted=True,
    ),
    Format.SVG: FormatInfo(
        "svg",
        "a picture of timeline and flow",
        f"{_REPORT}.svg_report:svg_report",
        is_redacted=True,
        shows_flow=True,
        is_text=False,
    ),
    Format.JSONL: FormatInfo("jsonl", "the events, as received", f"{_EXPORT}.event_lines:event_lines"),
    Format.JSON: FormatInfo("json", "the document of show --json", f"{_EXPORT}.run_json:run_json"),
    Format.CHROME: FormatInfo(
        "trace.json", "for Perfetto and speedscope", f"{_TRACE}.chrome:export_chrome", is_text=False
    ),
    Format.OTLP: FormatInfo(
        "otlp.json", "OpenTelemetry traces", f"{_TRACE}.otlp:export_otlp", is_redacted=True, is_text=False
    ),
    Format.TEST: FormatInfo("py", "pytest: runs it again and compares", f"{_EXPORT}.pytest_file:pytest_file"),
}


def format_of(name: str) -> Format | None:
    """Return the format that the ending of a file's name says; None if it says none."""
    # `.trace.json` before `.json`.
    longest_first = sorted(FORMATS.items(), key=lambda pair: -len(pair[1].ending))
    endings = ((one, (f".{info.ending}", f".{one}")) for one, info in longest_first)
    return next((one for one, ends in endings if name.lower().endswith(ends)), None)
