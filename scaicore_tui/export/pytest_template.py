"""The constant parts of a file of the format `test`: before the data, and after it. Pure."""

from __future__ import annotations

HEAD = '''"""Invokes Cores again, and compares path, status and output with runs that were recorded.

Written by `scaicore-tui export --test`. It needs pytest, the command scaicore-tui, and the API to test: that of
SCAICORE_TUI_URL and SCAICORE_TUI_TOKEN, or of a profile (SCAICORE_TUI_PROFILE). Each test invokes its Core once: models
and plugins are called, which may cost money and have side effects.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from typing import Any

import pytest

# Members of outputs with these names are not compared, such as ids and times that are others in each run.
IGNORED: set[str] = set()
# False: it does not count how often a node was visited, as when calls are tried again, only how its last visit ended.
COUNTS_VISITS = True
# Seconds until a run must have ended.
TIMEOUT_S = 60
COMMAND = shlex.split(os.environ.get("SCAICORE_TUI_COMMAND", "scaicore-tui"))

'''

TAIL = '''

def scaicore(core: str, *arguments: str, given: str = "") -> tuple[Any, str]:
    """Run a command of scaicore-tui; return its JSON document, None if it printed none, and its messages."""
    command = [*COMMAND, f"--core={core}", *arguments]
    done = subprocess.run(command, input=given, capture_output=True, encoding="utf-8", errors="replace", check=False)
    return (json.loads(done.stdout) if done.stdout.strip() else None), done.stderr.strip()


def run_again(case: dict[str, Any]) -> dict[str, Any]:
    """Invoke the Core with the recorded input; return the run that this started, once it has ended."""
    core = case["core"]
    given = case["input_text"] if "input_text" in case else json.dumps(case["input"])
    timeout = f"--timeout={TIMEOUT_S}"
    # The newest run of the Core only says which Core is invoked.
    sent, problem = scaicore(core, "replay", "@latest", "--input=-", timeout, "--yes", "--json", given=given)
    if sent is None or sent["execution_id"] is None:
        pytest.fail(f"the Core was not invoked, or its run was not found: {problem}", pytrace=False)
    shown, problem = scaicore(core, "show", sent["execution_id"], "--json")
    if shown is None or shown["status"] not in ("completed", "failed"):
        pytest.fail(f"the run {sent['execution_id']} has not ended: {problem}", pytrace=False)
    return shown


def path_of(run: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the nodes in the order of their first visits, with their last states and the number of visits by state."""
    path = []
    for node in run["nodes"]:
        states = [visit["state"] for visit in node["visits"]]
        name = node["node_id"] if node["node_id"] is not None else f"({node['block_kind']})"
        visits = {state: states.count(state) for state in states}
        path.append((name, {"state": node["state"], "visits": visits}))
    return path


def grouped(path: list[tuple[str, dict[str, Any]]], sizes: list[int]) -> list[dict[str, Any]]:
    """Return the path as groups of these sizes, within which the order does not count; what is left is the last one."""
    groups = []
    for size in [*sizes, len(path)]:
        groups.append({name: node if COUNTS_VISITS else node["state"] for name, node in path[:size]})
        path = path[size:]
    return [group for group in groups if group]


def masked(error: str | None) -> str | None:
    """Return an error without the numbers and ids that are others in each run."""
    return None if error is None else re.sub(r"\\b(?=\\w*\\d)[\\w-]+", "#", error)


def comparable(value: Any) -> Any:
    """Return an output without the ignored members; true is not 1, and 1 is not 1.0."""
    if isinstance(value, dict):
        return {name: comparable(member) for name, member in value.items() if name not in IGNORED}
    if isinstance(value, list):
        return [comparable(item) for item in value]
    return value if isinstance(value, str) else json.dumps(value)


@pytest.mark.parametrize("case", CASES, ids=[f"{case['core']}-{case['run']}" for case in CASES])
def test_a_run_ends_as_it_did(case: dict[str, Any]) -> None:
    run = run_again(case)
    sizes = [len(group) for group in case["path"]]
    expected = [node for group in case["path"] for node in group.items()]
    assert (run["status"], masked(run["error"])) == (case["status"], masked(case["error"]))
    assert grouped(path_of(run), sizes) == grouped(expected, sizes)
    assert comparable(run["output"]) == comparable(case["output"])
'''
