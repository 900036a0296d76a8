"""Runs the whole program with one string of the corpus at a time: `python -m tests.hostile [--jobs N] [NAME …]`.

That takes half an hour; the tests do the same with all strings at once, each in some of the views. With `--peers`, a
table of what the strings do to other programs.
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


def alone(name: str) -> list[str]:
    """Return the failures if every field is that string."""
    try:
        return _walked(CORPUS[name], SIZES[list(CORPUS).index(name) % len(SIZES)])
    except AssertionError as error:
        return [f"stuck: {error}"]


def _walked(words: str, size: tuple[int, int]) -> list[str]:
    # A short one more: what all of them share is made of those.
    strings = [words, f"{words} ", f"a{words}", "x"]
    with tempfile.TemporaryDirectory() as home, walking(Path(home), HostileFeed(strings), size) as walk:
        walk.main(3)
        walk.run_view(20)
        walk.inbox(3)
        walk.dialogs(5, step=1)
        walk.press("g")
        walk.answers([words, words])
        walk.bulk_answer([words])
        walk.replay([words])
        walk.inputs([words])
        walk.errors([words])
        return walk.quit()


def main() -> int:
    """Walk, and say what came of it; 1 where anything did."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--peers", action="store_true", help="compare with other programs")
    parser.add_argument("names", nargs="*", metavar="NAME")
    asked = parser.parse_args()
    names = asked.names or list(CORPUS)
    if asked.peers:
        compare(names, asked.jobs, alone)
        return 0
    kinds: Counter[str] = Counter()
    with ProcessPoolExecutor(asked.jobs) as pool:
        for name, wrong in zip(names, pool.map(alone, names), strict=True):
            kinds.update(one.partition(" ")[0] for one in wrong)
            sys.stdout.write(f"{name}: {len(wrong) or 'ok'}\n" + "".join(f"  {one}\n" for one in wrong[:5]))
            sys.stdout.flush()
    sys.stdout.write(f"{len(names)} strings, {sum(kinds.values())} wrong {dict(kinds) or ''}\n")
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
