"""`diff`: two runs of a recorded file, or of a demo; the exit code, the table, and the document."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft202012Validator

from scaicore_tui.cli.schemas import build_schema
from tests.support.program import Program
from tests.support.scene import completed_triage, failed_batch, running_triage


def recorded(tmp_path: Path) -> str:
    """Return a file with two equal runs and one that is still going on, of one Core, and a failed run of another."""
    path = tmp_path / "events.jsonl"
    runs = (completed_triage("exec_a", 0), completed_triage("exec_b", 60), running_triage("exec_c", 120))
    failed = failed_batch("exec_d", 180)
    path.write_bytes(b"".join(event.raw + b"\n" for run in (*runs, failed) for event in run))
    return str(path)


def test_two_runs_are_compared_with_each_other_and_one_with_a_run_that_suits_it(
    program: Program, tmp_path: Path
) -> None:
    flags = ("--offline", "--journal", recorded(tmp_path))
    equal = program("diff", "exec_a", "exec_b", *flags)
    assert equal.returncode == 0
    assert "no difference but the times" in equal.stdout
    chosen = program("diff", "exec_b", *flags)
    assert "exec_a · core_support-triage · completed · 4.7s · the newest run with an equal input" in chosen.stdout
    other = program("diff", "exec_d", "exec_a", *flags)
    assert other.returncode == 1
    assert "first difference: load · the input of the runs differs" in other.stdout
    assert "only in A" in other.stdout
    assert "only in B" in other.stdout
    nothing = program("diff", "exec_d", *flags)
    assert nothing.returncode == 5
    assert "no other run of core_invoice-batch completed" in nothing.stderr


def test_the_document_matches_its_schema(program: Program, tmp_path: Path) -> None:
    flags = ("--json", "--offline", "--journal", recorded(tmp_path))
    validator = Draft202012Validator(build_schema("diff"))
    for a, b, cause in (("exec_a", "exec_b", None), ("exec_d", "exec_a", "input")):
        document = json.loads(program("diff", a, b, *flags).stdout)
        assert not list(validator.iter_errors(document))
        assert document["alike"] == (cause is None)
        assert (document["first_divergence"] or {}).get("cause") == cause
        assert {node["node_id"] for node in document["nodes"] if node["b"] is not None} == {
            *("classify", "find_order", "reply")
        }
