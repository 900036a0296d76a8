"""`show --view flow`: the flow of a demo's run from ScaiFlow, from a file, from a recording; and what is refused."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from scaicore_tui.cli.output import stdout
from scaicore_tui.text import cell_width
from tests.support.program import Demo, Program


def failed_batch(reader: Program) -> dict[str, Any]:
    """Return the demo's run whose last invoice has an unknown vendor."""
    runs: list[dict[str, Any]] = reader.json_output("runs", "--failed", "--json")
    return next(run for run in runs if "VENDOR_UNKNOWN" in str(run["error"]))


def flow_file(name: str) -> Path:
    with resources.as_file(resources.files("scaicore_tui.servers.grid") / "flows" / f"{name}.json") as path:
        return path


def test_the_flow_of_a_failed_run(reader: Program) -> None:
    run = failed_batch(reader)
    lines = reader.lines("show", run["execution_id"], "--view", "flow", "--width", "78")
    assert lines[0].startswith(f"{run['execution_id']} · core_invoice-batch · failed")
    heading = "flow  invoice-batch from ScaiFlow, deployed to this Core: flow_invoice_batch version 2"
    flow = lines.index(f"{heading}  2 of 7 nodes not reached")
    rows = lines[flow + 1 :]
    assert [row.split()[-2 if row.endswith("reached") else -1] for row in rows if "·" in row] == ["not", "not"]
    states = {words[1]: words[0] for row in rows if (words := row.lstrip("╭┈┼┊│╰▷▶─ ").split())}
    visits = {node["node_id"]: node["visit_count"] for node in run["nodes"]}
    assert visits["post"] > 1
    assert any(f"×{visits['post']}" in row for row in rows if "post" in row)
    assert (states["take"], states["each"], states["post"], states["report"]) == ("✓", "✗", "✗", "·")
    assert max(map(cell_width, rows)) <= 78


def test_the_flow_can_be_a_file_or_be_inferred_without_a_server(reader: Program, tmp_path: Path) -> None:
    run = failed_batch(reader)
    journal = tmp_path / "events.jsonl"
    journal.write_text(reader("events", "--json").stdout)
    offline = ("show", run["execution_id"], "--offline", "--journal", str(journal), "--view", "flow", "--ascii")
    inferred = reader.lines(*offline)
    assert any(line.startswith("flow  order seen in ") and "not the design" in line for line in inferred)
    drawn = reader.lines(*offline, "--flow", str(flow_file("invoice-batch")))
    assert "flow  invoice-batch from the file invoice-batch.json  2 of 7 nodes not reached" in drawn
    assert any("not reached" in line and "tell" in line for line in drawn)


def test_the_folder_of_the_profile_is_searched(reader: Program, tmp_path: Path, demo: Demo) -> None:
    config = tmp_path / "scaicore-tui" / "config.toml"
    config.parent.mkdir()
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "invoice-batch.json").write_bytes(flow_file("invoice-batch").read_bytes())
    config.write_text(f'[profiles.default]\nurl = "{demo.ready["url"]}"\nflows = "{folder}"\n')
    config.chmod(0o600)
    program = reader.with_variables(XDG_CONFIG_HOME=str(tmp_path))
    lines = program.lines("show", failed_batch(reader)["execution_id"], "--view", "flow")
    assert "flow  invoice-batch from the file invoice-batch.json  2 of 7 nodes not reached" in lines
    with config.open("a") as file:
        file.write(f'ca_file = "{folder}"\n')
    shown = program.json_output("config", "show", "--json")
    assert [shown["settings"][name]["value"] for name in ("flows", "ca_file")] == [str(folder)] * 2


def test_a_file_without_a_flow_is_refused(reader: Program, tmp_path: Path) -> None:
    (tmp_path / "none.json").write_text("{}")
    show = ("show", failed_batch(reader)["execution_id"], "--view", "flow", "--flow")
    done = reader(*show, str(tmp_path / "none.json"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "has no flow graph" in done.stderr
    done = reader(*show, str(tmp_path / "missing.json"))
    assert (done.returncode, done.stdout) == (5, "")
    assert reader("show", "@latest", "--view", "flow", "--width", "7").returncode == 2
    assert reader("show", "@latest", "--view", "map").returncode == 2


def test_spans_are_coloured_without_the_spaces_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = [("│", "accent strong"), (" x ", "text"), ("   ", "grey")]
    for is_coloured in (True, False):
        monkeypatch.setattr(stdout, "_colours", is_coloured)
        stdout.spans(parts)
        stdout.spans([])
    assert capsys.readouterr().out == "\x1b[1;36m│\x1b[0m x\n\n│ x\n\n"
