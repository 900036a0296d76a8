"""The command `export`: write runs to a file, for a colleague, a ticket or another program."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from scaicore_tui.analysis.flow_view import FlowView
from scaicore_tui.cli.commands.read import read_runs
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stderr, stdout
from scaicore_tui.cli.queries import RunSelection, context_of, select_runs
from scaicore_tui.cli.sessions import load_common_settings
from scaicore_tui.errors import NotFound, UsageError
from scaicore_tui.export.exporter import Export
from scaicore_tui.export.formats import FORMATS, Format, FormatInfo, format_of
from scaicore_tui.export.redaction import Redactor
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import Run, Summary
from scaicore_tui.session import Recording, SearchableRuns, Session
from scaicore_tui.session.export_file import new_redactor
from scaicore_tui.session.exports import ExportReader, FindFlow, callable_from_threads, read_replays, write_file
from scaicore_tui.text import display_name, one_line
from scaicore_tui.timefmt import MICROS_PER_SECOND

DRY_RUN_HEAD = ("COUNT", "REASON", "PATH")


class ExportOptions(NamedTuple):
    """The runs to export, and the format. Without `runs`, those of `selection`; `redact` is None for what is usual."""

    runs: Sequence[str] = ()
    selection: RunSelection = RunSelection()
    format: Format | None = None
    output: Path | None = None
    redact: bool | None = None
    payloads: bool = False
    flow: Path | None = None
    dry_run: bool = False


async def export_runs(common: Common, options: ExportOptions) -> None:
    """Write the runs in their format. With `dry_run`, only print what would be redacted."""
    info = FORMATS[_format(options)]
    _require_selection(options)
    is_redacted = options.dry_run or (info.is_redacted if options.redact is None else options.redact)
    redactor = new_redactor(load_common_settings(common).values["redact"].value) if is_redacted else None
    async with read_runs(common) as (runs, now, source):
        summaries = _select(common, runs, source, options)
        # What was recorded ends with its newest event: nothing went on since then that we know of.
        known_until = getattr(source, "newest_at", None) or int(now * MICROS_PER_SECOND)
        find_flow = _flow_finder(common, source, options.flow) if info.shows_flow and not options.dry_run else None
        reader = ExportReader(runs, source, known_until, redactor, find_flow, read_replays())
        export = Export(
            reader.read(summaries),
            int(now * MICROS_PER_SECOND),
            *_source_names(common),
            is_one_run=len(options.runs) == 1,
            has_payloads=options.payloads,
            is_redacted=redactor is not None,
            summary=tuple if redactor is None else redactor.summary,
        )
        if options.dry_run:
            await asyncio.to_thread(_read_all, export)
        else:
            await asyncio.to_thread(_write, export, info, options.output, len(summaries))
    _report(redactor, dry_run=options.dry_run)


def _format(options: ExportOptions) -> Format:
    """Return the format that was asked for, or that the ending of the file says."""
    if options.dry_run:
        return options.format or Format.JSONL
    found = options.format or (None if options.output is None else format_of(options.output.name))
    if found is None:
        endings = " ".join(f".{info.ending}" for info in FORMATS.values())
        raise UsageError(
            "no format is set", effect="nothing was written", hint=f"--format F, or -o FILE with {endings}"
        )
    return found


def _require_selection(options: ExportOptions) -> None:
    has_query = options.selection != RunSelection()
    if bool(options.runs) == has_query:
        both = "runs are named, and --where or --since is set" if has_query else "no runs are named"
        raise UsageError(both, effect="nothing was written", hint="name runs, or use --where, --since and --limit")


def _select(
    common: Common, runs: SearchableRuns, source: Session | Recording, options: ExportOptions
) -> Sequence[Summary]:
    if options.runs:
        return list({summary.execution_id: summary for summary in map(runs.find_one, options.runs)}.values())
    query = options.selection.query(common.core)
    found = select_runs(runs, options.selection, query, context_of(source, query))
    if not found:
        raise NotFound("no run matches", effect="nothing was written")
    return found


def _source_names(common: Common) -> tuple[str, str]:
    """Return the name of what is exported from, a file or else the profile or host; and the profile for links."""
    if common.journal is not None:
        return one_line(common.journal.name), ""
    target = load_common_settings(common).target()
    return ("", "") if target is None else (one_line(target.title), target.title)


def _flow_finder(common: Common, source: Session | Recording, file: Path | None) -> FindFlow:
    """Return a function for other threads that finds a run's flow."""
    from scaicore_tui.cli.commands import show_flow

    async def find(run: Run, checkpoints: Sequence[Checkpoint]) -> FlowView | None:
        try:
            return await show_flow.find_view(common, source, run, file, checkpoints)
        except NotFound:
            if file is not None:
                raise
            return None

    return callable_from_threads(find)


def _read_all(export: Export) -> None:
    for _ in export.runs:
        pass


def _write(export: Export, info: FormatInfo, output: Path | None, count: int) -> None:
    parts = info.load()(export)
    if output is None:
        if sys.stdout.isatty() and not info.is_text:
            raise UsageError(f"{info.ending} is not for a terminal", effect="nothing was written", hint="set -o FILE")
        for part in parts:
            stdout.raw(part)
        return
    size = write_file(output, parts)
    runs = "1 run" if count == 1 else f"{count:,} runs"
    stderr.say(f"{output}: {runs}, {size:,} bytes")


def _report(redactor: Redactor | None, *, dry_run: bool) -> None:
    """Say what was redacted, or print it for a dry run."""
    if redactor is None:
        return
    total = sum(redactor.findings.values())
    if dry_run:
        rows = [(f"{count:,}", one.reason, display_name(one.path)) for one, count in redactor.findings.most_common()]
        stdout.table(DRY_RUN_HEAD, rows)
        values = "1 value" if total == 1 else f"{total:,} values"
        stderr.say(f"{values} would be redacted; nothing was written")
    else:
        reasons = ", ".join(f"{one.count:,} {one.reason}" for one in redactor.summary())
        stderr.say(f"redacted: {reasons}" if total else "nothing to redact was found")
