"""The command `sql`: read the journal with a statement, and print the rows as a table, JSON or CSV."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stdout
from scaicore_tui.cli.sessions import recorded_file
from scaicore_tui.clock import SystemClock
from scaicore_tui.errors import UsageError
from scaicore_tui.session import query_journal
from scaicore_tui.text import json_inline

MAX_CELL_CHARS = 200


def run_statement(common: Common, statement: str, limit_s: float, csv: bool, json: bool) -> int:
    """Print the rows that the statement returns; return the exit code."""
    if csv and json:
        raise UsageError("--csv and --json: use one of them", effect="nothing was read")
    with query_journal(recorded_file(common), statement, SystemClock(), limit_s) as result:
        if csv:
            stdout.csv_rows([result.columns, *result.rows])
        elif json:
            stdout.document([dict(zip(result.columns, row, strict=True)) for row in result.rows])
        else:
            stdout.table([_cell(name) for name in result.columns], _table(result.rows))
    return 0


def _table(rows: Iterable[Iterable[Any]]) -> Iterable[list[str]]:
    return ([_cell(value) for value in row] for row in rows)


def _cell(value: Any) -> str:
    return "" if value is None else json_inline(value, MAX_CELL_CHARS)
