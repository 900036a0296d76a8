"""Compare the steps that are inferred from events with what the engine knows, on flows made at random.

`python -m tests.support.step_truth 1000` prints the shares that are right.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from scaicore_tui.analysis.steps import ATTEMPT, ITERATION, PARENT, RunSteps, Step, build_steps
from scaicore_tui.protocol import Event
from scaicore_tui.protocol.events import BLOCK_ENTERED
from scaicore_tui.runs import Run
from scaicore_tui.runs.reduce import apply
from tests.support.flow_graphs import client_graph
from tests.support.generated_flows import Execution, Place, execute, places

FACTS = (PARENT, ITERATION, ATTEMPT)


def reduce_events(execution_id: str, events: Iterable[Event]) -> Run:
    run = Run(execution_id)
    for event in events:
        apply(run, event)
    return run


@dataclass
class Agreement:
    """How many facts were compared, right, and not marked as inferred; and those that are wrong but not marked."""

    compared: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    certain: Counter[str] = field(default_factory=Counter)
    wrong_but_certain: list[str] = field(default_factory=list)

    def share(self, fact: str) -> float:
        return self.right[fact] / max(1, self.compared[fact])

    def add(self, steps: RunSteps, execution: Execution) -> None:
        """Compare the steps of one run."""
        paths = path_of_events(execution)
        truth = dict(zip(execution.paths, places(execution), strict=True))
        for step in steps.steps:
            if step.entered_event in paths:
                self._compare(steps, step, paths, truth[paths[step.entered_event]])

    def _compare(self, steps: RunSteps, step: Step, paths: dict[int, str], truth: Place) -> None:
        parent = None if step.parent is None else paths.get(steps.step(step.parent).entered_event)
        right = {
            PARENT: parent == truth.parent,
            ITERATION: step.iteration == truth.iteration,
            ATTEMPT: step.attempt == truth.attempt,
        }
        assert step.node_id == truth.node_id
        for fact in FACTS:
            self.compared[fact] += 1
            self.right[fact] += right[fact]
            self.certain[fact] += fact not in step.inferred
            if not right[fact] and fact not in step.inferred:
                self.wrong_but_certain.append(f"{fact} of {step.name}, event {step.entered_event}: {truth}")


def path_of_events(execution: Execution) -> dict[int, str]:
    """Return the engine's path of each step by the number of its enter event. Events taken for repeats have none."""
    run, found, paths = Run(execution.id), dict[int, str](), iter(execution.paths)
    for event in execution.events:
        path = next(paths) if event.type == BLOCK_ENTERED else ""
        if apply(run, event) and path:
            found[run.event_count] = path
    return found


def compare(seeds: Iterable[int]) -> dict[str, Agreement]:
    """Return the agreement for steps with the flow's graph, and for those from the order of the events alone."""
    found = {"graph": Agreement(), "order": Agreement()}
    for seed in seeds:
        execution = execute(seed)
        run = reduce_events(execution.id, execution.events)
        found["graph"].add(build_steps(run, client_graph(execution.graph)), execution)
        found["order"].add(build_steps(run), execution)
    return found


def main() -> int:
    """Print the shares for the number of executions in the arguments."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    wrong = 0
    for source, agreement in compare(range(count)).items():
        for fact in FACTS:
            total = agreement.compared[fact]
            certain = 100 * agreement.certain[fact] / max(1, total)
            line = f"{source:6} {fact:10} {agreement.share(fact):8.2%} of {total:,} right; {certain:.0f}% not marked"
            sys.stdout.write(f"{line}\n")
        for text in agreement.wrong_but_certain:
            sys.stdout.write(f"WRONG, AND NOT MARKED AS INFERRED: {text}\n")
        wrong += len(agreement.wrong_but_certain)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
