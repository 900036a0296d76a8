"""Measures, and prints a table: `python -m tests.bench`, or `--json` for programs. Takes half a minute."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict

from tests.bench.measures import Row, measure

LAYOUT = "{:<38} {:>9} {:<8} {:>9} {:>6}  {}\n"


def table(rows: Iterable[Row]) -> None:
    """One line for each row, as soon as it is there."""
    say(LAYOUT.format("what", "costs", "", "least", "ratio", "least is"))
    for row in rows:
        least = "" if row.least is None else f"{row.least:,.0f}"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        say(LAYOUT.format(row.name, f"{row.value:,.0f}", row.unit, least, ratio, row.beside))


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure the program on this machine.")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    if parser.parse_args().json:
        say(json.dumps([asdict(row) | {"ratio": row.ratio} for row in measure()], indent=2) + "\n")
    else:
        table(measure())


if __name__ == "__main__":
    main()
