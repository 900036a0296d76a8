"""Runs the whole program with one string of the corpus at a time: `python -m tests.hostile [--jobs N] [NAME …]`.

That takes half an hour; the tests do the same with all strings at once, each in some of the views. `--peers` prints
a table of the strings' effects on other programs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.support.hostile.corpus import CORPUS
from tests.support.hostile.hostile_feed import HostileFeed
from tests.support.hostile.peers import compare
from tests.support.hostile.walkthrough import walking

SIZES = ((80, 24), (120, 40), (60, 20))


def check_string(name: str) -> list[str]:
    """Run the program with that string in every field; return the failures."""
    try:
        return _walk(CORPUS[name], SIZES[list(CORPUS).index(name) % len(SIZES)])
    except AssertionError as error:
        return [f"stuck: {error}"]


def _walk(string: str, size: tuple[int, int]) -> list[str]:
    # Variants, and a short string: fields that combine all strings use only short ones.
    strings = [string, f"{string} ", f"a{string}", "x"]
    with tempfile.TemporaryDirectory() as home, walking(Path(home), HostileFeed(strings), size) as walk:
        walk.main(3)
        walk.run_view(20)
        walk.inbox(3)
        walk.dialogs(5, step=1)
        walk.press("g")
        walk.answers([string, string])
        walk.bulk_answer([string])
        walk.replay([string])
        walk.inputs([string])
        walk.errors([string])
        return walk.quit()


def main() -> int:
    """Try the strings and print the failures; return 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--peers", action="store_true", help="compare with other programs")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    names = options.names or list(CORPUS)
    if options.peers:
        compare(names, options.jobs, check_string)
        return 0
    failure_kinds: Counter[str] = Counter()
    with ProcessPoolExecutor(options.jobs) as pool:
        for name, failures in zip(names, pool.map(check_string, names), strict=True):
            failure_kinds.update(failure.partition(" ")[0] for failure in failures)
            sys.stdout.write(
                f"{name}: {len(failures) or 'ok'}\n" + "".join(f"  {failure}\n" for failure in failures[:5])
            )
            sys.stdout.flush()
    sys.stdout.write(f"{len(names)} strings, {sum(failure_kinds.values())} failures {dict(failure_kinds) or ''}\n")
    return 1 if failure_kinds else 0


if __name__ == "__main__":
    sys.exit(main())
