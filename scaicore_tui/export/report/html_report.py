"""The format `html`: a report in one file that needs no script, loads nothing, and is a journal too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice

from msgspec import Struct

from scaicore_tui.errors import UsageError
from scaicore_tui.export.exporter import Export, ExportedRun
from scaicore_tui.export.report.html_page import page
from scaicore_tui.export.report.html_run import run_sections
from scaicore_tui.export.report.html_tables import run_cells, runs_table
from scaicore_tui.export.report.markup import Child, Markup, element
from scaicore_tui.export.report.report_facts import redaction_text, status_of, utc_time
from scaicore_tui.text import one_line
from scaicore_tui.units import Micros

# Browsers on telephones and attachments of tickets do not take much more.
MAX_BYTES = 10_000_000
_MEGABYTE = 1_000_000


class _Part(Struct):
    """The report of one run, its row in the table of runs, and its events."""

    title: str
    status: str
    sections: list[Markup]
    cells: Sequence[Child]
    events: list[bytes]
    began_at: Micros


def html_report(export: Export) -> Iterator[str]:
    """Yield the page. Raises UsageError, before anything is yielded, if it would have more than MAX_BYTES."""
    parts: list[_Part] = []
    size = 0
    runs = iter(export.runs)
    first = list(islice(runs, 2))
    level = 1 if len(first) == 1 else 2
    for number, exported in enumerate(chain(first, runs), 1):
        parts.append(_part(export.profile, exported, number, level))
        size += sum(len(section.source) for section in parts[-1].sections)
        _check_size(size, number)
    parts_by_begin = sorted(parts, key=lambda part: part.began_at)
    events = (event for part in parts_by_begin for event in part.events)
    title = parts[0].title if level == 1 else f"{len(parts):,} runs"
    chunks = list(page(title, _body(export, parts), events))
    _check_size(sum(len(chunk.encode()) for chunk in chunks), len(parts))
    yield from chunks


def _part(profile: str, exported: ExportedRun, number: int, level: int) -> _Part:
    run, anchor = exported.run, f"run-{number}"
    status = status_of(run).word
    return _Part(
        f"{status} · {one_line(run.execution_id, 80)} · {one_line(run.core_id or '', 80)}",
        status,
        [element("section", *run_sections(profile, exported, level), id=anchor)],
        run_cells(exported, anchor),
        [event.raw.replace(b"\r", b" ").replace(b"\n", b" ") for event in exported.events],
        run.began_at or 0,
    )


def _body(export: Export, parts: Sequence[_Part]) -> Iterator[Markup]:
    yield element("p", _about(export), class_="about")
    if len(parts) != 1:
        yield element("h1", f"{len(parts):,} runs")
        yield element(
            "p", ", ".join(f"{count:,} {word}" for word, count in Counter(part.status for part in parts).items())
        )
        yield runs_table(part.cells for part in parts)
    yield element("main", *(section for part in parts for section in part.sections))
    yield element("footer", *_footer(export))


def _about(export: Export) -> str:
    source = f"from {one_line(export.source, 200)} · " if export.source else ""
    return f"scaicore-tui · {source}exported {utc_time(export.at)} · {redaction_text(export)}"


def _footer(export: Export) -> Iterator[Markup]:
    for row in export.redacted:
        yield element("p", f"{row.count:,} redacted: {one_line(row.reason, 200)}")
    yield element(
        "p",
        "The events are in this file. To open it in the app: ",
        element("code", "scaicore-tui --offline --journal FILE.html"),
    )


def _check_size(size: int, run_count: int) -> None:
    if size > MAX_BYTES:
        runs = "1 run" if run_count == 1 else f"{run_count:,} runs"
        raise UsageError(
            f"the HTML report has more than {MAX_BYTES // _MEGABYTE} MB: {size / _MEGABYTE:.1f} MB after {runs}",
            effect="nothing was written",
            hint="export fewer runs, or --format jsonl, which has no limit and is a journal too",
        )
