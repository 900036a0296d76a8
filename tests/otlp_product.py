"""Sends the runs of a demo to a real receiver of traces, Arize Phoenix, and compares what that has with `show --json`.

`python -m tests.otlp_product PYTHON` uses the Phoenix in the environment of that interpreter; `.ci/otlp` makes one.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

import httpx

START_S, READ_S = 180, 60
PAGE = 1_000
Span = Mapping[str, Any]
Key = tuple[str | None, int]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


@contextmanager
def running_phoenix(python: Path, folder: Path) -> Iterator[str]:
    """Run Phoenix with its data in `folder`; yield its address."""
    port = free_port()
    env = os.environ | {
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    url = f"http://127.0.0.1:{port}"
    with (
        (folder / "phoenix.log").open("w") as log,
        subprocess.Popen([python, "-m", "phoenix.server.main", "serve"], env=env, stdout=log, stderr=log) as process,
    ):
        try:
            deadline = monotonic() + START_S
            while not _answers(f"{url}/healthz"):
                assert process.poll() is None, (folder / "phoenix.log").read_text()[-2_000:]
                assert monotonic() < deadline, "Phoenix did not start in time"
                sleep(0.5)
            yield url
        finally:
            process.terminate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False


class Scaicore:
    """The program, with a home folder of its own."""

    def __init__(self, home: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCAI", "OTEL_"))}
        folders = {name: str(home / name) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME")}
        self.env = kept | {"HOME": str(home)} | folders
        self._command = [sys.executable, "-m", "scaicore_tui"]

    @contextmanager
    def demo(self) -> Iterator[None]:
        """Run a demo that starts no new runs, and connect to it."""
        command = [*self._command, "demo", "--no-tui", "--seed", "7", "--rate", "0"]
        with subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                ready = json.loads(process.stdout.readline())
                self.env |= {"SCAICORE_TUI_URL": ready["url"], "SCAICORE_TUI_TOKEN": ready["token"]}
                yield
            finally:
                process.terminate()

    def json(self, *arguments: str) -> Any:
        """Return the document that a command prints."""
        command = [*self._command, *arguments, "--json"]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return json.loads(done.stdout)


def record(program: Scaicore, journal: Path, url: str) -> Mapping[str, int]:
    """Record all runs of the demo, and send the finished ones; return the figures of the traces."""
    options = ("--backfill", "100000", "--until-idle", "3", "--for", "90", "--journal", str(journal))
    summary = program.json("record", "--otlp", url, *options)
    traces: Mapping[str, int] = summary["traces"]
    assert traces["spans_refused"] == traces["runs_refused"] == traces["runs_waiting"] == 0, traces
    return traces


def read_spans(url: str, count: int) -> list[Span]:
    """Return all spans that Phoenix has, once these are `count`, or in the end whatever it has."""
    deadline = monotonic() + READ_S
    while True:
        found, cursor = list[Span](), None
        while True:
            query = {"limit": PAGE} | ({} if cursor is None else {"cursor": cursor})
            page = httpx.get(f"{url}/v1/projects/default/spans", params=query, timeout=READ_S).raise_for_status().json()
            found += page["data"]
            cursor = page.get("next_cursor")
            if not cursor:
                break
        if len(found) >= count or monotonic() > deadline:
            return found
        sleep(0.5)


def differences(shown: Mapping[str, Any], spans: list[Span]) -> Iterator[str]:
    """Yield how the spans of one trace differ from the document of `show`: number, names, parents and statuses."""
    steps = [step for step in shown["steps"] if step["state"] is not None]
    run = shown["execution_id"]
    (root,) = [span for span in spans if not span["parent_id"]]
    if len(spans) != len(steps) + 1:
        yield f"{run}: {len(spans)} spans for {len(steps)} steps"
    if (root["status_code"] == "ERROR") != (shown["status"] == "failed"):
        yield f"{run}: the status is {root['status_code']}"
    by_key = {_key(span): span for span in spans if span is not root}
    numbers = _visit_numbers(shown)
    for step in steps:
        key = (step["node_id"], numbers[step["node_id"]] + step["visit"])
        span = by_key.get(key)
        if span is None:
            yield f"{run}: {key} is missing"
            continue
        around = root
        if step["parent"] is not None:
            parent = shown["steps"][step["parent"]]
            around = by_key[parent["node_id"], numbers[parent["node_id"]] + parent["visit"]]
        if span["parent_id"] != around["context"]["span_id"]:
            yield f"{run}: {key} is in another span"
        if (span["status_code"] == "ERROR") != (step["state"] == "failed"):
            yield f"{run}: {key} has the status {span['status_code']}"
        if span["status_message"] != (step["error"] or ""):
            yield f"{run}: {key} has the message {span['status_message']!r}"


def _key(span: Span) -> Key:
    attributes = span["attributes"]
    return attributes.get("scaicore.node.id"), attributes["scaicore.step.visit"]


def _visit_numbers(shown: Mapping[str, Any]) -> dict[str | None, int]:
    """Return how many visits of each node are no longer in `visits`."""
    return {node["node_id"]: node["visit_count"] - len(node["visits"]) for node in shown["nodes"]}


def compare(program: Scaicore, journal: Path, spans: list[Span]) -> tuple[int, list[str]]:
    """Return how many runs were compared, and all differences."""
    traces: dict[str, list[Span]] = {}
    for span in spans:
        traces.setdefault(span["context"]["trace_id"], []).append(span)
    by_run = {
        root["attributes"]["scaicore.run.id"]: members
        for members in traces.values()
        for root in members
        if not root["parent_id"]
    }
    source = ("--offline", "--journal", str(journal))
    over = {run["execution_id"] for run in program.json("runs", *source) if run["status"] in ("completed", "failed")}
    found = [] if over == by_run.keys() else [f"runs: {sorted(over ^ by_run.keys())}"]
    for execution_id in sorted(over & by_run.keys()):
        found += differences(program.json("show", execution_id, *source), by_run[execution_id])
    return len(over), found


def check(python: Path) -> int:
    """Run everything; print the figures, and return the exit code."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "home").mkdir()
        program = Scaicore(folder / "home")
        with running_phoenix(python, folder) as url, program.demo():
            first = record(program, folder / "first", url)
            spans = read_spans(url, first["spans_sent"])
            runs, found = compare(program, folder / "first", spans)
            # Another recorder, with another journal, sends the same spans again, and those of runs that ended since.
            again = record(program, folder / "second", url)
            repeated = read_spans(url, again["spans_sent"])
            found += compare(program, folder / "second", repeated)[1]
    for sent, arrived in ((first, spans), (again, repeated)):
        distinct = len({(span["context"]["trace_id"], span["context"]["span_id"]) for span in arrived})
        if not sent["spans_sent"] == distinct == len(arrived) > 0:
            found.append(f"{sent['spans_sent']} spans were sent, {len(arrived)} arrived, {distinct} distinct ones")
    failed = sum(span["status_code"] == "ERROR" for span in spans)
    repeats = f"{again['spans_sent']} sent by another recorder, {len(repeated)} in all"
    sys.stdout.write(f"{len(spans)} spans of {runs} runs, {failed} failed; {repeats}\n")
    sys.stdout.write("".join(f"  {text}\n" for text in found[:20]))
    sys.stdout.write(f"otlp: {'ok' if not found else f'{len(found)} differences'}\n")
    return 1 if found else 0


def main() -> int:
    """Check with the Phoenix of an environment."""
    parser = argparse.ArgumentParser(prog="python -m tests.otlp_product")
    parser.add_argument("python", type=Path, help="interpreter of an environment with arize-phoenix")
    return check(parser.parse_args().python)


if __name__ == "__main__":
    sys.exit(main())
