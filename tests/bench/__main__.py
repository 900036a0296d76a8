"""Measure and print a table: `python -m tests.bench`, or JSON with `--json`. This takes some minutes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from tests.bench.goals import Goal
from tests.bench.registry import Row, Setting, measure_rows, names

LAYOUT = "{:<46} {:>11} {:<8} {:>9} {:>7} {:>8}  {:<4} {}\n"
MET_TEXTS = {True: "yes", False: "no", None: ""}


def print_table(rows: Iterable[Row]) -> None:
    """Print one line for each row, as soon as the row is measured."""
    titles = ("measurement", "value", "", "reference", "ratio", "limit", "met", "reference is")
    write(LAYOUT.format(*titles).rstrip() + "\n")
    for row in rows:
        cells = (number(row.value, "–"), row.unit, number(row.reference), number(row.ratio), row.limit)
        remark = " · ".join(filter(None, (row.reference_name, row.note)))
        write(LAYOUT.format(row.name, *cells, MET_TEXTS[row.is_met], remark).rstrip() + "\n")


def print_goals(rows: Iterable[Row]) -> None:
    """Print how many goals are met, and the names of those that are not, or were not measured."""
    met = {row.goal: row.is_met for row in rows if row.goal}
    write(f"\n{sum(result is True for result in met.values())} of {len(Goal)} goals met\n")
    for goal in Goal:
        if met.get(goal.name) is not True:
            write(f"  {'not met' if met.get(goal.name) is False else 'not measured'}: {goal.value.name}\n")


def number(value: float | None, otherwise: str = "") -> str:
    """Return the value with its significant digits, or `otherwise` if there is none."""
    if value is None:
        return otherwise
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"


def collect(rows: Iterable[Row], into: list[Row]) -> Iterator[Row]:
    """Yield the rows, and keep each."""
    for row in rows:
        into.append(row)
        yield row


def document(row: Row) -> dict[str, object]:
    """Return a row and its derived values, with the keys that the JSON document has had from the start."""
    document = asdict(row) | {"ratio": row.ratio, "must": row.limit, "reached": row.is_met}
    former_keys = {"is_minimum": "at_least", "reference": "least", "reference_name": "beside"}
    return {former_keys.get(key, key): value for key, value in document.items()}


def write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def main() -> None:
    """Parse the arguments, measure, and print the result."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure the program on this machine.")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--small", action="store_true", help="use small sizes: only counts are meaningful")
    parser.add_argument(
        "--only", action="append", default=[], choices=names(), help="measure only this; may be repeated"
    )
    parser.add_argument(
        "--peers", type=Path, metavar="DIR", help="folder with programs to compare with that are not on PATH"
    )
    options = parser.parse_args()
    measured: list[Row] = []
    rows = collect(measure_rows(Setting(small=options.small, peers=options.peers), options.only), measured)
    if options.json:
        write(json.dumps([document(row) for row in rows], indent=2) + "\n")
    else:
        print_table(rows)
        print_goals(measured)


if __name__ == "__main__":
    main()
