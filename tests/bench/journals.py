"""Load generated events into journals of both kinds, and compare: `python -m tests.bench.journals 1000000 --url URL`.

The events go through the program's own writer. `URL` is an empty PostgreSQL database; without it, only SQLite is
measured. With `--keep`, the journals stay for a later run with `--only-query`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from scaicore_tui.analysis.query import RUNS, QueryContext, parse_query
from scaicore_tui.config import Identity
from scaicore_tui.config.views import Sort
from scaicore_tui.protocol import read_event_page
from scaicore_tui.store import Journal, JournalWriter
from scaicore_tui.store.postgres import open_for_reading, open_for_writing
from scaicore_tui.store.run_orders import read_order
from scaicore_tui.store.run_search import RunSearch
from scaicore_tui.store.statistics import StoredStatistics
from scaicore_tui.store.summaries import Summaries
from tests.bench.ingest import PAGE_EVENTS
from tests.bench.traffic import pages, sources
from tests.support.builders import MILLISECOND, NOON, SECOND

IDENTITY = Identity("https://bench.example")
HOUR = 3_600 * SECOND
PAGES_AT_A_TIME = 20
SHOWN_RUNS = 100
# Tables with their indexes; those of a table in partitions are counted with its partitions.
SERVER_SIZE = """SELECT sum(pg_total_relation_size(oid)) FROM pg_class
WHERE relkind IN ('r', 'm') AND relnamespace = current_schema()::regnamespace"""
LAYOUT = "{:<34} {:>12} {:>12}\n"


class Kind:
    """Journals of one kind: how they are opened, and their size in bytes."""

    def __init__(self, write: Callable[[], Journal], read: Callable[[], Journal], size: Callable[[], int]) -> None:
        self.open, self.open_readonly, self.size = write, read, size


def in_file(path: Path) -> Kind:
    """Return the kind of journal in a file."""

    def size() -> int:
        return sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*"))

    return Kind(lambda: Journal.open(path), lambda: Journal.open_readonly(path), size)


def on_server(url: str) -> Kind:
    """Return the kind of journal on a server."""

    def size() -> int:
        with open_for_reading(url, IDENTITY) as journal:
            return int(journal.query(SERVER_SIZE)[0][0])

    return Kind(lambda: open_for_writing(url, IDENTITY), lambda: open_for_reading(url, IDENTITY), size)


def load(kind: Kind, events: int) -> float:
    """Load events as a session does; return the events per second, without the time to generate them."""
    spent, stream = 0.0, sources(events)
    with kind.open() as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        writer.rebuild_missing()
        while batch := list(islice(stream, PAGES_AT_A_TIME * PAGE_EVENTS)):
            bodies = list(pages(batch, PAGE_EVENTS))
            began = time.perf_counter()
            for body in bodies:
                writer.append_new(read_event_page(body).events[::-1])
            spent += time.perf_counter() - began
    return events / spent


def milliseconds(work: Callable[[], object], times: int = 5) -> float:
    """Return the median time of `work`."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return 1000 * median(found)


def first_rows(kind: Kind) -> None:
    """Open a journal, and read the runs that the first screen shows."""
    with kind.open_readonly() as journal:
        Summaries(journal).newest(SHOWN_RUNS)


def queries(journal: Journal, events: int) -> Mapping[str, Callable[[], object]]:
    """Return the reads of the main screen and of the command line, by name."""
    now = NOON + events * MILLISECOND
    last_hour, statistics, runs = (now - HOUR, now), StoredStatistics(journal), Summaries(journal)
    newest = runs.newest(1)[0].execution_id
    some = [summary.execution_id for summary in runs.newest(50, runs.newest(1)[0].position // 2)]

    def search(text: str, steps: int | None) -> list[object]:
        return list(islice(RunSearch(journal, parse_query(text, RUNS), QueryContext(now)).steps(), steps))

    return {
        "newest 100 runs": lambda: runs.newest(SHOWN_RUNS),
        "all positions by status": runs.positions,
        "all runs by last change": lambda: read_order(journal, Sort.CHANGED),
        "status:failed, first rows": partial(search, "status:failed", 1),
        "status:failed, all rows": partial(search, "status:failed", None),
        "a word, first rows": partial(search, "refund", 1),
        "a word in no run, all searched": partial(search, "nothing-has-this", None),
        "core:triage duration>1s, first": partial(search, "core:triage duration>1s", 1),
        "an id of 50": lambda: runs.by_ids(some),
        "events of one run": lambda: list(journal.history(newest)),
        "rates of the last hour": lambda: statistics.rate(last_hour, 60),
        "causes of the last hour": lambda: statistics.failures_by_cause(last_hour),
        "statistics of all nodes": statistics.figures,
        "is a page of 500 known": lambda: journal.count_known(list(islice(journal.events(), PAGE_EVENTS))),
        "number of events": lambda: len(journal),
    }


def measure(kind: Kind, events: int) -> Iterator[tuple[str, str]]:
    """Yield the names of measurements with their values."""
    yield "size", f"{kind.size() / 2**20:,.0f} MiB"
    yield "open, and first 100 runs", f"{milliseconds(partial(first_rows, kind)):,.1f} ms"
    with kind.open_readonly() as journal:
        for name, work in queries(journal, events).items():
            yield name, f"{milliseconds(work):,.1f} ms"


@contextmanager
def kept_in(folder: Path | None) -> Iterator[Path]:
    """Yield a folder: the given one, or else a temporary one."""
    if folder is not None:
        yield folder
        return
    with TemporaryDirectory() as temporary:
        yield Path(temporary)


def main() -> None:
    """Load, measure, and print a table with a column for each kind."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.journals", description=__doc__)
    parser.add_argument("events", type=int)
    parser.add_argument("--url", help="an empty PostgreSQL database")
    parser.add_argument("--folder", type=Path, help="where the file is created, and kept")
    parser.add_argument("--only-query", action="store_true", help="measure journals that were loaded before")
    options = parser.parse_args()
    with kept_in(options.folder) as folder:
        kinds = {"SQLite": in_file(folder / "bench.journal")}
        if options.url:
            kinds["PostgreSQL"] = on_server(options.url)
        rows: dict[str, list[str]] = {}
        for kind in kinds.values():
            if not options.only_query:
                rows.setdefault("load", []).append(f"{load(kind, options.events):,.0f}/s")
            for name, value in measure(kind, options.events):
                rows.setdefault(name, []).append(value)
    sys.stdout.write(LAYOUT.format(f"{options.events:,} events", *kinds, *[""] * (2 - len(kinds))).rstrip() + "\n")
    for name, values in rows.items():
        sys.stdout.write(LAYOUT.format(name, *values, *[""] * (2 - len(values))).rstrip() + "\n")


if __name__ == "__main__":
    main()
