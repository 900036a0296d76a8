"""Measures, and prints a table: `python -m tests.bench`, or `--json` for programs. Takes some minutes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from tests.bench.registry import Row, Setting, measured, names

LAYOUT = "{:<46} {:>11} {:<8} {:>9} {:>7} {:>8}  {:<4} {}\n"
VERDICTS = {True: "yes", False: "no", None: ""}


def table(rows: Iterable[Row]) -> None:
    """One line for each row, as soon as it is there."""
    say(LAYOUT.format("what", "costs", "", "least", "ratio", "must be", "is", "least is").rstrip() + "\n")
    for row in rows:
        told = (number(row.value, row.note), row.unit, number(row.least), number(row.ratio), row.must)
        beside = " · ".join(filter(None, (row.beside, row.note if row.value is not None else "")))
        say(LAYOUT.format(row.name, *told, VERDICTS[row.reached], beside).rstrip() + "\n")


def number(value: float | None, otherwise: str = "") -> str:
    """In as many digits as tell something."""
    if value is None:
        return otherwise
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"


def document(row: Row) -> dict[str, object]:
    """A row, with what follows from it."""
    return asdict(row) | {"ratio": row.ratio, "must": row.must, "reached": row.reached}


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure the program on this machine.")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--small", action="store_true", help="small sizes: for counts, times say nothing then")
    parser.add_argument("--only", action="append", default=[], choices=names(), help="only this; may be repeated")
    parser.add_argument("--peers", type=Path, metavar="DIR", help="where other programs are that PATH does not have")
    said = parser.parse_args()
    rows = measured(Setting(small=said.small, peers=said.peers), said.only)
    if said.json:
        say(json.dumps([document(row) for row in rows], indent=2) + "\n")
    else:
        table(rows)


if __name__ == "__main__":
    main()
