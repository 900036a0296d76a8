"""Runs the state machine for longer than the tests do: `python -m tests.promises --examples 2000 --steps 40`."""

from __future__ import annotations

import argparse
import logging
import sys
import time

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.promises.machine import Promises
from tests.promises.team import TeamPromises


def main() -> None:
    """Run, and print the shortest scripts that break a promise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=1_000)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--no-shrink", action="store_true", help="print the first scripts found, not the shortest")
    parser.add_argument("--team", action="store_true", help="two machines that share a ledger")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    began = time.monotonic()
    run_state_machine_as_test(
        TeamPromises if options.team else Promises,
        settings=settings(
            max_examples=options.examples,
            stateful_step_count=options.steps,
            deadline=None,
            database=None,
            print_blob=False,
            phases=[Phase.generate] if options.no_shrink else [Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
    seconds = time.monotonic() - began
    sys.stdout.write(f"{options.examples:,} scripts in {seconds:.0f} s: none broke a promise\n")
    sys.stdout.write(f"{Promises.steps_taken:,} steps, {Promises.posts_taken:,} POSTs\n")


if __name__ == "__main__":
    main()
