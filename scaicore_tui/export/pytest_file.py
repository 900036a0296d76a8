"""The format `test`: a pytest file that invokes Cores again, and compares path, status and output. Pure.

Foreign text is only in one block of data, JSON in ASCII: in a raw string no JSON text can end it, as each quote inside
a JSON string has a backslash before it, and no three quotes of JSON itself follow each other.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from scaicore_tui.analysis.flow_graph import PARALLEL_TYPES
from scaicore_tui.analysis.steps import RunSteps, Step
from scaicore_tui.errors import UsageError
from scaicore_tui.export.exporter import Export, ExportedRun
from scaicore_tui.export.pytest_template import HEAD, TAIL
from scaicore_tui.json_text import INDENT_SPACES, write
from scaicore_tui.protocol.strict_json import parse_strict
from scaicore_tui.runs import Run
from scaicore_tui.runs.model import NodeKey


def pytest_file(export: Export) -> Iterator[str]:
    """Yield the text of a pytest file with a test for each run.

    Raises UsageError if the only run that was named cannot be tested; of several, those are listed in the file.
    """
    cases, left_out = list[dict[str, Any]](), list[dict[str, str]]()
    for exported in export.runs:
        reason = why_not_testable(exported)
        if reason is None:
            cases.append(_case(exported))
        elif export.is_one_run:
            raise UsageError(f"no test can be written for this run: {reason}", effect="nothing was written")
        else:
            left_out.append({"run": exported.run.execution_id, "reason": reason})
    if not cases:
        raise UsageError("no test can be written for any of these runs", effect="nothing was written")
    yield HEAD
    yield from _data("CASES", cases)
    yield "# Runs that were chosen and cannot be tested.\n"
    yield from _data("LEFT_OUT", left_out)
    yield TAIL


def why_not_testable(exported: ExportedRun) -> str | None:
    """Return why no test can be written for a run; None if one can."""
    run, steps = exported.run, exported.steps
    facts = (
        (not run.is_over, "it has not ended"),
        (run.core_id is None, "its Core is not known"),
        (run.joined_late or not run.has_input, "its input is not known, as it began before the first event"),
        (run.is_input_truncated, "the API truncated its input"),
        (bool(exported.missing) or steps.dropped > 0, "events of it are missing"),
        (any(step.waits_for_person for step in steps.steps if step.is_reached), "it waited for a person"),
        (not _has_strict_input(run), "its input is not valid JSON"),
    )
    return next((reason for is_so, reason in facts if is_so), None)


def _case(exported: ExportedRun) -> dict[str, Any]:
    run = exported.run
    given = "input" if _is_plain(run.input_json or b"null") else "input_text"
    return {
        "run": run.execution_id,
        "core": run.core_id,
        given: run.input if given == "input" else (run.input_json or b"null").decode(),
        "status": str(run.outcome),
        "error": run.error,
        "output": run.output,
        "path": path_groups(run, exported.steps),
    }


def path_groups(run: Run, steps: RunSteps) -> list[dict[str, dict[str, Any]]]:
    """Return the nodes in the order of their first visits, with their last states and the number of visits by state.

    Each group has the nodes among which the order does not count: those inside a parallel, and those that overlapped.
    """
    first = dict[NodeKey, Step]()
    for step in steps.steps:
        if step.is_reached:
            first.setdefault(step.key, step)
    groups, members = list[dict[str, dict[str, Any]]](), list[Step]()
    for key, node in run.nodes.items():
        step = first[key]
        if not members or not _is_unordered(steps, members, step):
            groups.append({})
            members.clear()
        members.append(step)
        name = node.node_id if node.node_id is not None else f"({node.block_kind})"
        visits = Counter(str(visit.state) for visit in node.visits)
        groups[-1][name] = {"state": str(node.state), "visits": dict(visits)}
    return groups


def _is_unordered(steps: RunSteps, members: Sequence[Step], step: Step) -> bool:
    """Return True if `step` may come before one of `members` in another run."""
    parallel = _parallel_of(steps, step)
    return any(
        (parallel is not None and parallel == _parallel_of(steps, member))
        or (not _contains(steps, member, step) and 0 < step.first_event < (member.ended_event or step.first_event))
        for member in members
    )


def _parallel_of(steps: RunSteps, step: Step) -> int | None:
    """Return the index of the outermost parallel around a step; None if there is none."""
    found, parent = None, step.parent
    while parent is not None:
        container = steps.step(parent)
        found = parent if container.block_kind in PARALLEL_TYPES else found
        parent = container.parent
    return found


def _contains(steps: RunSteps, container: Step, step: Step) -> bool:
    parent = step.parent
    while parent is not None and parent != container.index:
        parent = steps.step(parent).parent
    return parent == container.index


def _has_strict_input(run: Run) -> bool:
    try:
        parse_strict((run.input_json or b"").decode())
    except ValueError:
        return False
    return True


def _is_plain(source: bytes) -> bool:
    """Return True if Python writes a decoded JSON text with the same members and numbers."""
    try:
        json.loads(source, object_pairs_hook=_unique, parse_float=_exact)
    except (ValueError, RecursionError):
        return False
    return True


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        raise ValueError("a member is there twice")
    return found


def _exact(text: str) -> float:
    if repr(float(text)) != text:
        raise ValueError("Python writes this number differently")
    return float(text)


def _data(name: str, rows: Sequence[Any]) -> Iterator[str]:
    """Yield the definition of a constant with foreign data."""
    yield f'{name}: list[dict[str, Any]] = json.loads(\n    r"""\n'
    yield write(rows, indent=INDENT_SPACES, ascii_only=True, non_finite="null")
    yield '\n"""\n)\n'
